/** Servers of a rig and their files, which never outlive the process that started them. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { RigError } from "./rig-error.ts";

const stopGraceMs = 5_000;
const pollMs = 20;

/** Polls until `isReady` says so; a server that ends, or a deadline that passes, is an error with the end of its log. */
export async function untilReady(server: Server, deadlineMs: number, isReady: () => Promise<boolean>): Promise<void> {
  while (!(await isReady())) {
    const failure = server.hasExited()
      ? `${server.name} ended before it was ready`
      : performance.now() > deadlineMs
        ? `${server.name} was not ready in time`
        : undefined;
    if (failure !== undefined) throw new RigError("startFailed", `${failure}. Its log ends with:\n${await server.logTail()}`);
    await sleep(pollMs);
  }
}

export interface Server {
  readonly name: string;
  readonly pid: number;
  hasExited(): boolean;
  /** The last lines of its log. */
  logTail(): Promise<string>;
  /** SIGTERM, SIGKILL after five seconds; or SIGKILL at once. */
  stop(how?: "kill"): Promise<void>;
}

export interface Sandbox {
  /** A new folder, for this user only. */
  readonly dir: string;
  start(name: string, file: string, serverArguments: readonly string[], logDir: string, env?: NodeJS.ProcessEnv): Server;
  /** Stops the servers, the last one first, and removes the folder. */
  close(): Promise<void>;
}

const endingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Three nets, one below the other: close() for an orderly end; handlers for this process's exit and the signals that end
 * it; and a guard process for an end that no handler sees.
 */
export function openSandbox(): Sandbox {
  const dir = mkdtempSync(join(tmpdir(), "vfleet-cluster-"));
  const children: ChildProcess[] = [];
  const guard = startGuard(dir);

  const killNow = () => {
    for (const child of children) child.kill("SIGKILL");
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
  };
  const onSignal = (signal: NodeJS.Signals) => {
    killNow();
    removeHandlers();
    // A listener takes away the signal's effect. Where ours was the only one, give it back.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const removeHandlers = () => {
    process.removeListener("exit", killNow);
    for (const signal of endingSignals) process.removeListener(signal, onSignal);
  };
  process.once("exit", killNow);
  for (const signal of endingSignals) process.on(signal, onSignal);

  let closing: Promise<void> | undefined;
  const close = async () => {
    // The API server first: without etcd it would wait for what it can no longer write.
    for (const child of children.toReversed()) await stopChild(child);
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
    removeHandlers();
    guard.end();
  };

  return {
    dir,
    start(name, file, serverArguments, logDir, env = process.env) {
      const logFile = join(logDir, `${name}.log`);
      const log = openSync(logFile, "a", 0o600);
      // Detached, so that Ctrl-C in a terminal reaches this process only, and the order of stopping stays ours.
      const child = spawn(file, serverArguments, { cwd: dir, env, stdio: ["ignore", log, log], detached: true });
      closeSync(log);
      // A test that forgets to stop may still end; the exit handler does the rest.
      child.unref();
      let startError: Error | undefined;
      child.once("error", (error) => (startError = error));
      const { pid } = child;
      if (pid === undefined) throw new RigError("startFailed", `${file} cannot be started.`, { cause: startError });
      children.push(child);
      guard.watch(child, pid);
      return {
        name,
        pid,
        hasExited: () => hasExited(child),
        logTail: () => readTail(logFile),
        stop: (how) => stopChild(child, how === "kill" ? "SIGKILL" : "SIGTERM"),
      };
    },
    close: () => (closing ??= close()),
  };
}

async function stopChild(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (hasExited(child)) return;
  const exited = once(child, "exit");
  child.ref();
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), stopGraceMs);
  await exited;
  clearTimeout(timer);
}

function hasExited(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function startGuard(dir: string): { watch(child: ChildProcess, pid: number): void; end(): void } {
  const env = { ...process.env };
  // What a test runner asks of this process, a debugger or a coverage report, is not meant for the guard.
  delete env["NODE_OPTIONS"];
  delete env["NODE_V8_COVERAGE"];
  const guardFile = join(import.meta.dirname, "real-cluster-guard.ts");
  const guard = spawn(process.execPath, [guardFile, dir], { stdio: ["pipe", "ignore", "ignore"], detached: true, env });
  const { stdin } = guard;
  // A guard that is gone leaves two nets; its absence is no reason to fail a test.
  guard.on("error", () => {});
  stdin.on("error", () => {});
  guard.unref();
  if ("unref" in stdin && typeof stdin.unref === "function") stdin.unref();
  return {
    watch(child, pid) {
      stdin.write(`+${pid}\n`);
      child.once("exit", () => {
        if (stdin.writable) stdin.write(`-${pid}\n`);
      });
    },
    end: () => void stdin.end(),
  };
}

const logTailBytes = 4_096;

async function readTail(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - logTailBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}
