/**
 * Builds real Kubernetes binaries, once, into a cache folder outside the checkout, so that test tiers can run against
 * the real thing: `node tools/rigs/kubernetes.ts --help` says how.
 *
 * Everything comes from the Go module proxy and is verified by its checksum database; no container, no download of
 * ready-made binaries. Each binary is a Go program of a few lines over the upstream `app` packages.
 */
import { randomUUID } from "node:crypto";
import { access, mkdir, mkdtemp, readFile, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { homedir, hostname } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { runCommand } from "./command.ts";
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

export interface EnsureKubernetesOptions {
  /** Components beyond the core. */
  readonly with?: readonly Component[];
  /** The folder to find or put the binaries in; {@link defaultAssetsDir} when absent. */
  readonly dir?: string;
  /** How many packages Go compiles at a time (`go build -p`); Go decides when absent. */
  readonly jobs?: number;
  /** Gets a line for each step of a build, nothing when all is there. stderr when absent. */
  readonly onProgress?: (line: string) => void;
  /** Ends a build under way; what was finished stays. */
  readonly signal?: AbortSignal;
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
  // The XDG base directory specification says to ignore relative paths.
  const cacheHome = env["XDG_CACHE_HOME"]?.startsWith("/") ? env["XDG_CACHE_HOME"] : join(homedir(), ".cache");
  return join(cacheHome, "vfleet", `kubernetes-${kubernetesVersion}-etcd-${etcdVersion}`);
}

/**
 * Makes sure that the binaries are there in the pinned versions, and builds what is missing. When nothing is missing it
 * only asks each binary for its version (a tenth of a second). Any number of processes may call it at the same time.
 * Throws {@link RigError}.
 */
export async function ensureKubernetes(options: EnsureKubernetesOptions = {}): Promise<KubernetesAssets> {
  const dir = resolve(options.dir ?? defaultAssetsDir());
  const wanted = [...new Set<Component>([...coreComponents, ...(options.with ?? [])])];
  const assets: KubernetesAssets = { dir, kubernetesVersion, etcdVersion };
  if ((await missingComponents(dir, wanted)).length === 0) return assets;

  const progress = withElapsedTime(options.onProgress ?? ((line) => void process.stderr.write(`${line}\n`)));
  await mkdir(dir, { recursive: true });
  const lock = await acquireLock(dir, progress, options.signal);
  try {
    // Asked again: whoever held the lock before may have built the same.
    const missing = await missingComponents(dir, wanted);
    if (missing.length > 0) await buildComponents(dir, missing, progress, options);
  } finally {
    await lock.release();
  }
  progress(`ready: ${wanted.join(", ")}`);
  return assets;
}

// ---------------------------------------------------------------------------------------------------------------------
// What is there already
// ---------------------------------------------------------------------------------------------------------------------

async function missingComponents(dir: string, wanted: readonly Component[]): Promise<Component[]> {
  const present = await Promise.all(wanted.map((component) => isPresent(dir, component)));
  return wanted.filter((_, index) => !present[index]);
}

/** A binary that does not answer counts as absent; one that answers with another version belongs to somebody else. */
async function isPresent(dir: string, component: Component): Promise<boolean> {
  const path = join(dir, component);
  const found = await binaryVersion(path, component);
  if (found === undefined) return false;
  const pinned = pinnedVersion(component);
  if (found === pinned) return true;
  throw new RigError(
    "foreignBinary",
    `${path} is version ${found} and ${pinned} is needed: unset KUBEBUILDER_ASSETS to use a folder of our own, or name another with --dir.`,
  );
}

function pinnedVersion(component: Component): string {
  return component === "etcd" ? etcdVersion : kubernetesVersion;
}

async function binaryVersion(path: string, component: Component): Promise<string | undefined> {
  try {
    await access(path);
    // kubectl is the one that knows no --version; --client keeps it from looking for a server.
    const question = component === "kubectl" ? ["version", "--client"] : ["--version"];
    const { exitCode, stdout } = await runCommand(path, question, { timeoutMs: 20_000 });
    // "Kubernetes v1.34.4", "Client Version: v1.34.4", "etcd Version: 3.6.8".
    return exitCode === 0 ? /(?:Kubernetes|Version:) v?(\d\S*)/.exec(stdout)?.[1] : undefined;
  } catch {
    return undefined;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// One builder at a time
// ---------------------------------------------------------------------------------------------------------------------

const lockHeartbeatMs = 5_000;
const lockStaleAfterMs = 60_000;
const lockPollMs = 1_000;

/**
 * A lock file whose modification time is the holder's heartbeat, so that a killed holder is noticed without process ids,
 * which mean nothing across containers that share a cache. It only spares the machine a second build of the same: should
 * two ever hold it, each builds in a folder of its own and renames whole binaries into place.
 */
async function acquireLock(
  dir: string,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<{ release(): Promise<void> }> {
  const path = join(dir, ".lock");
  const owner = `${process.pid} on ${hostname()} ${randomUUID()}`;
  let waiting = false;
  for (;;) {
    signal?.throwIfAborted();
    try {
      await writeFile(path, owner, { flag: "wx" });
      break;
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
    }
    const heartbeat = await stat(path).then((stats) => stats.mtimeMs, () => undefined);
    if (heartbeat === undefined) continue;
    if (Date.now() - heartbeat > lockStaleAfterMs) {
      await rm(path, { force: true });
      continue;
    }
    if (!waiting) progress(`waiting for another process that builds into ${dir}`);
    waiting = true;
    await sleep(lockPollMs);
  }
  const timer = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, lockHeartbeatMs);
  timer.unref();
  return {
    async release() {
      clearInterval(timer);
      const holder = await readFile(path, "utf8").catch(() => undefined);
      if (holder === owner) await rm(path, { force: true });
    },
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// The build
// ---------------------------------------------------------------------------------------------------------------------

const buildDirPrefix = ".build-";
const abandonedBuildDirAfterMs = 24 * 60 * 60 * 1_000;

async function buildComponents(
  dir: string,
  components: readonly Component[],
  progress: Progress,
  options: EnsureKubernetesOptions,
): Promise<void> {
  await removeAbandonedBuildDirs(dir);
  // Beside the binaries, since a rename is atomic only within one file system.
  const buildDir = await mkdtemp(join(dir, buildDirPrefix));
  try {
    const go = goTool(options.signal);
    progress(`building ${components.join(", ")} with ${await go(buildDir, ["env", "GOVERSION"])} into ${dir}`);
    const modules = {
      etcd: once(() => writeEtcdModule(join(buildDir, "etcd-module"))),
      kubernetes: once(() => writeKubernetesModule(go, join(buildDir, "kubernetes-module"))),
    };
    for (const component of components) {
      const module = await (component === "etcd" ? modules.etcd() : modules.kubernetes());
      await buildComponent(go, module, component, join(buildDir, component), progress, options.jobs);
      await rename(join(buildDir, component), join(dir, component));
    }
  } finally {
    await rm(buildDir, { recursive: true, force: true });
  }
}

async function buildComponent(
  go: GoTool,
  module: GoModule,
  component: Component,
  output: string,
  progress: Progress,
  jobs: number | undefined,
): Promise<void> {
  const programDir = join(module.dir, component);
  await mkdir(programDir);
  await writeFile(join(programDir, "main.go"), programs[component]);
  const startedMs = Date.now();
  let packageCount = 0;
  let downloadCount = 0;
  const state = () => `${component}: ${downloadCount} modules downloaded, ${packageCount} packages compiled`;
  const timer = setInterval(() => progress(state()), 15_000);
  try {
    const buildArguments = [
      "build",
      "-v",
      ...(jobs === undefined ? [] : ["-p", String(jobs)]),
      // The module file is made here and completed by Go: a minimal-version selection has one outcome, and the checksum
      // database vouches for each module.
      "-mod=mod",
      "-trimpath",
      "-buildvcs=false",
      // As upstream builds: gRPC's tracing would keep the linker from dropping unreachable methods.
      "-tags=grpcnotrace",
      "-ldflags",
      ["-s", "-w", ...module.stamps.map((stamp) => `-X ${stamp}`)].join(" "),
      "-o",
      output,
      `./${component}`,
    ];
    await go(module.dir, buildArguments, (line) => {
      if (line.startsWith("go: downloading ")) downloadCount += 1;
      // With -v, Go names each package that it compiles, alone on a line.
      else if (/^[\w.~+-]+(\/[\w.~+-]+)*$/.test(line)) packageCount += 1;
      else return "keep";
      return "drop";
    });
  } finally {
    clearInterval(timer);
  }
  const found = await binaryVersion(output, component);
  if (found !== pinnedVersion(component)) {
    throw new RigError("buildFailed", `${component} was built but answers version ${found}, not ${pinnedVersion(component)}: see the stamps in ${import.meta.filename}.`);
  }
  progress(`${state()}, done in ${formatDuration(Date.now() - startedMs)}`);
}

/** Folders that a killed builder left. The age keeps out those that a living one, elsewhere, still works in. */
async function removeAbandonedBuildDirs(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    if (!name.startsWith(buildDirPrefix)) continue;
    const stats = await stat(join(dir, name)).catch(() => undefined);
    if (stats !== undefined && Date.now() - stats.mtimeMs > abandonedBuildDirAfterMs) {
      await rm(join(dir, name), { recursive: true, force: true });
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// The Go modules and programs
// ---------------------------------------------------------------------------------------------------------------------

interface GoModule {
  readonly dir: string;
  /** `package.variable=value` pairs for the linker. */
  readonly stamps: readonly string[];
}

async function writeEtcdModule(dir: string): Promise<GoModule> {
  await mkdir(dir);
  const lines = ["module vfleet.invalid/etcd", "go 1.24.0", `require go.etcd.io/etcd/server/v3 v${etcdVersion}`];
  await writeFile(join(dir, "go.mod"), `${lines.join("\n")}\n`);
  // etcd's own version is a constant in its source.
  return { dir, stamps: [] };
}

/**
 * k8s.io/kubernetes replaces its staging modules (k8s.io/api, k8s.io/apiserver …) by folders of its own repository that
 * are not part of the published module. Their published versions are the same code: v1.34.x goes with v0.34.x.
 */
async function writeKubernetesModule(go: GoTool, dir: string): Promise<GoModule> {
  await mkdir(dir);
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
  const stamps = ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"].flatMap((path) =>
    Object.entries(version).map(([name, value]) => `${path}.${name}=${value}`),
  );
  return { dir, stamps };
}

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

const programs: Readonly<Record<Component, string>> = {
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

// ---------------------------------------------------------------------------------------------------------------------
// The Go tool
// ---------------------------------------------------------------------------------------------------------------------

/** Runs the go command and returns what it printed, trimmed. `onLine` says of each line of stderr whether to keep it for an error message. */
type GoTool = (
  cwd: string,
  goArguments: readonly string[],
  onLine?: (line: string) => "keep" | "drop",
) => Promise<string>;

const keptErrorLines = 40;

function goTool(signal: AbortSignal | undefined): GoTool {
  const env: NodeJS.ProcessEnv = { ...process.env, CGO_ENABLED: "0", GO111MODULE: "on", GOWORK: "off" };
  // The binaries are for this machine, whatever the caller cross-compiles.
  delete env["GOOS"];
  delete env["GOARCH"];
  return async (cwd, goArguments, onLine) => {
    const kept: string[] = [];
    const onStderrLine = (line: string) => {
      if (onLine?.(line) === "drop") return;
      kept.push(line);
      if (kept.length > keptErrorLines) kept.shift();
    };
    const result = await runCommand("go", goArguments, { cwd, env, onStderrLine, ...(signal && { signal }) }).catch(
      (error: unknown) => {
        if (!hasCode(error, "ENOENT")) throw error;
        throw new RigError(
          "goMissing",
          "There is no Go toolchain on the PATH to build Kubernetes with: install Go 1.24 or newer from https://go.dev/dl/, or point KUBEBUILDER_ASSETS at a folder that has the binaries.",
          { cause: error },
        );
      },
    );
    signal?.throwIfAborted();
    if (result.exitCode !== 0) {
      throw new RigError("buildFailed", `go ${goArguments[0]} ended with ${result.exitCode ?? "a signal"}:\n${kept.join("\n")}`);
    }
    return result.stdout.trim();
  };
}

async function goJson<T>(go: GoTool, cwd: string, goArguments: readonly string[]): Promise<T> {
  return JSON.parse(await go(cwd, goArguments)) as T;
}

// ---------------------------------------------------------------------------------------------------------------------
// Small things
// ---------------------------------------------------------------------------------------------------------------------

type Progress = (message: string) => void;

function withElapsedTime(write: (line: string) => void): Progress {
  const startedMs = Date.now();
  return (message) => write(`[${formatDuration(Date.now() - startedMs).padStart(7)}] ${message}`);
}

function formatDuration(durationMs: number): string {
  const seconds = durationMs / 1_000;
  if (seconds < 60) return `${seconds.toFixed(1)}s`;
  return `${Math.floor(seconds / 60)}m${String(Math.floor(seconds % 60)).padStart(2, "0")}s`;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
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
