/**
 * Programs built from Go modules, once, into a folder: everything comes from the Go module proxy and is verified by its checksum
 * database; no container, no download of ready-made binaries.
 */
import { randomUUID } from "node:crypto";
import { access, mkdir, mkdtemp, readFile, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { homedir, hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runCommand } from "./command.ts";
import { RigError } from "./rig-error.ts";

/** A Go module of our own that requires the upstream one: what the module proxy serves is complete only with a `go.mod` around it. */
export interface GoModule {
  readonly name: string;
  /** Writes `go.mod` into an empty folder; answers `package.variable=value` pairs for the linker. */
  write(go: GoTool, dir: string): Promise<readonly string[]>;
}

export type GoProgram = {
  /** Also the name of its file. */
  readonly name: string;
  /** The pinned one, without a leading v. */
  readonly version: string;
  readonly module: GoModule;
  /** A program of our own, or a package of the module's. */
  readonly source: { readonly main: string } | { readonly package: string };
  /** Build tags, separated by commas. */
  readonly tags?: string;
} & (
  | {
      /** Asks it for its version, which the pattern finds in what it prints. */
      readonly versionArguments: readonly string[];
      readonly versionPattern: RegExp;
    }
  /** For a program that does not say its version: the module whose version Go has written into it (debug/buildinfo). */
  | { readonly versionOfModule: string }
);

export interface EnsureOptions {
  /** How many packages Go compiles at a time (`go build -p`); Go decides when absent. */
  readonly jobs?: number;
  /** Gets a line for each step of a build, nothing when all is there. stderr when absent. */
  readonly onProgress?: (line: string) => void;
  /** Ends a build under way; what was finished stays. */
  readonly signal?: AbortSignal;
}

/** A folder of the user's cache. */
export function cacheFolder(name: string, env: NodeJS.ProcessEnv = process.env): string {
  // The XDG base directory specification says to ignore relative paths.
  const cacheHome = env["XDG_CACHE_HOME"]?.startsWith("/") ? env["XDG_CACHE_HOME"] : join(homedir(), ".cache");
  return join(cacheHome, "vfleet", name);
}

/**
 * Makes sure that the programs are there in the pinned versions, and builds what is missing. When nothing is missing it only asks
 * each for its version (a tenth of a second). Any number of processes may call it at the same time. Throws {@link RigError}.
 */
export async function ensurePrograms(dir: string, wanted: readonly GoProgram[], options: EnsureOptions = {}): Promise<void> {
  if ((await missingPrograms(dir, wanted)).length === 0) return;
  const progress = withElapsedTime(options.onProgress ?? ((line) => void process.stderr.write(`${line}\n`)));
  await mkdir(dir, { recursive: true });
  const lock = await acquireLock(dir, progress, options.signal);
  try {
    // Asked again: whoever held the lock before may have built the same.
    const missing = await missingPrograms(dir, wanted);
    if (missing.length > 0) await buildPrograms(dir, missing, progress, options);
  } finally {
    await lock.release();
  }
  progress(`ready: ${wanted.map(({ name }) => name).join(", ")}`);
}

// ---------------------------------------------------------------------------------------------------------------------
// What is there already
// ---------------------------------------------------------------------------------------------------------------------

/** Those that are not in the folder. */
export async function missingPrograms(dir: string, wanted: readonly GoProgram[]): Promise<GoProgram[]> {
  const present = await Promise.all(wanted.map((program) => isPresent(dir, program)));
  return wanted.filter((_, index) => !present[index]);
}

/** A binary that does not answer counts as absent; one that answers with another version belongs to somebody else. */
async function isPresent(dir: string, program: GoProgram): Promise<boolean> {
  const path = join(dir, program.name);
  const found = await binaryVersion(path, program);
  if (found === undefined) return false;
  if (found === program.version) return true;
  throw new RigError(
    "foreignBinary",
    `${path} is version ${found} and ${program.version} is needed: unset KUBEBUILDER_ASSETS to use a folder of our own, or name another with --dir.`,
  );
}

async function binaryVersion(path: string, program: GoProgram): Promise<string | undefined> {
  try {
    if ("versionOfModule" in program) return moduleVersion(await readFile(path), program.versionOfModule);
    const { versionArguments, versionPattern } = program;
    await access(path);
    const { exitCode, stdout, stderr } = await runCommand(path, versionArguments, { timeoutMs: 20_000 });
    return exitCode === 0 ? versionPattern.exec(stdout + stderr)?.[1] : undefined;
  } catch {
    return undefined;
  }
}

/** A line of words between tabs for each module, the program's own among them, stands in the executable as `go version -m` prints it. */
function moduleVersion(executable: Buffer, modulePath: string): string | undefined {
  const line = `\t${modulePath}\tv`;
  const at = executable.indexOf(line);
  return at === -1 ? undefined : /^\d[^\t\n]*/.exec(executable.toString("latin1", at + line.length, at + line.length + 64))?.[0];
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

interface WrittenModule {
  readonly dir: string;
  readonly stamps: readonly string[];
}

async function buildPrograms(dir: string, programs: readonly GoProgram[], progress: Progress, options: EnsureOptions): Promise<void> {
  await removeAbandonedBuildDirs(dir);
  // Beside the binaries, since a rename is atomic only within one file system.
  const buildDir = await mkdtemp(join(dir, buildDirPrefix));
  try {
    const go = goTool(options.signal);
    progress(`building ${programs.map(({ name }) => name).join(", ")} with ${await go(buildDir, ["env", "GOVERSION"])} into ${dir}`);
    const written = new Map<GoModule, WrittenModule>();
    for (const program of programs) {
      const { module, name } = program;
      const known = written.get(module) ?? (await writeModule(go, join(buildDir, `${module.name}-module`), module));
      written.set(module, known);
      await buildProgram(go, known, program, join(buildDir, name), progress, options.jobs);
      await rename(join(buildDir, name), join(dir, name));
    }
  } finally {
    await rm(buildDir, { recursive: true, force: true });
  }
}

async function writeModule(go: GoTool, dir: string, module: GoModule): Promise<WrittenModule> {
  await mkdir(dir);
  return { dir, stamps: await module.write(go, dir) };
}

async function buildProgram(go: GoTool, module: WrittenModule, program: GoProgram, output: string, progress: Progress, jobs: number | undefined): Promise<void> {
  const { name, source } = program;
  if ("main" in source) {
    await mkdir(join(module.dir, name));
    await writeFile(join(module.dir, name, "main.go"), source.main);
  }
  const startedMs = Date.now();
  let packageCount = 0;
  let downloadCount = 0;
  const state = () => `${name}: ${downloadCount} modules downloaded, ${packageCount} packages compiled`;
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
      ...(program.tags === undefined ? [] : [`-tags=${program.tags}`]),
      "-ldflags",
      ["-s", "-w", ...module.stamps.map((stamp) => `-X ${stamp}`)].join(" "),
      "-o",
      output,
      "main" in source ? `./${name}` : source.package,
    ];
    const onLine = (line: string): "keep" | "drop" => {
      if (line.startsWith("go: downloading ")) downloadCount += 1;
      // With -v, Go names each package that it compiles, alone on a line.
      else if (/^[\w.~+-]+(\/[\w.~+-]+)*$/.test(line)) packageCount += 1;
      else return "keep";
      return "drop";
    };
    await go(module.dir, buildArguments, { onLine });
  } finally {
    clearInterval(timer);
  }
  const found = await binaryVersion(output, program);
  if (found !== program.version) {
    throw new RigError("buildFailed", `${name} was built but answers version ${found}, not ${program.version}: see the linker's stamps of its module.`);
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
// The Go tool
// ---------------------------------------------------------------------------------------------------------------------

/** Runs the go command and returns what it printed, trimmed. `build.onLine` says of each line of stderr whether to keep it for an error message. */
export type GoTool = (
  cwd: string,
  goArguments: readonly string[],
  build?: { readonly onLine: (line: string) => "keep" | "drop" },
) => Promise<string>;

const keptErrorLines = 40;

function goTool(signal: AbortSignal | undefined): GoTool {
  const env: NodeJS.ProcessEnv = { ...process.env, CGO_ENABLED: "0", GO111MODULE: "on", GOWORK: "off" };
  // The binaries are for this machine, whatever the caller cross-compiles.
  delete env["GOOS"];
  delete env["GOARCH"];
  return async (cwd, goArguments, build) => {
    const kept: string[] = [];
    const onStderrLine = (line: string) => {
      if (build?.onLine(line) === "drop") return;
      kept.push(line);
      if (kept.length > keptErrorLines) kept.shift();
    };
    const result = await runCommand("go", goArguments, { cwd, env, onStderrLine, ...(signal && { signal }) }).catch(
      (error: unknown) => {
        if (!hasCode(error, "ENOENT")) throw error;
        throw new RigError(
          "goMissing",
          "There is no Go toolchain on the PATH to build with: install Go 1.24 or newer from https://go.dev/dl/, or point KUBEBUILDER_ASSETS at a folder that has the binaries.",
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

export async function goJson<T>(go: GoTool, cwd: string, goArguments: readonly string[]): Promise<T> {
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

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
