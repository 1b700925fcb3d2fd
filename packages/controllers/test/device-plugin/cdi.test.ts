// Goal: container runtimes resolve what Allocate names, at every moment and for every container that may start again. Method: what the
// files hold, read as a runtime reads them, against what is allocated; properties over changing pools.
import { MemFiles } from '@vfleet/core';
import type { VfObservation } from '@vfleet/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CDI_FOLDER, CdiSpecs, allocateByCdi, cdiKind } from '../../src/device-plugin/cdi.ts';
import { parseDevicePluginConfig } from '../../src/device-plugin/config.ts';
import { functionsOf } from '../../src/device-plugin/functions.ts';
import { assignPools } from '../../src/device-plugin/pools.ts';
import { inventoryOf, pfOf, vfioVfOf, vfOf } from '../node-fakes/inventories.ts';

const PF = '0000:81:00.0';

function poolsOf(vfs: readonly VfObservation[], ...resources: readonly object[]) {
  const entries = parseDevicePluginConfig(JSON.stringify({ resourceList: resources }), 'intel.com').entries ?? [];
  return assignPools(entries.flatMap((entry) => (entry.usable ? [entry.resource] : [])), functionsOf(inventoryOf(pfOf(PF, 'ens1f0', vfs))));
}

/** Qualified device names in all files, as a runtime finds them; one that is in two files is in conflict, and not found at all. */
async function resolvable(files: MemFiles): Promise<readonly string[]> {
  const names: string[] = [];
  for (const path of files.paths().filter((one) => one.startsWith(`${CDI_FOLDER}/`))) {
    const text = await files.read(path);
    const spec = JSON.parse(text.ok ? text.value : '') as { readonly cdiVersion: string; readonly kind: string; readonly devices: readonly { readonly name: string; readonly containerEdits: { readonly deviceNodes: readonly unknown[] } }[] };
    expect(spec.cdiVersion).toBe('0.5.0');
    for (const { name, containerEdits } of spec.devices) {
      expect(containerEdits.deviceNodes.length).toBeGreaterThan(0);
      names.push(`${spec.kind}=${name}`);
    }
  }
  return names.filter((name, index) => names.indexOf(name) === index && names.lastIndexOf(name) === index).toSorted();
}

const vfios = [vfioVfOf(PF, 0), vfioVfOf(PF, 1)];

test('Allocate answers with one annotation and the variables; the file says what the names mean', async () => {
  const files = new MemFiles();
  const [pool] = poolsOf(vfios, { resourceName: 'dpdk', selectors: {} });
  const { env, ...rest } = allocateByCdi(pool!.resource, pool!.members);
  expect(rest).toEqual({ mounts: [], devices: [], annotations: { 'cdi.k8s.io/intel.com_net-pci': 'intel.com/net-pci=0000:81:01.0,intel.com/net-pci=0000:81:01.1' } });
  expect(env['PCIDEVICE_INTEL_COM_DPDK']).toBe('0000:81:01.0,0000:81:01.1');
  expect((await new CdiSpecs(files).update([pool!], () => false)).ok).toBe(true);
  const node = (path: string) => ({ path, permissions: 'rw' });
  const read = await files.read(`${CDI_FOLDER}/sriov-dp-intel.com-net-pci.json`);
  expect(read.ok && JSON.parse(read.value)).toEqual({
    cdiVersion: '0.5.0', kind: 'intel.com/net-pci',
    devices: [40, 41].map((group, index) => ({ name: `0000:81:01.${index}`, containerEdits: { deviceNodes: [node('/dev/vfio/vfio'), node(`/dev/vfio/${group}`)] } })),
  });
});

test('a group without IOMMU keeps its two paths', async () => {
  const files = new MemFiles();
  const { iommuGroup: _, ...vf } = vfioVfOf(PF, 0);
  const [pool] = poolsOf([{ ...vf, deviceFiles: { vfioGroup: { host: '/dev/vfio/noiommu-3', container: '/dev/vfio/3' } } }], { resourceName: 'dpdk', selectors: {} });
  await new CdiSpecs(files).update([pool!], () => false);
  const read = await files.read(`${CDI_FOLDER}/sriov-dp-intel.com-net-pci.json`);
  expect(read.ok && read.value).toContain('{"path":"/dev/vfio/3","hostPath":"/dev/vfio/noiommu-3","permissions":"rw"}');
});

