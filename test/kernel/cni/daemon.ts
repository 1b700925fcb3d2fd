import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { HostNamespaces } from '@vfleet/cli/host-ports/network-namespaces.ts';
import { CniCalls } from '@vfleet/controllers/cni/calls.ts';
import { createPluginRunner } from '@vfleet/controllers/cni/edge/real-plugin-runner.ts';
import { CniServer } from '@vfleet/controllers/cni/edge/server.ts';
import { SriovCni } from '@vfleet/controllers/cni/index.ts';
import { silentLog } from '@vfleet/core';
import type { Files, Hardware } from '@vfleet/core';
import type { PodLinks } from '@vfleet/core/ports/pod-links.ts';
import { NodeFiles, RealClock, SystemRandom } from '@vfleet/core/real.ts';

export interface CniDaemon {
  readonly socket: string;
  readonly cni: SriovCni;
  close(): Promise<void>;
}

export interface DaemonPorts {
  readonly hardware: Hardware;
  readonly podLinks: PodLinks;
  readonly files?: Files;
}

/** The CNI part of `vfleet node` over this machine's NICs: the same classes, put together as there. */
export async function startDaemon({ hardware, podLinks, files }: DaemonPorts, { folder, stateFolder }: { readonly folder: string; readonly stateFolder: string }): Promise<CniDaemon> {
  const clock = new RealClock();
  const random = new SystemRandom();
  const ports = { hardware, podLinks, files: files ?? new NodeFiles(clock, random), clock, random, log: silentLog, namespaces: new HostNamespaces(), plugins: createPluginRunner({ clock }) };
  const { random: _, ...cniPorts } = ports;
  const cni = new SriovCni(cniPorts, { stateFolder });
  const calls = new CniCalls({ ...ports, cni }, { stateFolder });
  const socket = join(folder, 'run', 'cni.sock');
  mkdirSync(join(folder, 'run'), { recursive: true, mode: 0o700 });
  const server = new CniServer({ ...ports, handle: (call) => calls.handle(call) }, { path: socket });
  await server.listen();
  return {
    socket,
    cni,
    async close() {
      await server.close();
      cni.stop();
    },
  };
}
