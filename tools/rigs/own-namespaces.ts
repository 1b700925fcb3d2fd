/**
 * Runs a command as on a node of its own: namespaces for mounts, network, processes, host name and System V objects, with folders
 * of its own where a kubelet and its neighbours keep things. Everything that the command starts, mounts or configures is gone with
 * its first process, whatever that process dies of; only the control groups are left, which a shell outside removes then.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The address of the node; a kubelet wants one that is no loopback address. */
export const nodeAddress = "10.209.0.1";

const cgroupVariable = "VFLEET_RIG_CGROUP";
const cgroupPrefix = "vfleet-rig-";
const cgroupMount = "/sys/fs/cgroup";

/** The control group that pods go into; undefined outside of namespaces that {@link runInOwnNamespaces} made. */
export function ownCgroup(env: NodeJS.ProcessEnv = process.env): string | undefined {
  return env[cgroupVariable];
}

/** Why it cannot be done here; undefined when it can. */
export function namespacesProblem(): string | undefined {
  if (process.platform !== "linux") return `this is ${process.platform}, and nodes are Linux hosts`;
  if (process.getuid?.() !== 0) return "it takes root";
  for (const program of ["unshare", "ip"]) {
    if (spawnSync(program, ["--version"], { stdio: "ignore" }).error !== undefined) return `there is no \`${program}\` (on Debian: util-linux, iproute2)`;
  }
  const tried = spawnSync("unshare", ["--mount", "--net", "--pid", "--fork", "true"], { encoding: "utf8" });
  return tried.status === 0 ? undefined : `namespaces cannot be made here: ${tried.stderr.trim()}`;
}

/**
 * What happens inside before the command: new file systems in memory over /run, /var/lib, /var/log, copies of /etc and /dev; /opt stays as
 * it is but for a new /opt/cni; a /sys that shows this network. The shell stays as the first process, which reaps what others leave behind. Descriptor 3
 * ends with whoever started all this, and everything in here with it.
 */
const preparation = `
set -eu
mount -t tmpfs -o mode=755 vfleet-rig /run
mkdir -p /run/cgroup /run/tmp /run/netns /run/lock /run/etc /run/opt/cni/bin /run/dev
mount --rbind ${cgroupMount} /run/cgroup
mount -t sysfs sysfs /sys
mount --rbind /run/cgroup ${cgroupMount}
umount -l /run/cgroup
for entry in /opt/*; do
  if [ -d "$entry" ] && [ "$entry" != /opt/cni ]; then mkdir "/run$entry" && mount --rbind "$entry" "/run$entry"; fi
done
mount --rbind /run/opt /opt
cp -a /etc/. /run/etc/
mount --bind /run/etc /etc
rm -rf /etc/cni /etc/sriov-operator
cp -ax /dev/. /run/dev/
mkdir -p /run/dev/pts /run/dev/shm
mount -t devpts -o ptmxmode=0666,mode=620 vfleet-rig /run/dev/pts
mount -t tmpfs vfleet-rig /run/dev/shm
mount --rbind /run/dev /dev
mount -t tmpfs vfleet-rig /var/lib
mount -t tmpfs vfleet-rig /var/log
mount --make-rshared /
hostname "$1"
ip link set lo up
ip address add ${nodeAddress}/32 dev lo
echo 1 > /proc/sys/net/ipv4/ip_forward
export TMPDIR=/run/tmp
shift
(cat <&3 > /dev/null; kill -KILL -1) &
"$@" 3<&- &
wait $!
`;

/** Outside: starts all that, and removes the control groups when it has ended. The kernel takes a moment to let go of processes that were killed. */
const supervision = `
cgroup=$1
shift
unshare --mount --net --pid --uts --ipc --fork --mount-proc --kill-child sh -c "$@"
status=$?
for attempt in $(seq 100); do
  left=0
  for group in ${cgroupMount}/$cgroup ${cgroupMount}/*/$cgroup; do
    if [ -d "$group" ]; then find "$group" -depth -type d -exec rmdir {} + 2> /dev/null || left=1; fi
  done
  if [ $left = 0 ]; then break; fi
  sleep 0.1
done
exit $status
`;

/** Runs the command to its end and answers its exit status. What ends this process ends everything inside. */
export async function runInOwnNamespaces(hostName: string, command: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const cgroup = `${cgroupPrefix}${process.pid}`;
  makeCgroups(cgroup);
  const child = spawn("sh", ["-c", supervision, "sh", cgroup, preparation, "sh", hostName, ...command], {
    stdio: ["inherit", "inherit", "inherit", "pipe"], env: { ...env, [cgroupVariable]: cgroup },
    // A signal that a terminal sends to all must not end the one that cleans up.
    detached: true,
  });
  const stop = () => child.stdio[3]?.destroy();
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.once(signal, stop);
  try {
    const [status] = (await once(child, "exit")) as [number | null];
    return status ?? 1;
  } finally {
    for (const signal of signals) process.removeListener(signal, stop);
  }
}

function makeCgroups(name: string): void {
  // In version 2 a group has the controllers that its parent hands down; one that it cannot hand down is none of the kubelet's either.
  for (const controller of read(join(cgroupMount, "cgroup.controllers")).split(/\s+/).filter((word) => word !== "")) {
    try {
      writeFileSync(join(cgroupMount, "cgroup.subtree_control"), `+${controller}`);
    } catch {
      // The kubelet names what it misses.
    }
  }
  for (const hierarchy of hierarchies()) {
    mkdirSync(join(hierarchy, name), { recursive: true });
    // One without processors and memory nodes takes no processes (Documentation/admin-guide/cgroup-v1/cpusets.rst).
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      if (existsSync(join(hierarchy, file)) && hierarchy !== cgroupMount) writeFileSync(join(hierarchy, name, file), readFileSync(join(hierarchy, file)));
    }
  }
}

/** One of version 2, or one for each controller. */
function hierarchies(): readonly string[] {
  return existsSync(join(cgroupMount, "cgroup.controllers")) ? [cgroupMount] : folders(cgroupMount).map((name) => join(cgroupMount, name));
}

function folders(path: string): readonly string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch {
    return [];
  }
}

/** Empty when there is nothing to read. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
