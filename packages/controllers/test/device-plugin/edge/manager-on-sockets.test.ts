// Goal: ConfigMap, NICs and a kubelet's sockets together: a pod's devices and variables, health, restarts and changes of configuration.
// Method: the manager with hardware and API server as data, over real gRPC to a kubelet that the test plays.
import { MemFiles, pciAddress, silentLog } from '@vfleet/core';
import type { KubeObject } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { configMapResource } from '@vfleet/kube';
import { afterEach, expect, test, vi } from 'vitest';
import { createKubeletRegistry } from '../../../src/device-plugin/edge/kubelet-registry.ts';
import { createPodResources } from '../../../src/device-plugin/edge/pod-resources.ts';
import type { DevicePluginSettings } from '../../../src/device-plugin/index.ts';
import { createDevicePluginManager } from '../../../src/device-plugin/index.ts';
import { FakeHardware } from '../../node-fakes/fake-hardware.ts';
import { FakeKube } from '../../node-fakes/fake-kube.ts';
import { inventoryOf, pfOf, vfOf, vfioVfOf } from '../../node-fakes/inventories.ts';
import { PlayedKubelet } from './played-kubelet.ts';

const A = '0000:81:00.0';
const toEnd: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).toReversed()) await end();
});

const soon = <Value>(check: () => Value | Promise<Value>) => vi.waitFor(check, { timeout: 120_000, interval: 10 });

/** As the Chelsio paper has it, with another vendor's VFs. */
const CONFIG = '{ "resourceList": [{ "resourceName": "netdevice", "isRdma": true, "selectors": { "vendors": ["8086"], "devices": ["1889"], "drivers": ["iavf"] } }, { "resourceName": "dpdk", "selectors": { "drivers": ["vfio-pci"] } }] }';

async function world(settings: Partial<DevicePluginSettings> = {}) {
  const played = await PlayedKubelet.create('plugins_registry', 'device-plugins', 'pod-resources');
  await played.startPodResources();
  toEnd.push(() => played.end());
  const kube = new FakeKube();
  const write = (text: string) => kube.put(configMapResource, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'kube-system', name: 'sriovdp-config' }, data: { 'config.json': text } } as KubeObject);
  write(CONFIG);
  const hardware = new FakeHardware(inventoryOf(pfOf(A, 'ens1f0', [vfOf(A, 0), vfOf(A, 1), vfioVfOf(A, 2)])));
  const files = new MemFiles();
  const ports = { clock: new RealClock(), random: new SystemRandom(), log: silentLog };
  const start = () => {
    const registry = createKubeletRegistry(ports, { kubeletFolder: played.folder });
    const podResources = createPodResources(ports, { kubeletFolder: played.folder });
    const manager = createDevicePluginManager({ ...ports, kube, hardware, registry, files, podResources }, { nodeName: 'node-a', namespace: 'sriov-network-operator', ...settings });
    manager.start();
    const stop = async () => {
      manager.stop();
      await registry.close();
      podResources.close();
    };
    toEnd.push(stop);
    return { manager, stop };
  };
  const meet = async (name: string) => {
    const socket = `intel.com_${name}.sock`;
    await soon(async () => expect(await played.sockets(played.registry)).toContain(socket));
    return (await played.meet(socket)).connection;
  };
  return { played, hardware, files, start, meet, write };
}

test('from the ConfigMap to a container\'s variables and device information', async () => {
  const { start, meet, files } = await world();
  const { manager } = start();
  const connection = await meet('netdevice');
  await soon(() => expect(connection.devices).toEqual(['0000:81:01.0', '0000:81:01.1']));
  expect(connection.lists[0]).toMatchObject({ devices: [{ topology: { nodes: [{ ID: 0 }] } }, { topology: { nodes: [{ ID: 0 }] } }] });
  expect(manager.problems()).toMatchObject([{ severity: 'warning', code: 'misplacedKey', path: 'resourceList[0].isRdma' }]);
  expect(await connection.call('allocate', { container_requests: [{ ids: ['0000:81:01.1'] }] })).toEqual({
    container_responses: [{ annotations: {}, devices: [], mounts: [], envs: { PCIDEVICE_INTEL_COM_NETDEVICE: '0000:81:01.1', PCIDEVICE_INTEL_COM_NETDEVICE_INFO: '{"0000:81:01.1":{"generic":{"deviceID":"0000:81:01.1"}}}' } }],
  });
  expect(files.paths()).toContain('/var/run/k8s.cni.cncf.io/devinfo/dp/intel.com-netdevice-0000:81:01.1-device.json');
});

