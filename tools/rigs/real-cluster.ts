/**
 * A real Kubernetes API server with its etcd, for tests that must hold against the real thing. By hand:
 * `node tools/rigs/real-cluster.ts` starts one and prints how to reach it, until Ctrl-C.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { generateKeyPair, randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { RequestOptions } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { ensureKubernetes } from "./kubernetes.ts";
import type { EnsureKubernetesOptions } from "./kubernetes.ts";
import { RigError } from "./rig-error.ts";

export interface RealApiServerOptions {
  /** Where the binaries come from. They are built when they are not there, which takes minutes. */
  readonly assets?: EnsureKubernetesOptions;
  /** Further flags for kube-apiserver. A flag that is also set here wins over ours. */
  readonly apiServerArguments?: readonly string[];
  /** Further flags for etcd. */
  readonly etcdArguments?: readonly string[];
  /**
   * etcd answers before its data is on disk. Faster where disks are slow, but then an etcd that a test kills may come
   * back without what it acknowledged, so it is off unless asked for.
   */
  readonly unsafeNoFsync?: boolean;
  /** How long both servers together may take to be ready. Default 60,000. */
  readonly readyTimeoutMs?: number;
  /** Where the servers' logs go, and stay. In the temporary folder, removed with it, when absent. */
  readonly logDir?: string;
}

export interface RealApiServer extends AsyncDisposable {
  /** `https://127.0.0.1:<port>`. */
  readonly url: string;
  /** PEM file that the server's certificate verifies against. */
  readonly caFile: string;
  /** Bearer token of a user in system:masters. */
  readonly token: string;
  /** A kubeconfig file with all of that, mode 0600. In JSON, which is YAML too, so that a test can parse it. */
  readonly kubeconfig: string;
  readonly etcdVersion: string;
  readonly kubernetesVersion: string;
  /** The folder with the binaries, kubectl among them. */
  readonly assetsDir: string;
  /** RSA private key that signs service-account tokens: kube-controller-manager needs it too. */
  readonly serviceAccountKeyFile: string;
  /** Process ids, for tests that measure or disturb the servers. */
  readonly pids: { readonly etcd: number; readonly apiServer: number };
  /** From the start of etcd to the first /readyz that says ok. */
  readonly readyAfterMs: number;
  /** SIGTERM, SIGKILL after five seconds, and no file left. Safe to call more than once. */
  stop(): Promise<void>;
}

const stopGraceMs = 5_000;
const pollMs = 20;
const portAttempts = 3;

/**
 * Starts etcd and kube-apiserver on 127.0.0.1 and resolves when the API server is ready. RBAC and all default admission
 * plug-ins are on, ServiceAccount among them: a pod needs its service account to exist, and without a controller manager
 * nobody makes the default one. Whatever happens to this process, the servers and their files go with it.
 * Throws {@link RigError}.
 */
