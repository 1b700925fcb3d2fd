/**
 * Builds containerd and the CNI project's plugins, once, into a cache folder, and gets runc and busybox: what a real kubelet needs to run
 * pods. By hand: `node tools/rigs/container-runtime.ts` does so and prints the folder.
 */
import { access, chmod, copyFile, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { runCommand } from "./command.ts";
import { cacheFolder, ensurePrograms, missingPrograms } from "./go-programs.ts";
import type { EnsureOptions, GoModule, GoProgram } from "./go-programs.ts";
import { RigError, printEnsured } from "./rig-error.ts";

// The newest patches of the newest series that ask for no newer Go than Kubernetes 1.34 does (1.24). containerd 2.x has CDI on, and
// a libcni that speaks CNI 1.1 (STATUS, GC); Debian 12's 1.6 has neither.
export const containerdVersion = "2.1.9";
export const cniPluginsVersion = "1.9.1";
/** Of libcni, for a driver of our own: containerd 2.1 asks plugins for STATUS, and never for GC or CHECK. */
export const cniVersion = "1.3.0";

/** Plugins of the CNI project, and where it keeps them: for the cluster's own network (kind's is a ptp), the Onload article's, and what follows a VF in a chain. */
export const cniPlugins = { bridge: "main", loopback: "main", macvlan: "main", ptp: "main", "host-local": "ipam", portmap: "meta", tuning: "meta" } as const;

export function containerRuntimeDir(env: NodeJS.ProcessEnv = process.env): string {
  return cacheFolder(`containerd-${containerdVersion}-cni-${cniPluginsVersion}-libcni-${cniVersion}`, env);
}

export interface ContainerRuntime {
  /** Absolute path of the folder with the binaries. */
  readonly dir: string;
  readonly runc: string;
  /** A static busybox, of which images are made. */
  readonly busybox: string;
}

/**
 * Programs that take C libraries to build. The machine's own are used where it has them; else those of the Debian packages, taken out of
 * the package into our folder: nothing is installed.
 */
const packaged = {
  runc: { debianPackage: "runc", inPackage: ["usr/bin/runc", "usr/sbin/runc"] },
  busybox: { debianPackage: "busybox-static", inPackage: ["usr/bin/busybox", "bin/busybox"] },
} as const;
type Packaged = keyof typeof packaged;

/** Makes sure that the runtime is there. Throws {@link RigError}. */
export async function ensureContainerRuntime(options: EnsureOptions = {}): Promise<ContainerRuntime> {
  const dir = containerRuntimeDir();
  await ensurePrograms(dir, programs, options);
  const path = async (name: Packaged) => (await findPackaged(name)) ?? (await fetchPackaged(name, dir));
  return { dir, runc: await path("runc"), busybox: await path("busybox") };
}

/** The programs that would have to be built or fetched. */
export async function missingContainerRuntime(): Promise<readonly string[]> {
  const built = (await missingPrograms(containerRuntimeDir(), programs)).map(({ name }) => name);
  const names: readonly Packaged[] = ["runc", "busybox"];
  const found = await Promise.all(names.map((name) => findPackaged(name)));
  return [...built, ...names.filter((_, index) => found[index] === undefined)];
}

async function findPackaged(name: Packaged, env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const folders = [containerRuntimeDir(env), ...(env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  for (const folder of folders) if (folder.startsWith("/") && (await exists(join(folder, name)))) return join(folder, name);
  return undefined;
}

async function fetchPackaged(name: Packaged, dir: string): Promise<string> {
  const { debianPackage, inPackage } = packaged[name];
  // Beside the binaries, since a rename is atomic only within one file system.
  const work = await mkdtemp(join(dir, ".package-"));
  try {
    const download = () => runCommand("apt-get", ["download", "-q", debianPackage], { cwd: work, timeoutMs: 300_000 });
    const isThere = async () => (await readdir(work)).find((file) => file.endsWith(".deb"));
    await download().catch(() => {});
    if ((await isThere()) === undefined) {
      // The lists of packages may be missing, as in images of containers, or too old.
      await runCommand("apt-get", ["update", "-q"], { timeoutMs: 300_000 }).catch(() => {});
      await download().catch(() => {});
    }
    const file = await isThere();
    if (file !== undefined) await runCommand("dpkg-deb", ["-x", join(work, file), work]);
    for (const path of inPackage) {
      if (!(await exists(join(work, path)))) continue;
      await copyFile(join(work, path), join(work, name));
      await chmod(join(work, name), 0o755);
      await rename(join(work, name), join(dir, name));
      return join(dir, name);
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  throw new RigError("programMissing", `There is no ${name} on this machine, and the Debian package ${debianPackage} could not be had: install ${name} by this system's own means.`);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}

/** A module that requires one other and stamps it. */
function requiring(name: string, path: string, version: string, stamps: readonly string[]): GoModule {
  return {
    name,
    async write(_go, dir) {
      await writeFile(join(dir, "go.mod"), `module vfleet.invalid/${name}\ngo 1.24.0\ngodebug default=go1.24\nrequire ${path} v${version}\n`);
      return stamps;
    },
  };
}

const containerdPath = "github.com/containerd/containerd/v2";
const pluginsPath = "github.com/containernetworking/plugins";

const containerd = requiring("containerd", containerdPath, containerdVersion, [`${containerdPath}/version.Version=${containerdVersion}`]);
const cniPath = "github.com/containernetworking/cni";
const cni = requiring("cni", cniPath, cniVersion, []);
const plugins = requiring("cni-plugins", pluginsPath, cniPluginsVersion, [`${pluginsPath}/pkg/utils/buildversion.BuildVersion=v${cniPluginsVersion}`]);

/** `libcni COMMAND NETWORK NETNS CONTAINER IFNAME [KEEP …]`: one operation as a container runtime does it; for gc, KEEP are the containers that stay. */
const libcniDriver = `package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"
)

func main() {
	if len(os.Args) == 2 {
		fmt.Println("libcni ${cniVersion}")
		return
	}
	network, err := libcni.LoadNetworkConf(os.Getenv("NETCONFPATH"), os.Args[2])
	exit(err)
	config := libcni.NewCNIConfigWithCacheDir(filepath.SplitList(os.Getenv("CNI_PATH")), os.Getenv("CACHE"), nil)
	call := &libcni.RuntimeConf{ContainerID: os.Args[4], NetNS: os.Args[3], IfName: os.Args[5]}
	ctx := context.Background()
	switch os.Args[1] {
	case "add":
		result, err := config.AddNetworkList(ctx, network, call)
		exit(err)
		_ = result.Print()
	case "check":
		exit(config.CheckNetworkList(ctx, network, call))
	case "del":
		exit(config.DelNetworkList(ctx, network, call))
	case "status":
		exit(config.GetStatusNetworkList(ctx, network))
	case "gc":
		keep := []types.GCAttachment{}
		for _, id := range os.Args[6:] {
			keep = append(keep, types.GCAttachment{ContainerID: id, IfName: os.Args[5]})
		}
		exit(config.GCNetworkList(ctx, network, &libcni.GCArgs{ValidAttachments: keep}))
	}
}

func exit(err error) {
	if err == nil {
		return
	}
	_ = json.NewEncoder(os.Stdout).Encode(err)
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
`;

const programs: readonly GoProgram[] = [
  ...["containerd", "containerd-shim-runc-v2", "ctr"].map(
    (name): GoProgram => ({
      name, version: containerdVersion, module: containerd, source: { package: `${containerdPath}/cmd/${name}` },
      // File systems that the tests do without; the first needs headers of the kernel's.
      tags: "no_btrfs,no_devmapper,no_zfs",
      versionArguments: [name === "containerd-shim-runc-v2" ? "-v" : "--version"],
      // "containerd github.com/containerd/containerd/v2 2.1.9", "  Version:  2.1.9", "ctr github.com/containerd/containerd/v2 2.1.9".
      versionPattern: /(?:\/v2|Version:) +v?(\d\S*)/,
    }),
  ),
  { name: "libcni", version: cniVersion, module: cni, source: { main: libcniDriver }, versionArguments: ["--version"], versionPattern: /libcni (\S+)/ },
  ...Object.entries(cniPlugins).map(
    ([name, kind]): GoProgram => ({
      name, version: cniPluginsVersion, module: plugins, source: { package: `${pluginsPath}/plugins/${kind}/${name}` },
      // Run without CNI_COMMAND, a plugin says who it is.
      versionArguments: [], versionPattern: /CNI \S+ plugin v(\d\S*)/,
    }),
  ),
];

if (import.meta.main) await printEnsured(ensureContainerRuntime().then(({ dir }) => dir));
