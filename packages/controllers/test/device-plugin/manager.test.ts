// Goal: what kubelet is told follows configuration, hardware and health, and nothing else; bad configuration never takes devices away.
// Method: the manager against a fake API server, fake hardware and a recording kubelet, in simulated time.
import { MemFiles, SeededRandom, SimClock, pciAddress, silentLog } from '@vfleet/core';
import type { Inventory, KubeObject, PfObservation } from '@vfleet/core';
import { configMapResource, nodeStates } from '@vfleet/kube';
import { afterEach, describe, expect, test } from 'vitest';
import type { DevicePluginManager, DevicePluginSettings } from '../../src/device-plugin/index.ts';
import { CDI_FOLDER } from '../../src/device-plugin/cdi.ts';
import { createDevicePluginManager } from '../../src/device-plugin/index.ts';
import type { EventRecorder } from '@vfleet/kube';
import { FakeHardware } from '../node-fakes/fake-hardware.ts';
import { FakeKube } from '../node-fakes/fake-kube.ts';
import { FakeRegistry } from '../node-fakes/fake-registry.ts';
import { inventoryOf, pfOf, vfioVfOf, vfOf, withoutDriver } from '../node-fakes/inventories.ts';

const A = '0000:81:00.0';
const vf = (index: number) => `0000:81:01.${index}`;
const vfs = (count: number) => Array.from({ length: count }, (_, index) => vfOf(A, index));
const pf = (count: number, more: Partial<PfObservation> = {}) => inventoryOf(pfOf(A, 'ens1f0', vfs(count), more));

const running: DevicePluginManager[] = [];
afterEach(() => {
  for (const manager of running.splice(0)) manager.stop();
});

function world(inventory: Inventory, settings: Partial<DevicePluginSettings> = {}) {
  const kube = new FakeKube();
  const clock = new SimClock();
  const files = new MemFiles();
  const hardware = new FakeHardware(inventory);
  const registry = new FakeRegistry();
  const events: string[] = [];
  const sink: EventRecorder = { record: (type, about, reason, message) => void events.push(`${type} ${reason} ${about.kind}/${about.metadata.name}: ${message}`) };
  const start = () => {
    const manager = createDevicePluginManager(
      { kube, hardware, registry, files, clock, random: new SeededRandom('test'), log: silentLog, events: sink },
      { nodeName: 'node-a', namespace: 'sriov-network-operator', ...settings },
    );
    running.push(manager);
    manager.start();
    return manager;
  };
  const map = (namespace: string, name: string, data: Record<string, string>) => kube.put(configMapResource, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data } as KubeObject);
  return {
    kube, clock, files, hardware, registry, events, start,
    rendered: (text: string) => map('sriov-network-operator', 'device-plugin-config', { 'node-a': text, 'node-b': '{' }),
    handwritten: (text: string) => map('kube-system', 'sriovdp-config', { 'config.json': text }),
    nodeState: (syncStatus: string | undefined, more: { readonly numVfs?: number; readonly observed?: number } = {}) =>
      kube.put(nodeStates, {
        apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodeState', metadata: { namespace: 'sriov-network-operator', name: 'node-a' },
        spec: { interfaces: [{ pciAddress: A, numVfs: more.numVfs ?? 2 }] },
        status: { ...(syncStatus === undefined ? {} : { syncStatus }), conditions: more.observed === undefined ? [] : [{ type: 'Ready', observedGeneration: more.observed }] },
      } as KubeObject),
  };
}

const config = (...resources: readonly object[]) => JSON.stringify({ resourceList: resources });
const all = { resourceName: 'vfs', selectors: { pfNames: ['ens1f0'] } };

