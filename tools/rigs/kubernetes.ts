/**
 * Builds real Kubernetes binaries, once, into a cache folder outside the checkout, so that test tiers can run against
 * the real thing: `node tools/rigs/kubernetes.ts --help` says how.
 *
 * Everything comes from the Go module proxy and is verified by its checksum database; no container, no download of
 * ready-made binaries. Each binary is a Go program of a few lines over the upstream `app` packages.
 */
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { cacheFolder, ensurePrograms, goJson, missingPrograms } from "./go-programs.ts";
import type { EnsureOptions, GoModule, GoProgram } from "./go-programs.ts";
import { RigError } from "./rig-error.ts";

/** The newest 1.34 patch that the Go checksum database knew when it was pinned. */
export const kubernetesVersion = "1.34.10";

/** The newest 3.6 patch that asks for no newer Go than Kubernetes 1.34 does (1.24): 3.6.9 and later want 1.25 or 1.26. */
export const etcdVersion = "3.6.8";

/** What every caller gets: enough for an API server and a way to talk to it. */
export const coreComponents = ["etcd", "kube-apiserver", "kubectl"] as const;

/** What a caller asks for by name: enough, with the core, for a node that runs pods. */
export const optionalComponents = ["kube-scheduler", "kube-controller-manager", "kubelet"] as const;

export type Component = (typeof coreComponents)[number] | (typeof optionalComponents)[number];

export interface EnsureKubernetesOptions extends EnsureOptions {
  /** Components beyond the core. */
  readonly with?: readonly Component[];
  /** The folder to find or put the binaries in; {@link defaultAssetsDir} when absent. */
  readonly dir?: string;
}

export interface KubernetesAssets {
  /** Absolute path of the folder with the binaries; also what `KUBEBUILDER_ASSETS` should say. */
  readonly dir: string;
  /** Without a leading v. */
  readonly kubernetesVersion: string;
  /** Without a leading v. */
  readonly etcdVersion: string;
}

/**
 * `$KUBEBUILDER_ASSETS`, as the ecosystem has it; else a folder of the user's cache that is named after both versions,
 * so that checkouts with different pins never share one.
 */
export function defaultAssetsDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env["KUBEBUILDER_ASSETS"]) return resolve(env["KUBEBUILDER_ASSETS"]);
  return cacheFolder(`kubernetes-${kubernetesVersion}-etcd-${etcdVersion}`, env);
}

/** Makes sure that the binaries are there, see {@link ensurePrograms}. Throws {@link RigError}. */
export async function ensureKubernetes(options: EnsureKubernetesOptions = {}): Promise<KubernetesAssets> {
  const dir = resolve(options.dir ?? defaultAssetsDir());
  await ensurePrograms(dir, programsOf(options.with ?? []), options);
  return { dir, kubernetesVersion, etcdVersion };
}

/** Which of the core and these components would have to be built. */
export async function missingKubernetes(components: readonly Component[], dir: string = defaultAssetsDir()): Promise<readonly string[]> {
  return (await missingPrograms(dir, programsOf(components))).map(({ name }) => name);
}

function programsOf(more: readonly Component[]): readonly GoProgram[] {
  return [...new Set<Component>([...coreComponents, ...more])].map(programOf);
}

// ---------------------------------------------------------------------------------------------------------------------
// The Go modules and programs
// ---------------------------------------------------------------------------------------------------------------------

const etcdModule: GoModule = {
  name: "etcd",
  async write(_go, dir) {
    const lines = ["module vfleet.invalid/etcd", "go 1.24.0", `require go.etcd.io/etcd/server/v3 v${etcdVersion}`];
    await writeFile(join(dir, "go.mod"), `${lines.join("\n")}\n`);
    // etcd's own version is a constant in its source.
    return [];
  },
};

/**
 * k8s.io/kubernetes replaces its staging modules (k8s.io/api, k8s.io/apiserver …) by folders of its own repository that
 * are not part of the published module. Their published versions are the same code: v1.34.x goes with v0.34.x.
 */
const kubernetesModule: GoModule = {
  name: "kubernetes",
  async write(go, dir) {
    const upstream = await goJson<{ GoMod: string; Time: string }>(go, dir, [
      "list", "-m", "-json", `k8s.io/kubernetes@v${kubernetesVersion}`,
    ]);
    const upstreamModule = await goJson<{
      Go: string;
      Replace: readonly { Old: { Path: string }; New: { Path: string } }[];
    }>(go, dir, ["mod", "edit", "-json", upstream.GoMod]);
    const stagingVersion = `v0.${kubernetesVersion.split(".").slice(1).join(".")}`;
    const lines = [
      "module vfleet.invalid/kubernetes",
      `go ${upstreamModule.Go}`,
      // The runtime behaviour that upstream's binaries have, whatever Go builds them.
      "godebug default=go1.24",
      `require k8s.io/kubernetes v${kubernetesVersion}`,
      ...upstreamModule.Replace.filter((replace) => replace.New.Path.startsWith("./staging/")).map(
        (replace) => `replace ${replace.Old.Path} => ${replace.Old.Path} ${stagingVersion}`,
      ),
    ];
    await writeFile(join(dir, "go.mod"), `${lines.join("\n")}\n`);
    const [major, minor] = kubernetesVersion.split(".");
    const version = {
      gitVersion: `v${kubernetesVersion}`,
      gitMajor: major,
      gitMinor: minor,
      // The module proxy does not always say which commit a version is; without a word here it would be "$Format:%H$".
      gitCommit: "unknown",
      gitTreeState: "clean",
      // The release's own date: the same source gives the same binary on any day.
      buildDate: upstream.Time,
    };
    // /version, --version and metrics read the first; the user agent of clients the second.
    return ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"].flatMap((path) =>
      Object.entries(version).map(([name, value]) => `${path}.${name}=${value}`),
    );
  },
};

