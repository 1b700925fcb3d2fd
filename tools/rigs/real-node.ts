/**
 * A real node and what schedules onto it: kube-scheduler, kube-controller-manager, containerd and kubelet beside a real API server, in
 * namespaces of their own (own-namespaces.ts). By hand, as root: `node tools/rigs/real-node.ts` starts all of it, until Ctrl-C.
 */
import { spawnSync } from "node:child_process";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { startKubernetesService } from "./cluster-services.ts";
import { runCommand } from "./command.ts";
import { cniPlugins, ensureContainerRuntime } from "./container-runtime.ts";
import { startImageRegistry } from "./image-registry.ts";
import { nodeAddress, ownCgroup, runInOwnNamespaces } from "./own-namespaces.ts";
import { startRealApiServer } from "./real-cluster.ts";
import type { RealApiServer } from "./real-cluster.ts";
import { RigError } from "./rig-error.ts";
import { openSandbox, untilReady } from "./server-sandbox.ts";
import type { Server } from "./server-sandbox.ts";

export interface RealNodeOptions {
  /** Where the servers' logs go, and stay. */
  readonly logDir?: string;
  /** How long each server may take to be ready. Default 300,000. */
  readonly readyTimeoutMs?: number;
  /** Pods reach the API server by its Service, and it reaches webhooks by theirs. Default: no. */
  readonly services?: boolean;
}

export interface RealNode extends AsyncDisposable {
  readonly api: RealApiServer;
  /** Name of the node in the cluster, and of this host. */
  readonly name: string;
  /** Where CNI plugins are found; the CNI project's are there. */
  readonly cniBin: string;
  /** Where containerd looks for the cluster's network; nothing is there yet, so the node is not ready. */
  readonly cniConf: string;
  /** The kubelet's root. */
  readonly kubeletFolder: string;
  /** Ends the kubelet, with or without a chance to do anything, and starts it anew. Pods go on. */
  restartKubelet(how?: "kill"): Promise<void>;
  restartContainerd(how?: "kill"): Promise<void>;
  /** Takes the images of an archive over into the runtime, as `ctr images import` does; nobody pulls them then. Throws {@link RigError}. */
  importImages(archive: string): Promise<void>;
  /** Gives an image one more name. Both are full: `docker.io/library/busybox:1`. Throws {@link RigError}. */
  tagImage(name: string, more: string): Promise<void>;
  /** The last lines of a server's log. */
  logTail(server: "containerd" | "kubelet"): Promise<string>;
  stop(): Promise<void>;
}

const kubeletFolder = "/var/lib/kubelet";
const cniBin = "/opt/cni/bin";
const cniConf = "/etc/cni/net.d";
const containerdSocket = "/run/containerd/containerd.sock";

/**
 * Starts everything and resolves when the kubelet has registered its node. Only inside of {@link runInOwnNamespaces}: it uses the folders that
 * a node has, and ends with the namespaces. Throws {@link RigError}.
 */