describe('configuration', () => {
  test('the operator\'s and the hand-written configuration, each with its prefix; the operator\'s owns first', async () => {
    const { start, clock, rendered, handwritten, registry } = world(pf(3));
    rendered(config({ resourceName: 'some', selectors: { pfNames: ['ens1f0#0-1'] } }));
    handwritten(config(all));
    const manager = start();
    await clock.run(1_000);
    expect(registry.devices('openshift.io/some')).toEqual([vf(0), vf(1)]);
    expect(registry.devices('intel.com/vfs')).toEqual([vf(2)]);
    expect(manager.listings().map(({ resourceName }) => resourceName)).toEqual(['openshift.io/some', 'intel.com/vfs']);
  });

  test('it may come, change and go while running; the list changes in-stream, and an empty resource is not registered', async () => {
    const { start, clock, rendered, registry, kube } = world(pf(2));
    start();
    await clock.run(1_000);
    expect([...registry.plugins.keys()]).toEqual([]);
    rendered(config(all, { resourceName: 'none', selectors: { vendors: ['15b3'] } }));
    await clock.run(1_000);
    expect([...registry.plugins.keys()]).toEqual(['openshift.io/vfs']);
    const plugin = registry.plugins.get('openshift.io/vfs');
    rendered(config({ ...all, selectors: { pfNames: ['ens1f0#1'] } }));
    await clock.run(1_000);
    expect(registry.plugins.get('openshift.io/vfs')).toBe(plugin);
    expect(registry.devices('openshift.io/vfs')).toEqual([vf(1)]);
    kube.remove(configMapResource, { namespace: 'sriov-network-operator', name: 'device-plugin-config' });
    await clock.run(1_000);
    expect([...registry.plugins.keys()]).toEqual([]);
  });

  test('bad JSON leaves the last good configuration in force and says so in an Event', async () => {
    const { start, clock, rendered, registry, events } = world(pf(2));
    rendered(config(all));
    const manager = start();
    await clock.run(1_000);
    rendered('{"resourceList": [}');
    await clock.run(1_000);
    expect(registry.devices('openshift.io/vfs')).toEqual([vf(0), vf(1)]);
    expect(manager.problems()).toMatchObject([{ code: 'invalidJson' }]);
    expect(events).toEqual([expect.stringMatching(/^Warning InvalidDevicePluginConfig ConfigMap\/device-plugin-config: it is not JSON: line 1, column 19/)]);
    rendered(config({ ...all, selectors: { pfNames: ['ens1f0#0'] } }));
    await clock.run(1_000);
    expect(registry.devices('openshift.io/vfs')).toEqual([vf(0)]);
    expect(manager.problems()).toEqual([]);
  });

  test('a bad resource leaves its own last good version in force, and does not touch the others', async () => {
    const { start, clock, rendered, registry } = world(pf(3));
    rendered(config({ resourceName: 'a', selectors: { pfNames: ['ens1f0#0'] } }, { resourceName: 'b', selectors: { pfNames: ['ens1f0#1'] } }));
    start();
    await clock.run(1_000);
    rendered(config({ resourceName: 'a', selectors: 'all' }, { resourceName: 'c', selectors: 7 }, { resourceName: 'b', selectors: { pfNames: ['ens1f0#1-2'] } }));
    await clock.run(1_000);
    expect([...registry.plugins.keys()].map((name) => [name, registry.devices(name)])).toEqual([['openshift.io/a', [vf(0)]], ['openshift.io/b', [vf(1), vf(2)]]]);
  });

  test('no message is sent, and nothing is read anew, when other nodes\' keys change', async () => {
    const { start, clock, rendered, registry, kube } = world(pf(2));
    rendered(config(all));
    start();
    await clock.run(1_000);
    const before = registry.lists.length;
    kube.put(configMapResource, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'sriov-network-operator', name: 'device-plugin-config' }, data: { 'node-a': config(all), 'node-b': 'x' } } as KubeObject);
    await clock.run(1_000);
    expect(registry.lists.length).toBe(before);
  });
});

