// Goal: accelerators go to resources of their type and to no other, with the files that programs open, and are listed as they are.
// Method: pools and answers letter by letter from drawn and written inventories; the manager in simulated time on the simulator's own node.
import { MemFiles, SeededRandom, SimClock, silentLog } from '@vfleet/core';
import type { AcceleratorObservation, KubeObject, PciAddress } from '@vfleet/core';
import { createFleet, nodesOf, parseFleet } from '@vfleet/hw-sim';
import { configMapResource } from '@vfleet/kube';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { allocateContainer } from '../../src/device-plugin/allocation.ts';
import { allocateByCdi } from '../../src/device-plugin/cdi.ts';
import { parseDevicePluginConfig } from '../../src/device-plugin/config.ts';
import { functionsOf } from '../../src/device-plugin/functions.ts';
import { createDevicePluginManager } from '../../src/device-plugin/index.ts';
import { listDevices } from '../../src/device-plugin/listing.ts';
import { assignPools } from '../../src/device-plugin/pools.ts';
import { FakeKube } from '../node-fakes/fake-kube.ts';
import { FakeRegistry } from '../node-fakes/fake-registry.ts';
import { acceleratorOf, inventoryOf, pfOf, vfOf } from '../node-fakes/inventories.ts';

const NIC = '0000:81:00.0';
const A = '0000:c1:00.0';
const B = '0000:c1:00.1';

function resourcesOf(...resources: readonly object[]) {
  const { entries = [] } = parseDevicePluginConfig(JSON.stringify({ resourceList: resources.map((one, index) => ({ resourceName: `r${index}`, ...one })) }), 'intel.com');
  return entries.flatMap((entry) => (entry.usable ? [entry.resource] : []));
}

const functions = (...accelerators: readonly AcceleratorObservation[]) => functionsOf({ ...inventoryOf(pfOf(NIC, 'ens1f0', [vfOf(NIC, 0)])), accelerators });
const accelerator = (selectors: object) => ({ deviceType: 'accelerator', selectors });
const ids = (pools: ReturnType<typeof assignPools>) => pools.map(({ members }) => members.map(({ function: { id } }) => id as string));

describe('pools', () => {
  const two = [acceleratorOf(A), acceleratorOf(B, { vendor: '1172', deviceId: '09c4', driver: 'dfl-pci' })];

  test.each<[string, object, readonly string[]]>([
    ['nothing said: every accelerator', {}, [A, B]],
    ['vendors', { vendors: ['1172'] }, [B]],
    ['devices', { devices: ['0D90'] }, [A]],
    ['drivers', { drivers: ['dfl-pci'] }, [B]],
    ['pciAddresses', { pciAddresses: ['0000:C1:00.1'] }, [B]],
    ['AND across fields', { vendors: ['1172'], drivers: ['vfio-pci'] }, []],
  ])('%s', (_name, selectors, expected) => {
    expect(ids(assignPools(resourcesOf(accelerator(selectors)), functions(...two)))).toEqual([expected]);
  });

  test('without driver, or with VFs, none is a device; its VFs are', () => {
    const { driver: _, ...driverless } = acceleratorOf(B);
    expect(ids(assignPools(resourcesOf(accelerator({})), functions(acceleratorOf(A), driverless, acceleratorOf('0000:c1:01.0', { pf: A as PciAddress }))))).toEqual([['0000:c1:01.0']]);
  });

  test('no resource holds a device of another type, whatever it selects', () => {
    const selectors = fc.record({ vendors: fc.subarray(['8086', '1172'], { minLength: 1 }), drivers: fc.subarray(['vfio-pci', 'iavf', 'dfl-pci'], { minLength: 1 }) }, { requiredKeys: [] });
    const resource = fc.record({ deviceType: fc.constantFrom('netDevice', 'accelerator'), selectors });
    fc.assert(fc.property(fc.array(resource, { minLength: 1, maxLength: 4 }), (resources) => {
      const pools = assignPools(resourcesOf(...resources), functions(...two));
      for (const { resource: { deviceType }, members } of pools) for (const member of members) expect(member.function.deviceType).toBe(deviceType);
      const all = ids(pools).flat();
      expect(new Set(all).size).toBe(all.length);
    }));
  });
});

