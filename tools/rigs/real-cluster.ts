/**
 * A real Kubernetes API server with its etcd, for tests that must hold against the real thing. By hand:
 * `node tools/rigs/real-cluster.ts` starts one and prints how to reach it, until Ctrl-C.
 */
import { generateKeyPair, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { RequestOptions } from "node:https";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { ensureKubernetes } from "./kubernetes.ts";
import type { EnsureKubernetesOptions } from "./kubernetes.ts";
import { RigError } from "./rig-error.ts";
import { openSandbox, untilReady } from "./server-sandbox.ts";

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

if (import.meta.main) {
  const server = await startRealApiServer();
  process.stdout.write(
    `Kubernetes ${server.kubernetesVersion} at ${server.url}, ready after ${Math.round(server.readyAfterMs)} ms; Ctrl-C ends it.\n` +
      `export KUBECONFIG=${server.kubeconfig} PATH=${server.assetsDir}:$PATH\n`,
  );
  setInterval(() => {}, 2 ** 30);
}