describe('waiting for the config daemon', () => {
  test('nothing is added while the node is being configured; hand-written resources do not wait', async () => {
    const { start, clock, rendered, handwritten, nodeState, registry } = world(pf(3));
    rendered(config({ ...all, selectors: { pfNames: ['ens1f0#0-1'] } }));
    handwritten(config({ resourceName: 'own', selectors: {} }));
    nodeState('InProgress');
    start();
    await clock.run(1_000);
    expect([registry.devices('openshift.io/vfs'), registry.devices('intel.com/own')]).toEqual([undefined, [vf(2)]]);
    nodeState('Succeeded');
    await clock.run(1_000);
    expect(registry.devices('openshift.io/vfs')).toEqual([vf(0), vf(1)]);
  });

  test('what is advertised stays while more is made, and the new devices follow when that is done', async () => {
    const { start, clock, rendered, nodeState, registry, hardware } = world(pf(2));
    rendered(config(all));
    nodeState('Succeeded');
    start();
    await clock.run(1_000);
    nodeState('InProgress', { numVfs: 4 });
    hardware.become(pf(4), { kind: 'changed', device: pciAddress(A) });
    await clock.run(1_000);
    expect(registry.devices('openshift.io/vfs')).toEqual([vf(0), vf(1)]);
    nodeState('Succeeded', { numVfs: 4 });
    await clock.run(1_000);
    expect(registry.devices('openshift.io/vfs')).toEqual([vf(0), vf(1), vf(2), vf(3)]);
  });

  test.each([
    ['it has not answered yet', undefined, {}, false],
    ['it has answered to an older spec', 'Succeeded', { observed: 0 }, false],
    ['it has failed, and tries again', 'Failed', {}, false],
    ['it has answered', 'Succeeded', { observed: 1 }, true],
  ])('%s', async (_name, syncStatus, more, advertised) => {
    const { start, clock, rendered, nodeState, registry } = world(pf(1));
    rendered(config(all));
    nodeState(syncStatus, more);
    start();
    await clock.run(1_000);
    expect(registry.plugins.has('openshift.io/vfs')).toBe(advertised);
  });

  test('with the gate off nothing waits', async () => {
    const { start, clock, rendered, nodeState, registry } = world(pf(1), { blockUntilConfigured: false });
    rendered(config(all));
    nodeState('InProgress');
    start();
    await clock.run(1_000);
    expect(registry.devices('openshift.io/vfs')).toEqual([vf(0)]);
  });
});

