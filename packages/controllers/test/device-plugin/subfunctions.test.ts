// Goal: subfunctions go to resources of their type and to no other, by their PF and number, with their RDMA devices.
// Method: pools and answers letter by letter from written inventories, numbers by property; the manager in simulated time on the simulator's own node.
import { MemFiles, SeededRandom, SimClock, pciAddress, silentLog } from '@vfleet/core';
import type { Inventory, KubeObject, SubfunctionObservation } from '@vfleet/core';
import { createFleet, nodesOf, parseFleet } from '@vfleet/hw-sim';
import { configMapResource } from '@vfleet/kube';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { allocateContainer } from '../../src/device-plugin/allocation.ts';
import { allocateByCdi } from '../../src/device-plugin/cdi.ts';
import { parseDevicePluginConfig } from '../../src/device-plugin/config.ts';
import { functionsOf } from '../../src/device-plugin/functions.ts';
import { createDevicePluginManager } from '../../src/device-plugin/index.ts';
import { assignPools } from '../../src/device-plugin/pools.ts';
import { FakeKube } from '../node-fakes/fake-kube.ts';
import { FakeRegistry } from '../node-fakes/fake-registry.ts';
import { inventoryOf, pfOf } from '../node-fakes/inventories.ts';

const A = pciAddress('0000:3b:00.0');
const B = pciAddress('0000:3b:00.1');
const mlx5 = { vendor: '15b3', deviceId: '101d', driver: 'mlx5_core' };

function subfunctionOf(id: number, pf: typeof A, sfNumber: number, more: Partial<SubfunctionObservation> = {}): SubfunctionObservation {
  const netdev = { name: `sf${id}`, altNames: [], mac: '02:00:00:00:00:09', mtu: 1500, adminState: 'down', carrier: false } as const;
  return { name: `mlx5_core.sf.${id}`, sfNumber, pf, netdev, rdmaDevices: [], holdsDefaultRoute: false, ...more };
}

function poolsOf(inventory: Inventory, ...resources: readonly object[]) {
  const { entries = [] } = parseDevicePluginConfig(JSON.stringify({ resourceList: resources.map((one, index) => ({ resourceName: `r${index}`, ...one })) }), 'nvidia.com');
  return assignPools(entries.flatMap((entry) => (entry.usable ? [entry.resource] : [])), functionsOf(inventory));
}

const sf = (selectors: object) => ({ deviceType: 'auxNetDevice', selectors: { auxTypes: ['sf'], ...selectors } });
const ids = (pools: ReturnType<typeof poolsOf>) => pools.map(({ members }) => members.map(({ function: { id } }) => id));
const nics = inventoryOf(pfOf(A, 'p0', [], mlx5), pfOf(B, 'p1', [], mlx5));
const three: Inventory = { ...nics, subfunctions: [subfunctionOf(2, A, 1), subfunctionOf(3, A, 88, { rdmaDevices: ['mlx5_2'] }), subfunctionOf(4, B, 1)] };
const [SF2, SF3, SF4] = [2, 3, 4].map((id) => `mlx5_core.sf.${id}`);

describe('pools', () => {
  test.each<[string, object, readonly (string | undefined)[]]>([
    ['nothing more said: all', {}, [SF2, SF3, SF4]],
    ['vendor, device and driver of the PF', { vendors: ['15b3'], devices: ['101D'], drivers: ['mlx5_core'] }, [SF2, SF3, SF4]],
    ['another driver', { drivers: ['mlx5_core.sf'] }, []],
    ['a PF by name', { pfNames: ['P0'] }, [SF2, SF3]],
    ['numbers of a PF', { pfNames: ['p0#2-99', 'p1#0'] }, [SF3]],
    ['rootDevices', { rootDevices: [`${B}#1`] }, [SF4]],
    ['linkTypes', { linkTypes: ['infiniband'] }, []],
    ['RDMA', { isRdma: true }, [SF3]],
  ])('%s', (_name, selectors, expected) => {
    expect(ids(poolsOf(three, sf(selectors)))).toEqual([expected]);
  });

  test('a PF that has some is no device itself; one that carries the default route, or whose PF is not there, is none either', () => {
    const subfunctions = [subfunctionOf(2, A, 0, { holdsDefaultRoute: true }), subfunctionOf(3, A, 1), subfunctionOf(4, pciAddress('0000:99:00.0'), 0)];
    expect(ids(poolsOf({ ...nics, subfunctions }, { selectors: {} }, sf({})))).toEqual([[B], [SF3]]);
  });

  test('in exclusive mode, one that is inside a pod keeps its RDMA', () => {
    const { netdev: _, ...away } = subfunctionOf(2, A, 0);
    const inventory = (rdmaMode: 'shared' | 'exclusive'): Inventory => ({ ...inventoryOf(pfOf(A, 'p0', [], { ...mlx5, rdmaDevices: ['mlx5_0'] })), rdmaMode, subfunctions: [away] });
    expect([ids(poolsOf(inventory('exclusive'), sf({ isRdma: true }))), ids(poolsOf(inventory('shared'), sf({ isRdma: true })))]).toEqual([[[SF2]], [[]]]);
  });

  test('ranges take exactly the numbers in them', () => {
    fc.assert(fc.property(fc.uniqueArray(fc.nat(200), { maxLength: 20 }), fc.nat(200), fc.nat(50), (numbers, first, length) => {
      const subfunctions = numbers.toSorted((a, b) => a - b).map((sfNumber, index) => subfunctionOf(index, A, sfNumber));
      const expected = subfunctions.filter(({ sfNumber }) => sfNumber >= first && sfNumber <= first + length).map(({ name }) => name);
      expect(ids(poolsOf({ ...nics, subfunctions }, sf({ pfNames: [`p0#${first}-${first + length}`] })))).toEqual([expected]);
    }));
  });
});