test('devices with nothing to hand over are named nowhere: a runtime takes an empty device for an error', async () => {
  const files = new MemFiles();
  const [pool] = poolsOf([vfOf(PF, 0)], { resourceName: 'kernel', selectors: {} });
  expect(allocateByCdi(pool!.resource, pool!.members).annotations).toEqual({});
  await new CdiSpecs(files).update([pool!], () => false);
  expect(files.paths()).toEqual([]);
});

test.each([['3com.com', 'no letter first'], [`${'a'.repeat(60)}.com`, 'too long for an annotation']])('prefix %s (%s) goes the plain way', (resourcePrefix) => {
  const [pool] = poolsOf(vfios, { resourcePrefix, resourceName: 'dpdk', selectors: {} });
  expect(cdiKind(pool!.resource)).toBeUndefined();
  const { devices, annotations } = allocateByCdi(pool!.resource, pool!.members);
  expect([devices.length, annotations]).toEqual([3, {}]);
});

test('files of the plugin before ours go, other people\'s stay, and a restart writes nothing anew', async () => {
  const files = new MemFiles();
  const pools = poolsOf(vfios, { resourceName: 'dpdk', selectors: {} });
  await files.replace(`${CDI_FOLDER}/sriov-dp-intel.com-net-pci_1a2b.json`, JSON.stringify({ kind: 'intel.com/net-pci', devices: [{ name: '0000:81:01.0' }] }));
  await files.replace(`${CDI_FOLDER}/sriov-dp-broken.json`, '{');
  await files.replace(`${CDI_FOLDER}/nvidia.yaml`, 'kind: nvidia.com/gpu');
  await new CdiSpecs(files).update(pools, () => false);
  expect(files.paths()).toEqual([`${CDI_FOLDER}/nvidia.yaml`, `${CDI_FOLDER}/sriov-dp-intel.com-net-pci.json`]);
  const before = await files.read(files.paths()[1]!);
  const writes: string[] = [];
  const watched = new MemFiles((_operation, path) => {
    writes.push(path);
    return 'none';
  });
  await watched.replace(files.paths()[1]!, before.ok ? before.value : '');
  writes.length = 0;
  await new CdiSpecs(watched).update(pools, () => false);
  expect(writes).toEqual([]);
});

test('a disk that takes nothing is reported to whoever asks, and tried again with the next update', async () => {
  let full = true;
  const files = new MemFiles(() => (full ? 'noSpace' : 'none'));
  const specs = new CdiSpecs(files);
  const pools = poolsOf(vfios, { resourceName: 'dpdk', selectors: {} });
  void specs.update(pools, () => false);
  expect(await specs.settled()).toMatchObject({ ok: false, error: { code: 'noSpace' } });
  full = false;
  expect((await specs.update(pools, () => false)).ok).toBe(true);
  expect(await resolvable(files)).toHaveLength(2);
});

describe('properties', () => {
  test('whatever pools become, what they list and what pods hold is found once, and nothing else', async () => {
    const count = 4;
    const all = Array.from({ length: count }, (_, index) => vfioVfOf(PF, index));
    const assignment = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: count, maxLength: count });
    const held = fc.uniqueArray(fc.integer({ min: 0, max: count - 1 }));
    await fc.assert(fc.asyncProperty(fc.array(fc.tuple(assignment, held, fc.boolean()), { maxLength: 8 }), async (rounds) => {
      const files = new MemFiles();
      let specs = new CdiSpecs(files);
      let known = new Set<string>();
      for (const [owners, heldIndices, restart] of rounds) {
        if (restart) specs = new CdiSpecs(files);
        const resources = [0, 1].map((owner) => ({ resourceName: `r${owner}`, selectors: { pciAddresses: all.filter((_, index) => owners[index] === owner).map(({ pciAddress }) => pciAddress).concat('0000:00:00.0' as never) } }));
        const isHeld = (id: string) => heldIndices.some((index) => all[index]!.pciAddress === id);
        expect((await specs.update(poolsOf(all, ...resources), isHeld)).ok).toBe(true);
        const listed = all.filter((_, index) => owners[index]! < 2).map(({ pciAddress }) => `intel.com/net-pci=${pciAddress}`);
        const kept = [...known].filter((name) => isHeld(name.split('=')[1]!));
        known = new Set([...listed, ...kept]);
        expect(await resolvable(files)).toEqual([...known].toSorted());
      }
    }), { numRuns: 60 });
  });
});