test('a container gets the variables, the VFIO group and nothing of the network; by CDI, the name', () => {
  const [pool] = assignPools(resourcesOf({ resourceName: 'fpga', additionalInfo: { '*': { image: 'x' } }, ...accelerator({}) }), functions(acceleratorOf(A), acceleratorOf(B, { iommuGroup: 91 })));
  const info = (id: string, group: number) => `"${id}":{"extra":{"image":"x"},"generic":{"deviceID":"${id}"},"vfio":{"dev-mount":"/dev/vfio/${group}","mount":"/dev/vfio/vfio"}}`;
  const plain = allocateContainer(pool!.resource, pool!.members);
  expect(plain).toEqual({
    env: { PCIDEVICE_INTEL_COM_FPGA: `${A},${B}`, PCIDEVICE_INTEL_COM_FPGA_INFO: `{${info(A, 90)},${info(B, 91)}}` },
    mounts: [], annotations: {},
    devices: ['/dev/vfio/vfio', '/dev/vfio/90', '/dev/vfio/91'].map((path) => ({ hostPath: path, containerPath: path, permissions: 'rw' })),
  });
  expect(allocateByCdi(pool!.resource, pool!.members)).toEqual({ env: plain.env, mounts: [], devices: [], annotations: { 'cdi.k8s.io/intel.com_net-accel': `intel.com/net-accel=${A},intel.com/net-accel=${B}` } });
});

test('one that loses its driver stays listed, as unhealthy; one without IOMMU group is so from the start', () => {
  const resources = resourcesOf(accelerator({ drivers: ['vfio-pci'] }));
  const look = (now: readonly AcceleratorObservation[], listed: Parameters<typeof listDevices>[0]['listed']) => listDevices({ resources, functions: functions(...now), onHold: () => false, listed, faultOf: () => undefined })[0]!.members;
  const before = look([acceleratorOf(A)], new Map());
  expect(before.map(({ fault }) => fault)).toEqual([undefined]);
  const { driver: _, ...driverless } = acceleratorOf(A);
  expect(look([driverless], new Map([['intel.com/r0', before]])).map(({ function: { id }, fault }) => [id, fault])).toEqual([[A, 'its driver vfio-pci is no longer bound']]);
  const { iommuGroup: __, ...groupless } = acceleratorOf(A);
  expect(look([groupless], new Map())[0]!.fault).toMatch(/no IOMMU group/);
});

describe('on a node', () => {
  const running: { stop(): void }[] = [];
  afterEach(() => {
    for (const manager of running.splice(0)) manager.stop();
  });

  test('the list follows what is plugged in, and what is gone is not handed out', async () => {
    const parsed = parseFleet({ nodes: [{ name: 'node-a', kernelArguments: ['intel_iommu=on'], accelerators: [A, B].map((pciAddress) => ({ pciAddress, vendor: '8086', deviceId: '0d90', driver: 'vfio-pci', numaNode: 1 })) }] });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    const clock = new SimClock();
    const node = createFleet({ clock, random: new SeededRandom('accelerators') }).addNode([...nodesOf(parsed.value)][0]!);
    const kube = new FakeKube();
    const registry = new FakeRegistry();
    const files = new MemFiles();
    kube.put(configMapResource, {
      apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'kube-system', name: 'sriovdp-config' },
      data: { 'config.json': JSON.stringify({ resourceList: [{ resourceName: 'fpga', deviceType: 'accelerator', selectors: { vendors: ['8086'] } }, { resourceName: 'nics', selectors: {} }] }) },
    } as KubeObject);
    const manager = createDevicePluginManager({ kube, hardware: node.hardware, registry, files, clock, random: new SeededRandom('manager'), log: silentLog }, { nodeName: 'node-a', namespace: 'sriov-network-operator' });
    running.push(manager);
    manager.start();
    await clock.run(1_000);
    expect(manager.problems()).toEqual([]);
    expect([...registry.plugins.keys()]).toEqual(['intel.com/fpga']);
    const plugin = registry.plugins.get('intel.com/fpga')!;
    const lists: unknown[] = [];
    plugin.listAndWatch((devices) => void lists.push(devices)).stop();
    expect(lists[0]).toEqual([A, B].map((id) => ({ id, healthy: true, numaNodes: [1] })));
    expect(await plugin.allocate([[B]])).toMatchObject({ ok: true, value: [{ devices: [{ hostPath: '/dev/vfio/vfio' }, { hostPath: '/dev/vfio/17' }] }] });
    expect(files.paths().filter((path) => path.includes('devinfo'))).toEqual([]);
    node.unplug(A as PciAddress);
    // Before the next look at the hardware, too.
    expect(await plugin.allocate([[A]])).toMatchObject({ ok: false, error: expect.stringContaining('it has gone from the node') });
    await clock.run(1_000);
    expect(registry.devices('intel.com/fpga')).toEqual([B]);
    node.replug(A as PciAddress);
    await clock.run(1_000);
    expect(registry.devices('intel.com/fpga')).toEqual([A, B]);
  });
});
