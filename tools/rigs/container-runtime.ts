/**
 * Builds containerd, runc and the CNI project's plugins, once, into a cache folder: what a real kubelet needs to run pods. By hand:
 * `node tools/rigs/container-runtime.ts` builds them and prints the folder.
 */
import { access, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder, ensurePrograms, missingPrograms } from "./go-programs.ts";
import type { EnsureOptions, GoModule, GoProgram } from "./go-programs.ts";
import { RigError } from "./rig-error.ts";

// The newest patches of the newest series that ask for no newer Go than Kubernetes 1.34 does (1.24). containerd 2.x has CDI on, and
// a libcni that speaks CNI 1.1 (STATUS, GC); Debian 12's 1.6 has neither.
export const containerdVersion = "2.1.9";
export const runcVersion = "1.3.6";
export const cniPluginsVersion = "1.9.1";

/** Plugins of the CNI project for the cluster's own network. */
export const cniPlugins = { bridge: "main", loopback: "main", "host-local": "ipam", portmap: "meta" } as const;

export function containerRuntimeDir(env: NodeJS.ProcessEnv = process.env): string {
  return cacheFolder(`containerd-${containerdVersion}-runc-${runcVersion}-cni-${cniPluginsVersion}`, env);
}

export interface ContainerRuntime {
  /** Absolute path of the folder with the binaries. */
  readonly dir: string;
  /** A static busybox of this machine, of which images are made. */
  readonly busybox: string;
}

/** Makes sure that the runtime is there. Throws {@link RigError}. */
export async function ensureContainerRuntime(options: EnsureOptions = {}): Promise<ContainerRuntime> {
  const busybox = await findBusybox();
  if (busybox === undefined) throw new RigError("programMissing", `There is no busybox on this machine to make images of: ${busyboxRemedy}.`);
  const dir = containerRuntimeDir();
  await ensurePrograms(dir, programs, options);
  return { dir, busybox };
}

/** What keeps the runtime from being there, in words; empty when nothing does. */
export async function missingContainerRuntime(): Promise<readonly string[]> {
  const missing = (await missingPrograms(containerRuntimeDir(), programs)).map(({ name }) => name);
  return (await findBusybox()) === undefined ? [...missing, `busybox (${busyboxRemedy})`] : missing;
}

const busyboxRemedy = "on Debian `apt-get install busybox-static`";

async function findBusybox(): Promise<string | undefined> {
  for (const path of ["/usr/bin/busybox", "/bin/busybox", "/sbin/busybox.static", "/bin/busybox.static"]) {
    if (await access(path).then(() => true, () => false)) return path;
  }
  return undefined;
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
const runcPath = "github.com/opencontainers/runc";
const pluginsPath = "github.com/containernetworking/plugins";

const containerd = requiring("containerd", containerdPath, containerdVersion, [`${containerdPath}/version.Version=${containerdVersion}`]);
const runc = requiring("runc", runcPath, runcVersion, [`main.version=${runcVersion}`]);
const plugins = requiring("cni-plugins", pluginsPath, cniPluginsVersion, [`${pluginsPath}/pkg/utils/buildversion.BuildVersion=v${cniPluginsVersion}`]);

const programs: readonly GoProgram[] = [
  ...["containerd", "containerd-shim-runc-v2"].map(
    (name): GoProgram => ({
      name, version: containerdVersion, module: containerd, source: { package: `${containerdPath}/cmd/${name}` },
      // File systems that the tests do without; the first needs headers of the kernel's.
      tags: "no_btrfs,no_devmapper,no_zfs",
      versionArguments: [name === "containerd-shim-runc-v2" ? "-v" : "--version"],
      // "containerd github.com/containerd/containerd/v2 2.1.9", "  Version:  2.1.9".
      versionPattern: /(?:\/v2|Version:) +v?(\d\S*)/,
    }),
  ),
  // It enters namespaces before the Go runtime starts, which takes C. Without the tag `seccomp` it needs no library.
  { name: "runc", version: runcVersion, module: runc, source: { package: runcPath }, cgo: true, versionArguments: ["--version"], versionPattern: /runc version (\d\S*)/ },
  ...Object.entries(cniPlugins).map(
    ([name, kind]): GoProgram => ({
      name, version: cniPluginsVersion, module: plugins, source: { package: `${pluginsPath}/plugins/${kind}/${name}` },
      // Run without CNI_COMMAND, a plugin says who it is.
      versionArguments: [], versionPattern: /CNI \S+ plugin v(\d\S*)/,
    }),
  ),
];

if (import.meta.main) {
  try {
    process.stdout.write(`${(await ensureContainerRuntime()).dir}\n`);
  } catch (error) {
    if (!(error instanceof RigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
