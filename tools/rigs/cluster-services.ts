/**
 * The one Service that pods of a rig need, without a kube-proxy: `kubernetes` at the first address of the range of Services. The address is the node's own, and what
 * comes to it is passed on to the API server. API servers find the endpoints of other Services by themselves (`--enable-aggregator-routing`).
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { RigError } from "./rig-error.ts";

/** Of `--service-cluster-ip-range=10.96.0.0/16`; the API server's certificate names it. */
export const kubernetesServiceAddress = "10.96.0.1";

/** Passes on until it is closed. Only in a network namespace of its own. Throws {@link RigError}. */
export async function startKubernetesService(apiServerUrl: string): Promise<AsyncDisposable> {
  const { status, stderr } = spawnSync("ip", ["address", "add", `${kubernetesServiceAddress}/32`, "dev", "lo"], { encoding: "utf8" });
  if (status !== 0) throw new RigError("startFailed", `The address of the Service kubernetes cannot be set: ${stderr.trim()}`);
  const { hostname, port } = new URL(apiServerUrl);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const [one, other] of [[client, upstream], [upstream, client]] as const) {
      sockets.add(one);
      one.once("close", () => {
        sockets.delete(one);
        other.destroy();
      });
      one.on("error", () => one.destroy());
    }
    client.pipe(upstream).pipe(client);
  });
  server.listen(443, kubernetesServiceAddress);
  await once(server, "listening");
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