function kubernetesProgram(packageName: string, newCommand: string, imports: readonly string[] = []): string {
  return `package main

import (
${imports.map((path) => `\t"${path}"\n`).join("")}	"os"
	_ "time/tzdata" // CronJobs name time zones, and the machine may have no database of them

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/kubernetes/cmd/${packageName}/app"
)

func main() { os.Exit(cli.Run(app.${newCommand})) }
`;
}

const mains: Readonly<Record<Component, string>> = {
  "kube-apiserver": kubernetesProgram("kube-apiserver", "NewAPIServerCommand()"),
  "kube-scheduler": kubernetesProgram("kube-scheduler", "NewSchedulerCommand()"),
  "kube-controller-manager": kubernetesProgram("kube-controller-manager", "NewControllerManagerCommand()"),
  kubelet: kubernetesProgram("kubelet", "NewKubeletCommand(context.Background())", ["context"]),
  kubectl: `package main

import (
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
)

func main() { util.CheckErr(cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand())) }
`,
  etcd: `package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
`,
};

function programOf(name: Component): GoProgram {
  return {
    name,
    version: name === "etcd" ? etcdVersion : kubernetesVersion,
    module: name === "etcd" ? etcdModule : kubernetesModule,
    source: { main: mains[name] },
    // As upstream builds: gRPC's tracing would keep the linker from dropping unreachable methods.
    tags: "grpcnotrace",
    // kubectl is the one that knows no --version; --client keeps it from looking for a server.
    versionArguments: name === "kubectl" ? ["version", "--client"] : ["--version"],
    // "Kubernetes v1.34.4", "Client Version: v1.34.4", "etcd Version: 3.6.8".
    versionPattern: /(?:Kubernetes|Version:) v?(\d\S*)/,
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// The command
// ---------------------------------------------------------------------------------------------------------------------

const usage = `Usage: node tools/rigs/kubernetes.ts [ensure] [options]

Builds ${coreComponents.join(", ")} (Kubernetes ${kubernetesVersion}, etcd ${etcdVersion}) from Go modules, once, into a cache folder.
The last line on stdout is that folder. Needs Go 1.24 or newer; the first build takes minutes, later calls a moment.

  --with NAMES      also build these, separated by commas: ${optionalComponents.join(", ")}
  --dir DIR         the folder; default $KUBEBUILDER_ASSETS, else one under $XDG_CACHE_HOME or ~/.cache
  --jobs N          packages that Go compiles at a time
  --print-assets    print the folder and build nothing
  --help            print this
`;

/** The command line was wrong, and the usage text says what is right. */
class UsageError extends Error {}

async function main(commandLine: readonly string[]): Promise<number> {
  const { values, positionals } = parseCommandLine(commandLine);
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (positionals.length > 1 || (positionals[0] ?? "ensure") !== "ensure") {
    throw new UsageError(`There is no command ${positionals.join(" ")}.`);
  }
  const dir = resolve(values.dir ?? defaultAssetsDir());
  if (!values["print-assets"]) {
    const abort = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => abort.abort());
    await ensureKubernetes({
      dir,
      with: parseComponents(values.with ?? []),
      signal: abort.signal,
      ...(values.jobs !== undefined && { jobs: parseJobs(values.jobs) }),
    });
  }
  process.stdout.write(`${dir}\n`);
  return 0;
}

function parseCommandLine(commandLine: readonly string[]) {
  try {
    return parseArgs({
      args: [...commandLine],
      allowPositionals: true,
      options: {
        with: { type: "string", multiple: true },
        dir: { type: "string" },
        jobs: { type: "string" },
        "print-assets": { type: "boolean" },
        help: { type: "boolean" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function parseComponents(lists: readonly string[]): Component[] {
  const known: readonly Component[] = [...coreComponents, ...optionalComponents];
  return lists
    .flatMap((list) => list.split(","))
    .filter((name) => name !== "")
    .map((name) => {
      const component = known.find((candidate) => candidate === name);
      if (component === undefined) throw new UsageError(`There is no component ${name}; there are ${known.join(", ")}.`);
      return component;
    });
}

function parseJobs(text: string): number {
  const jobs = Number(text);
  if (!Number.isInteger(jobs) || jobs < 1) throw new UsageError(`--jobs takes a whole number from 1 up, not ${text}.`);
  return jobs;
}

if (import.meta.main) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (error instanceof RigError) {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = 1;
    } else if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n\n${usage}`);
      process.exitCode = 2;
    } else if (error instanceof Error && error.name === "AbortError") {
      process.exitCode = 130;
    } else {
      throw error;
    }
  }
}