test('a container gets names of the auxiliary bus, RDMA device files and what the PF\'s entry says; by CDI, the names', () => {
  const rdma = ['/dev/infiniband/uverbs2', '/dev/infiniband/rdma_cm'];
  const inventory = { ...nics, subfunctions: [subfunctionOf(2, A, 0, { rdmaDevices: ['mlx5_2'], deviceFiles: { rdma } })] };
  const [pool] = poolsOf(inventory, { resourceName: 'sf', additionalInfo: { [A]: { rail: '1' } }, ...sf({ isRdma: true }) });
  const info = '{"mlx5_core.sf.2":{"extra":{"rail":"1"},"generic":{"deviceID":"mlx5_core.sf.2"},"rdma":{"rdma_cm":"/dev/infiniband/rdma_cm","rdma_dev":"mlx5_2","uverbs":"/dev/infiniband/uverbs2"}}}';
  const plain = allocateContainer(pool!.resource, pool!.members);
  expect(plain).toEqual({
    env: { PCIDEVICE_NVIDIA_COM_SF: 'mlx5_core.sf.2', PCIDEVICE_NVIDIA_COM_SF_INFO: info },
    mounts: [], annotations: {}, devices: rdma.map((path) => ({ hostPath: path, containerPath: path, permissions: 'rw' })),
  });
  expect(allocateByCdi(pool!.resource, pool!.members)).toEqual({ env: plain.env, mounts: [], devices: [], annotations: { 'cdi.k8s.io/nvidia.com_net-sf': 'nvidia.com/net-sf=mlx5_core.sf.2' } });
});

describe('on a node', () => {
  const running: { stop(): void }[] = [];
  afterEach(() => {
    for (const manager of running.splice(0)) manager.stop();
  });

  test('they are listed with the NUMA node and the health of their PF, and go with it', async () => {
    const parsed = parseFleet({ nodes: [{ name: 'node-a', pfs: [{ personality: 'ConnectX-6 Dx', pciAddress: A, name: 'p0', subfunctions: 2, numaNode: 1 }, { personality: 'ConnectX-6 Dx', pciAddress: B, name: 'p1', subfunctions: 1 }] }] });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    const clock = new SimClock();
    const node = createFleet({ clock, random: new SeededRandom('subfunctions') }).addNode([...nodesOf(parsed.value)][0]!);
    const kube = new FakeKube();
    const registry = new FakeRegistry();
    kube.put(configMapResource, {
      apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'kube-system', name: 'sriovdp-config' },
      data: { 'config.json': JSON.stringify({ resourceList: [{ resourceName: 'sf', ...sf({}) }, { resourceName: 'nics', selectors: {} }] }) },
    } as KubeObject);
    const manager = createDevicePluginManager({ kube, hardware: node.hardware, registry, files: new MemFiles(), clock, random: new SeededRandom('manager'), log: silentLog }, { nodeName: 'node-a', namespace: 'sriov-network-operator' });
    running.push(manager);
    manager.start();
    await clock.run(1_000);
    expect(manager.problems()).toEqual([]);
    expect([...registry.plugins.keys()]).toEqual(['intel.com/sf']);
    const plugin = registry.plugins.get('intel.com/sf')!;
    const lists: unknown[] = [];
    plugin.listAndWatch((devices) => void lists.push(devices)).stop();
    expect(lists[0]).toEqual([[2, 1], [3, 1], [4, 0]].map(([id, numaNode]) => ({ id: `mlx5_core.sf.${id}`, healthy: true, numaNodes: [numaNode] })));
    node.setCable(A, false);
    await clock.run(30_000);
    expect(manager.listings()[0]!.devices.map(({ fault }) => fault)).toEqual([`its PF ${A} has no link`, `its PF ${A} has no link`, undefined]);
    node.unplug(B);
    expect(await plugin.allocate([[SF4!]])).toMatchObject({ ok: false, error: expect.stringContaining(`of its PF ${B}: it has gone from the node`) });
    await clock.run(1_000);
    expect(manager.listings()[0]!.devices.map(({ id }) => id)).toEqual([SF2, SF3]);
  });
});
