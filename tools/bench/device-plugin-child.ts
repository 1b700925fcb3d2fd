/**
 * A device plugin over simulated NICs and real sockets, in a process of its own: takes the driver from a VF and gives it back, at the word
 * of its parent, and tells when the event came and what the process used.
 */
import { createKubeletRegistry } from '@vfleet/controllers/device-plugin/edge/kubelet-registry.ts';
import { createDevicePluginManager } from '@vfleet/controllers/device-plugin/index.ts';
import { silentLog } from '@vfleet/core';
import { NodeFiles, RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createFleet, nodesOf, parseFleet } from '@vfleet/hw-sim';
import { configMapResource, installCrds, namespaces } from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim';

const [kubeletFolder, count] = [process.argv[2]!, Number(process.argv[3])];
const ports = { clock: new RealClock(), random: new SystemRandom(), log: silentLog };
const fleet = parseFleet({ nodes: [{ name: 'bench', pfs: [{ personality: 'E810-CQDA2', pciAddress: '0000:81:00.0', name: 'ens801f0', totalVfs: count, numVfs: count }] }] });
if (!fleet.ok) throw new Error(JSON.stringify(fleet.error));
const node = createFleet({ ...ports, delayFactor: 0 }).addNode([...nodesOf(fleet.value)][0]!);
const kube = createApiServer(ports).client();
const installed = await installCrds({ ...ports, kube });
if (!installed.ok) throw new Error(installed.error.cause);
await kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'sriov-network-operator' } });
await kube.create(configMapResource, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'kube-system', name: 'sriovdp-config' }, data: { 'config.json': JSON.stringify({ resourceList: [{ resourceName: 'vfs', selectors: { pfNames: ['ens801f0'] } }] }) } });
const registry = createKubeletRegistry(ports, { kubeletFolder });
createDevicePluginManager({ ...ports, kube, hardware: node.hardware, registry, files: new NodeFiles(ports.clock, ports.random) }, { nodeName: 'bench', namespace: 'sriov-network-operator', checkpoint: `${kubeletFolder}/allocations.json` }).start();

const [device] = node.inspect().pfs[0]!.vfs;
node.hardware.watch((event) => {
  if (event.kind === 'driver') process.send!({ eventMs: performance.timeOrigin + performance.now() });
});
process.on('message', (word: 'unbind' | 'bind' | 'cpu') => {
  if (word === 'cpu') process.send!({ cpuMs: (process.cpuUsage().user + process.cpuUsage().system) / 1_000 });
  else void node.hardware.apply(word === 'unbind' ? { kind: 'unbindDriver', device: device!.pciAddress } : { kind: 'bindDriver', device: device!.pciAddress, driver: 'default' });
});