export async function startRealApiServer(options: RealApiServerOptions = {}): Promise<RealApiServer> {
  const assets = await ensureKubernetes(options.assets);
  const sandbox = openSandbox();
  try {
    const { dir } = sandbox;
    const logDir = options.logDir === undefined ? dir : resolve(options.logDir);
    await mkdir(logDir, { recursive: true });
    const token = randomBytes(24).toString("hex");
    const serviceAccountKeyFile = join(dir, "service-account.key");
    await writePrivateFile(join(dir, "tokens.csv"), `${token},admin,admin,"system:masters"\n`);
    await writePrivateFile(serviceAccountKeyFile, await rsaPrivateKeyPem());

    const startedMs = performance.now();
    const deadlineMs = startedMs + (options.readyTimeoutMs ?? 60_000);
    const etcd = sandbox.start("etcd", join(assets.dir, "etcd"), etcdFlags(dir, options), logDir);
    await untilReady(etcd, deadlineMs, () => etcdIsHealthy(dir));

    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort();
      const flags = apiServerFlags(dir, port, options);
      const apiServer = sandbox.start("kube-apiserver", join(assets.dir, "kube-apiserver"), flags, logDir);
      const caFile = join(dir, "certificates", "apiserver.crt");
      const api = { port, token, caFile };
      try {
        await untilReady(apiServer, deadlineMs, () => apiServerIsReady(api));
      } catch (error) {
        // Between our look and the server's bind, somebody else took the port.
        const portTaken = error instanceof RigError && error.message.includes("address already in use");
        if (portTaken && attempt < portAttempts) continue;
        throw error;
      }
      const readyAfterMs = performance.now() - startedMs;
      const url = `https://127.0.0.1:${port}`;
      const kubeconfig = join(dir, "kubeconfig");
      await writePrivateFile(kubeconfig, kubeconfigJson(url, await readFile(caFile), token));
      const stop = () => sandbox.close();
      return {
        url,
        caFile,
        token,
        kubeconfig,
        etcdVersion: assets.etcdVersion,
        kubernetesVersion: assets.kubernetesVersion,
        assetsDir: assets.dir,
        serviceAccountKeyFile,
        pids: { etcd: etcd.pid, apiServer: apiServer.pid },
        readyAfterMs,
        stop,
        [Symbol.asyncDispose]: stop,
      };
    }
  } catch (error) {
    await sandbox.close();
    throw error;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// What the servers are told
// ---------------------------------------------------------------------------------------------------------------------

// Unix sockets in etcd's working directory, which is the only place where it takes them: a name with the shape of
// host:port. No port to lose to another process, and none on which anybody could reach etcd without a credential.
const etcdClientSocket = "client:1";
const etcdPeerSocket = "peer:1";

function etcdFlags(dir: string, options: RealApiServerOptions): string[] {
  return [
    "--name=etcd",
    `--data-dir=${join(dir, "etcd")}`,
    `--listen-client-urls=unix://${etcdClientSocket}`,
    `--advertise-client-urls=unix://${etcdClientSocket}`,
    `--listen-peer-urls=unix://${etcdPeerSocket}`,
    `--initial-advertise-peer-urls=unix://${etcdPeerSocket}`,
    `--initial-cluster=etcd=unix://${etcdPeerSocket}`,
    // A single member waits out one election timeout before it may lead, and has nobody to lose to afterwards. The
    // defaults are ten times this and cost half a second of every start.
    "--heartbeat-interval=10",
    "--election-timeout=100",
    ...(options.unsafeNoFsync ? ["--unsafe-no-fsync"] : []),
    ...(options.etcdArguments ?? []),
  ];
}

function apiServerFlags(dir: string, port: number, options: RealApiServerOptions): string[] {
  const serviceAccountKeyFile = join(dir, "service-account.key");
  return [
    `--etcd-servers=unix://${etcdClientSocket}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${port}`,
    // Without an address the server looks for a default route, which a test machine need not have. A loopback address is
    // not allowed in Endpoints, so the `kubernetes` Service gets none.
    "--advertise-address=127.0.0.1",
    "--endpoint-reconciler-type=none",
    // Where the server finds no certificate it makes one, self-signed.
    `--cert-dir=${join(dir, "certificates")}`,
    `--token-auth-file=${join(dir, "tokens.csv")}`,
    "--authorization-mode=RBAC",
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    `--service-account-signing-key-file=${serviceAccountKeyFile}`,
    `--service-account-key-file=${serviceAccountKeyFile}`,
    "--service-cluster-ip-range=10.96.0.0/16",
    "--allow-privileged=true",
    ...(options.apiServerArguments ?? []),
  ];
}

async function rsaPrivateKeyPem(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
  return privateKey.export({ type: "pkcs1", format: "pem" }).toString();
}

function kubeconfigJson(url: string, certificateAuthority: Buffer, token: string): string {
  const name = "vfleet-rig";
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      { name, cluster: { server: url, "certificate-authority-data": certificateAuthority.toString("base64") } },
    ],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

async function writePrivateFile(path: string, content: string): Promise<void> {
  await writeFile(path, content, { mode: 0o600 });
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("A TCP server has an address of another kind.");
  return address.port;
}

// ---------------------------------------------------------------------------------------------------------------------
// Readiness
// ---------------------------------------------------------------------------------------------------------------------

interface ApiAccess {
  readonly port: number;
  readonly token: string;
  readonly caFile: string;
}

/** Polls until `isReady` says so; a server that ends, or a deadline that passes, is an error with the end of its log. */
async function untilReady(server: Server, deadlineMs: number, isReady: () => Promise<boolean>): Promise<void> {
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

async function etcdIsHealthy(dir: string): Promise<boolean> {
  const response = await get({ socketPath: join(dir, etcdClientSocket), path: "/health" });
  return response?.statusCode === 200 && response.body.includes('"health":"true"');
}

async function apiServerIsReady(api: ApiAccess): Promise<boolean> {
  const ca = await readFile(api.caFile).catch(() => undefined);
  if (ca === undefined) return false;
  const headers = { authorization: `Bearer ${api.token}` };
  // The namespace is made after /readyz turns good, by a controller, and every test wants it.
  for (const path of ["/readyz", "/api/v1/namespaces/default"]) {
    const response = await get({ host: "127.0.0.1", port: api.port, path, ca, headers });
    if (response?.statusCode !== 200) return false;
  }
  return true;
}

/** One request on a connection of its own; undefined when there is no answer. */
function get(options: RequestOptions): Promise<{ statusCode: number | undefined; body: string } | undefined> {
  const request = options.socketPath === undefined ? httpsRequest : httpRequest;
  return new Promise((resolve) => {
    const pending = request({ ...options, agent: false, timeout: 5_000 }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => (body += text));
      response.once("error", () => resolve(undefined));
      response.once("end", () => resolve({ statusCode: response.statusCode, body }));
    });
    pending.once("timeout", () => pending.destroy());
    pending.once("error", () => resolve(undefined));
    pending.end();
  });
}