describe('hardware', () => {
  async function advertised(inventory: Inventory, resource: object = all) {
    const made = world(inventory);
    made.rendered(config(resource));
    const manager = made.start();
    await made.clock.run(1_000);
    return { ...made, manager, list: () => made.registry.devices('openshift.io/vfs') };
  }

  test('VFs that appear and vanish change the list; a burst of events is one look and one list', async () => {
    const { clock, hardware, registry, list } = await advertised(pf(2));
    const [looks, lists] = [hardware.discoveries, registry.lists.length];
    hardware.become(pf(8), ...[2, 3, 4, 5, 6, 7].flatMap((index) => [{ kind: 'added', device: pciAddress(vf(index)) } as const, { kind: 'changed', device: pciAddress(A) } as const]));
    await clock.run(1_000);
    expect([list(), hardware.discoveries - looks, registry.lists.length - lists]).toEqual([[0, 1, 2, 3, 4, 5, 6, 7].map(vf), 1, 1]);
    hardware.become(inventoryOf(pfOf(A, 'ens1f0', [], { holdsDefaultRoute: true })), { kind: 'resync' });
    await clock.run(1_000);
    expect(list()).toBeUndefined();
    expect(registry.lists.at(-1)).toEqual({ resourceName: 'openshift.io/vfs', devices: [] });
  });

  test('a device known to be gone is refused before the list says so', async () => {
    const { clock, hardware, registry } = await advertised(pf(2));
    hardware.become(pf(1), { kind: 'removed', device: pciAddress(vf(1)) });
    const refused = await registry.plugins.get('openshift.io/vfs')!.allocate([[vf(1)]]);
    expect(refused).toEqual({ ok: false, error: `${vf(1)} of openshift.io/vfs cannot be given to a pod: it has gone from the node` });
    await clock.run(1_000);
    expect(await registry.plugins.get('openshift.io/vfs')!.allocate([[vf(1)]])).toEqual({ ok: false, error: `${vf(1)} is no device of openshift.io/vfs (any more)` });
  });

  test('a changed or lost driver makes a device unhealthy, its return healthy; another resource may take it over', async () => {
    const { clock, hardware, rendered, registry, list } = await advertised(pf(2), { ...all, selectors: { drivers: ['iavf'] } });
    const driverless = inventoryOf(pfOf(A, 'ens1f0', [vfOf(A, 0), withoutDriver(vfOf(A, 1))]));
    hardware.become(driverless, { kind: 'driver', device: pciAddress(vf(1)) });
    await clock.run(1_000);
    expect(list()).toEqual([vf(0), `!${vf(1)}`]);
    hardware.become(inventoryOf(pfOf(A, 'ens1f0', [vfOf(A, 0), vfioVfOf(A, 1)])), { kind: 'driver', device: pciAddress(vf(1)), driver: 'vfio-pci' });
    await clock.run(1_000);
    expect(list()).toEqual([vf(0), `!${vf(1)}`]);
    rendered(config({ ...all, selectors: { drivers: ['iavf'] } }, { resourceName: 'dpdk', selectors: { drivers: ['vfio-pci'] } }));
    await clock.run(1_000);
    expect([list(), registry.devices('openshift.io/dpdk')]).toEqual([[vf(0)], [vf(1)]]);
    hardware.become(pf(2), { kind: 'driver', device: pciAddress(vf(1)), driver: 'iavf' });
    await clock.run(1_000);
    expect(list()).toEqual([vf(0), vf(1)]);
  });

  test('link loss counts after five seconds, its return after one; a flap does not count, and enabled VFs do not need the PF\'s link', async () => {
    const { clock, hardware, registry, list } = await advertised(inventoryOf(pfOf(A, 'ens1f0', [vfOf(A, 0), { ...vfOf(A, 1), settings: { ...vfOf(A, 1).settings, linkState: 'enable' } }])));
    const link = (carrier: boolean) => hardware.emit({ kind: 'link', device: pciAddress(A), carrier });
    link(false);
    await clock.run(4_000);
    link(true);
    await clock.run(10_000);
    expect(registry.lists.length).toBe(1);
    link(false);
    await clock.run(5_000);
    expect(list()).toEqual([`!${vf(0)}`, vf(1)]);
    link(true);
    await clock.run(500);
    link(false);
    await clock.run(500);
    link(true);
    await clock.run(900);
    expect(list()).toEqual([`!${vf(0)}`, vf(1)]);
    await clock.run(100);
    expect(list()).toEqual([vf(0), vf(1)]);
  });

  test('a PF that is up without carrier is given the same five seconds at the start; one that is down and never had any does not count', async () => {
    const netdev = (adminState: 'up' | 'down') => ({ netdev: { ...pfOf(A, 'ens1f0', []).netdev!, adminState, carrier: false } });
    const up = await advertised(pf(1, netdev('up')));
    expect(up.list()).toEqual([vf(0)]);
    await up.clock.run(5_000);
    expect(up.list()).toEqual([`!${vf(0)}`]);
    const down = await advertised(pf(1, netdev('down')));
    await down.clock.run(60_000);
    expect(down.list()).toEqual([vf(0)]);
  });

  test('a quarantined device is unhealthy until it is released', async () => {
    const { manager, list, registry } = await advertised(pf(2));
    manager.quarantine(new Map([[pciAddress(vf(0)), 'its settings could not be restored']]));
    expect(list()).toEqual([`!${vf(0)}`, vf(1)]);
    expect((await registry.plugins.get('openshift.io/vfs')!.allocate([[vf(0)]])).ok).toBe(false);
    expect(manager.listings()).toEqual([{ resourceName: 'openshift.io/vfs', devices: [{ id: vf(0), fault: 'its settings could not be restored' }, { id: vf(1) }] }]);
    manager.quarantine(new Map());
    expect(list()).toEqual([vf(0), vf(1)]);
  });

  test('VFs of a PF that hangs are unhealthy until it does not any more; the PF itself is offered to nobody', async () => {
    const { hardware, clock, list } = await advertised(pf(2));
    const blocked = { cause: 'an earlier write hangs', remedy: 'end its holder' };
    hardware.become(pf(2, { blocked }), { kind: 'changed', device: pciAddress(A) });
    await clock.run(1_000);
    expect(list()).toEqual([`!${vf(0)}`, `!${vf(1)}`]);
    hardware.become(inventoryOf(pfOf(A, 'ens1f0', [], { blocked })), { kind: 'changed', device: pciAddress(A) });
    await clock.run(1_000);
    expect(list() ?? []).toEqual([]);
    hardware.become(pf(2), { kind: 'changed', device: pciAddress(A) });
    await clock.run(1_000);
    expect(list()).toEqual([vf(0), vf(1)]);
  });

  test('vfio-pci without an IOMMU group is unhealthy', async () => {
    const { iommuGroup: _, ...groupless } = vfioVfOf(A, 0);
    const { list } = await advertised(inventoryOf(pfOf(A, 'ens1f0', [groupless])));
    expect(list()).toEqual([`!${vf(0)}`]);
  });

  test('NUMA is told unless unknown or excluded', async () => {
    const numa = async (more: Partial<PfObservation>, resource: object) => (await advertised(pf(1, more), resource)).registry.lists[0]!.devices[0]!.numaNodes;
    expect([await numa({ numaNode: 1 }, all), await numa({ numaNode: -1 }, all), await numa({ numaNode: 1 }, { ...all, excludeTopology: true })]).toEqual([[1], [], []]);
  });

  test('a failed look is repeated, and what was advertised stays', async () => {
    const { clock, hardware, list } = await advertised(pf(2));
    hardware.failDiscovery = { code: 'io', device: 'host', cause: 'netlink did not answer', remedy: 'Wait.' };
    hardware.become(pf(1), { kind: 'resync' });
    await clock.run(10_000);
    expect(list()).toEqual([vf(0), vf(1)]);
    hardware.failDiscovery = undefined;
    await clock.run(60_000);
    expect(list()).toEqual([vf(0)]);
  });

  test('allocation answers each container in order, and writes device information that nobody removes', async () => {
    const { registry, files, manager } = await advertised(pf(3));
    const answer = await registry.plugins.get('openshift.io/vfs')!.allocate([[vf(2)], [vf(0), vf(1)]]);
    expect(answer.ok && answer.value.map(({ env }) => env['PCIDEVICE_OPENSHIFT_IO_VFS'])).toEqual([vf(2), `${vf(0)},${vf(1)}`]);
    manager.stop();
    expect(files.paths()).toEqual([0, 1, 2].map((index) => `/var/run/k8s.cni.cncf.io/devinfo/dp/openshift.io-vfs-${vf(index)}-device.json`));
  });

  test('by CDI when the operator\'s configuration says so, and the plain way when it no longer does', async () => {
    const { clock, files, registry, rendered, start } = world(inventoryOf(pfOf(A, 'ens1f0', [vfioVfOf(A, 0), vfioVfOf(A, 1)])));
    rendered(JSON.stringify({ resourceList: [all] }));
    start();
    await clock.run(1000);
    const allocate = async () => {
      const answer = await registry.plugins.get('openshift.io/vfs')!.allocate([[vf(0)]]);
      return answer.ok ? { devices: answer.value[0]!.devices.length, annotations: Object.keys(answer.value[0]!.annotations) } : answer.error;
    };
    const specs = () => files.paths().filter((path) => path.startsWith(CDI_FOLDER));
    const plain = { devices: 2, annotations: [] };
    const byName = { devices: 0, annotations: ['cdi.k8s.io/openshift.io_net-pci'] };
    expect([await allocate(), specs()]).toEqual([plain, []]);
    rendered(JSON.stringify({ resourceList: [all], useCdi: true }));
    await clock.run(1000);
    expect([await allocate(), specs()]).toEqual([byName, [`${CDI_FOLDER}/sriov-dp-openshift.io-net-pci.json`]]);
    rendered('{');
    await clock.run(1000);
    expect(await allocate()).toEqual(byName);
    rendered(JSON.stringify({ resourceList: [all] }));
    await clock.run(1000);
    expect([await allocate(), specs()]).toEqual([plain, []]);
  });

  test('after stop nothing is left: no registration, watch, timer or list', async () => {
    const { manager, clock, kube, hardware, registry } = await advertised(pf(2));
    hardware.emit({ kind: 'link', device: pciAddress(A), carrier: false });
    hardware.emit({ kind: 'resync' });
    manager.stop();
    const lists = registry.lists.length;
    await clock.run(600_000);
    expect([registry.plugins.size, kube.watching, clock.pending, registry.lists.length - lists]).toEqual([0, 0, 0, 0]);
  });
});