export async function startRealNode(options: RealNodeOptions = {}): Promise<RealNode> {
  const cgroup = ownCgroup();
  if (cgroup === undefined) throw new RigError("startFailed", "A real node needs namespaces of its own: start it by runInOwnNamespaces of own-namespaces.ts.");
  const runtime = await ensureContainerRuntime();
  await using open = new AsyncDisposableStack();
  const api = open.use(
    await startRealApiServer({
      assets: { with: ["kube-scheduler", "kube-controller-manager", "kubelet"] },
      unsafeNoFsync: true,
      readyTimeoutMs: options.readyTimeoutMs ?? 300_000,
      apiServerArguments: ["--kubelet-preferred-address-types=InternalIP", ...(options.services === true ? ["--enable-aggregator-routing=true"] : [])],
      ...(options.logDir === undefined ? {} : { logDir: options.logDir }),
    }),
  );
  if (options.services === true) open.use(await startKubernetesService(api.url));
  const registry = open.use(await startImageRegistry(runtime.busybox));
  const sandbox = open.adopt(openSandbox(), (one) => one.close());
  const { dir } = sandbox;
  const logDir = options.logDir ?? dir;
  const deadlineMs = () => performance.now() + (options.readyTimeoutMs ?? 300_000);

  for (const folder of [cniBin, cniConf, "/run/containerd", join(dir, "registry", "_default"), "/var/log/pods"]) await mkdir(folder, { recursive: true });
  for (const name of Object.keys(cniPlugins)) await cp(join(runtime.dir, name), join(cniBin, name));
  await writeFile(join(dir, "registry", "_default", "hosts.toml"), `server = "${registry.url}"\n[host."${registry.url}"]\n  capabilities = ["pull", "resolve"]\n`);
  await writeFile(join(dir, "containerd.toml"), containerdConfig(dir, runtime.runc));
  await writeFile(join(dir, "kubelet.json"), JSON.stringify(kubeletConfig(cgroup)));

  const controllers: readonly [string, readonly string[]][] = [
    ["kube-scheduler", ["--authentication-skip-lookup=true"]],
    ["kube-controller-manager", [`--service-account-private-key-file=${api.serviceAccountKeyFile}`, `--root-ca-file=${api.caFile}`, "--use-service-account-credentials=false"]],
  ];
  for (const [name, flags] of controllers) {
    sandbox.start(name, join(api.assetsDir, name), [`--kubeconfig=${api.kubeconfig}`, "--bind-address=127.0.0.1", "--secure-port=0", "--leader-elect=false", ...flags], logDir);
  }
  const startContainerd = async (): Promise<Server> => {
    // Where it finds the shim that it starts for each pod.
    const env = { ...process.env, PATH: `${runtime.dir}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin` };
    const server = sandbox.start("containerd", join(runtime.dir, "containerd"), ["--config", join(dir, "containerd.toml")], logDir, env);
    await untilReady(server, deadlineMs(), async () => spawnSync("test", ["-S", containerdSocket]).status === 0);
    return server;
  };
  const startKubelet = (): Server => sandbox.start("kubelet", join(api.assetsDir, "kubelet"), [
    `--config=${join(dir, "kubelet.json")}`, `--kubeconfig=${api.kubeconfig}`, `--root-dir=${kubeletFolder}`, `--hostname-override=${hostname()}`, `--node-ip=${nodeAddress}`,
  ], logDir);
  let containerd = await startContainerd();
  let kubelet = startKubelet();
  await untilReady(kubelet, deadlineMs(), () => isRegistered(api, hostname()));

  const images = async (...words: readonly string[]): Promise<void> => {
    const all = ["--address", containerdSocket, "--namespace", "k8s.io", "images", ...words];
    const { exitCode, stderr } = await runCommand(join(runtime.dir, "ctr"), all, { timeoutMs: options.readyTimeoutMs ?? 300_000 });
    if (exitCode !== 0) throw new RigError("startFailed", `ctr images ${words.join(" ")} has failed: ${stderr.trim()}`);
  };
  const closing = open.move();
  const stop = () => closing.disposeAsync();
  return {
    api, name: hostname(), cniBin, cniConf, kubeletFolder,
    async restartKubelet(how) {
      await kubelet.stop(how);
      kubelet = startKubelet();
    },
    async restartContainerd(how) {
      await containerd.stop(how);
      containerd = await startContainerd();
    },
    importImages: (archive) => images("import", "--local", "--snapshotter", "native", archive),
    tagImage: (name, more) => images("tag", "--force", name, more),
    logTail: (server) => (server === "kubelet" ? kubelet : containerd).logTail(),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Version 3 of the file, which containerd 2 has (docs/cri/config.md there). */
function containerdConfig(dir: string, runc: string): string {
  return `version = 3
root = "${dir}/containerd"
state = "/run/containerd/state"
disabled_plugins = ["io.containerd.nri.v1.nri"]

[grpc]
  address = "${containerdSocket}"

[plugins."io.containerd.cri.v1.images"]
  # Plain folders: no overlay of an overlay, whatever this machine's disk is.
  snapshotter = "native"
  use_local_image_pull = true
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "vfleet.invalid/pause:1"
  [plugins."io.containerd.cri.v1.images".registry]
    config_path = "${dir}/registry"

[plugins."io.containerd.cri.v1.runtime"]
  # A machine that may not lower the score of the OOM killer starts no sandbox without this.
  restrict_oom_score_adj = true
  enable_cdi = true
  cdi_spec_dirs = ["/etc/cdi", "/var/run/cdi"]
  [plugins."io.containerd.cri.v1.runtime".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
        BinaryName = "${runc}"
        SystemdCgroup = false
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["${cniBin}"]
    conf_dir = "${cniConf}"
`;
}

function kubeletConfig(cgroup: string): object {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1", kind: "KubeletConfiguration",
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    address: nodeAddress,
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } }, authorization: { mode: "AlwaysAllow" },
    cgroupDriver: "cgroupfs", cgroupRoot: `/${cgroup}`, cgroupsPerQOS: true, enforceNodeAllocatable: [],
    failSwapOn: false, failCgroupV1: false, localStorageCapacityIsolation: false,
    evictionHard: { "memory.available": "1Mi" },
    // Its own folders are memory here, so there is nothing to collect images for.
    imageGCHighThresholdPercent: 100,
    serverTLSBootstrap: false, enableServer: true, readOnlyPort: 0, healthzPort: 0,
    nodeStatusUpdateFrequency: "2s", syncFrequency: "10s",
  };
}

async function isRegistered(api: RealApiServer, name: string): Promise<boolean> {
  const kubectl = spawnSync(join(api.assetsDir, "kubectl"), ["--kubeconfig", api.kubeconfig, "get", "node", name, "--output=name"], { encoding: "utf8" });
  return kubectl.status === 0;
}

if (import.meta.main) {
  if (ownCgroup() === undefined) {
    process.exitCode = await runInOwnNamespaces("worker-0", [process.execPath, "--disable-warning=ExperimentalWarning", import.meta.filename]);
  } else {
    const node = await startRealNode();
    process.stdout.write(`A node ${node.name} with containerd and kubelet. In its namespaces (nsenter --all --target ${process.pid}, as seen from inside):\nexport KUBECONFIG=${node.api.kubeconfig} PATH=${node.api.assetsDir}:$PATH\n`);
    setInterval(() => {}, 2 ** 30);
  }
}