// ---------------------------------------------------------------------------------------------------------------------
// Servers and files that never outlive this process
// ---------------------------------------------------------------------------------------------------------------------

interface Server {
  readonly name: string;
  readonly pid: number;
  hasExited(): boolean;
  /** The last lines of its log. */
  logTail(): Promise<string>;
}

interface Sandbox {
  /** A new folder, for this user only. */
  readonly dir: string;
  start(name: string, file: string, serverArguments: readonly string[], logDir: string): Server;
  /** Stops the servers, the last one first, and removes the folder. */
  close(): Promise<void>;
}

const endingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Three nets, one below the other: close() for an orderly end; handlers for this process's exit and the signals that end
 * it; and a guard process for an end that no handler sees.
 */
function openSandbox(): Sandbox {
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
    start(name, file, serverArguments, logDir) {
      const logFile = join(logDir, `${name}.log`);
      const log = openSync(logFile, "a", 0o600);
      // Detached, so that Ctrl-C in a terminal reaches this process only, and the order of stopping stays ours.
      const child = spawn(file, serverArguments, { cwd: dir, stdio: ["ignore", log, log], detached: true });
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
      };
    },
    close: () => (closing ??= close()),
  };
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (hasExited(child)) return;
  const exited = once(child, "exit");
  child.ref();
  child.kill("SIGTERM");
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

if (import.meta.main) {
  const server = await startRealApiServer();
  process.stdout.write(
    `Kubernetes ${server.kubernetesVersion} at ${server.url}, ready after ${Math.round(server.readyAfterMs)} ms; Ctrl-C ends it.\n` +
      `export KUBECONFIG=${server.kubeconfig} PATH=${server.assetsDir}:$PATH\n`,
  );
  setInterval(() => {}, 2 ** 30);
}