test('a PF that loses its link makes its devices unhealthy after a while, not at once, and not for a flap', async () => {
  const { start, meet, hardware } = await world({ linkDownAfterMs: 300, linkUpAfterMs: 100 });
  start();
  const connection = await meet('netdevice');
  await soon(() => expect(connection.lists).toHaveLength(1));
  const pf = pciAddress(A);
  hardware.emit({ kind: 'link', device: pf, carrier: false });
  hardware.emit({ kind: 'link', device: pf, carrier: true });
  hardware.emit({ kind: 'link', device: pf, carrier: false });
  expect(connection.lists).toHaveLength(1);
  await soon(() => expect(connection.devices).toEqual(['!0000:81:01.0', '!0000:81:01.1']));
  await expect(connection.call('allocate', { container_requests: [{ ids: ['0000:81:01.0'] }] })).rejects.toMatchObject({ details: expect.stringContaining('has no link') as string });
  hardware.emit({ kind: 'link', device: pf, carrier: true });
  await soon(() => expect(connection.devices).toEqual(['0000:81:01.0', '0000:81:01.1']));
  expect(connection.lists).toHaveLength(3);
});

test('VFs that come and go change the list of the open stream', async () => {
  const { start, meet, hardware } = await world();
  start();
  const connection = await meet('netdevice');
  await soon(() => expect(connection.devices).toHaveLength(2));
  hardware.become(inventoryOf(pfOf(A, 'ens1f0', [vfOf(A, 0), vfOf(A, 1), vfOf(A, 2), vfOf(A, 3)])), { kind: 'added', device: pciAddress('0000:81:01.3') });
  await soon(() => expect(connection.devices).toEqual(['0000:81:01.0', '0000:81:01.1', '0000:81:01.2', '0000:81:01.3']));
  hardware.become(inventoryOf(pfOf(A, 'ens1f0', [vfOf(A, 0)])), { kind: 'removed', device: pciAddress('0000:81:01.3') });
  await soon(() => expect(connection.devices).toEqual(['0000:81:01.0']));
  expect(connection.ended).toBe(false);
});

test('a device that a pod has as one resource is not given to another as a second one, across a restart, until it comes back', async () => {
  const { start, meet, played, write } = await world();
  const first = start();
  const before = await meet('netdevice');
  await before.call('allocate', { container_requests: [{ ids: ['0000:81:01.0'] }] });
  played.pods = [{ name: 'a', namespace: 'x', containers: [{ name: 'app', devices: [{ resource_name: 'intel.com/netdevice', device_ids: ['0000:81:01.0'] }] }] }];
  await first.stop();
  write('{ "resourceList": [{ "resourceName": "renamed", "selectors": { "drivers": ["iavf"] } }] }');
  const second = start();
  const after = await meet('renamed');
  await soon(() => expect(after.devices).toEqual(['!0000:81:01.0', '0000:81:01.1']));
  expect(second.manager.listings()).toMatchObject([{ devices: [{ fault: 'a pod still holds it as intel.com/netdevice' }, {}] }]);
  await expect(after.call('allocate', { container_requests: [{ ids: ['0000:81:01.0'] }] })).rejects.toMatchObject({ code: 9 });
});

test('with CDI the kubelet gets names, and the files are there before it does', async () => {
  const { start, meet, files } = await world({ useCdi: true });
  start();
  const connection = await meet('dpdk');
  await soon(() => expect(connection.devices).toEqual(['0000:81:01.2']));
  expect(await connection.call('allocate', { container_requests: [{ ids: ['0000:81:01.2'] }] })).toMatchObject({
    container_responses: [{ devices: [], annotations: { 'cdi.k8s.io/intel.com_net-pci': 'intel.com/net-pci=0000:81:01.2' } }],
  });
  expect(files.paths()).toContain('/var/run/cdi/sriov-dp-intel.com-net-pci.json');
});

test('a restart keeps device information and is back on the same socket; nothing is sent that would take capacity away', async () => {
  const { start, meet, files } = await world();
  const first = start();
  const connection = await meet('netdevice');
  await connection.call('allocate', { container_requests: [{ ids: ['0000:81:01.0'] }] });
  const kept = files.paths().filter((path) => path.includes('devinfo'));
  await first.stop();
  await soon(() => expect(connection.ended).toBe(true));
  expect(connection.devices).toEqual(['0000:81:01.0', '0000:81:01.1']);
  start();
  const again = await meet('netdevice');
  await soon(() => expect(again.devices).toEqual(['0000:81:01.0', '0000:81:01.1']));
  expect(files.paths().filter((path) => path.includes('devinfo'))).toEqual(kept);
});
