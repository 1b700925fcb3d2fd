// Goal: containers get exactly the variables and device files that programs written for the stand-alone plugin read.
// Method: expected texts letter by letter; the choice of devices by properties.
import type { DevicePluginResource, VfObservation } from '@vfleet/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allocateContainer } from '../../src/device-plugin/allocation.ts';
import { parseDevicePluginConfig } from '../../src/device-plugin/config.ts';
import { deviceInfoOf, deviceInfoPath } from '../../src/device-plugin/device-info.ts';
import { functionsOf } from '../../src/device-plugin/functions.ts';
import { assignPools } from '../../src/device-plugin/pools.ts';
import { preferredDevices } from '../../src/device-plugin/preferred.ts';
import { inventoryOf, pfOf, vfioVfOf, vfOf } from '../node-fakes/inventories.ts';

const PF = '0000:81:00.0';

function pool(resource: Partial<DevicePluginResource>, vfs: readonly VfObservation[]) {
  const text = JSON.stringify({ resourceList: [{ resourceName: 'sriov-net', selectors: {}, ...resource }] });
  const entry = parseDevicePluginConfig(text, 'intel.com').entries![0]!;
  if (!entry.usable) throw new Error('the test\'s resource is wrong');
  return assignPools([entry.resource], functionsOf(inventoryOf(pfOf(PF, 'ens1f0', vfs))))[0]!;
}

function allocated(resource: Partial<DevicePluginResource>, vfs: readonly VfObservation[], order: readonly number[] = vfs.map((_, index) => index)) {
  const { resource: config, members } = pool(resource, vfs);
  return allocateContainer(config, order.map((index) => members[index]!));
}

describe('allocateContainer', () => {
  test('kernel driver: two variables, ids in the order asked for, hyphens stay', () => {
    expect(allocated({ resourcePrefix: 'openshift.io' }, [vfOf(PF, 0), vfOf(PF, 1)], [1, 0])).toEqual({
      env: {
        'PCIDEVICE_OPENSHIFT_IO_SRIOV-NET': '0000:81:01.1,0000:81:01.0',
        'PCIDEVICE_OPENSHIFT_IO_SRIOV-NET_INFO': '{"0000:81:01.0":{"generic":{"deviceID":"0000:81:01.0"}},"0000:81:01.1":{"generic":{"deviceID":"0000:81:01.1"}}}',
      },
      mounts: [], devices: [], annotations: {},
    });
  });

  test('vfio-pci: the control file once, a group each', () => {
    const { env, devices } = allocated({}, [vfioVfOf(PF, 0), vfioVfOf(PF, 1)]);
    expect(env['PCIDEVICE_INTEL_COM_SRIOV-NET_INFO']).toBe(
      '{"0000:81:01.0":{"generic":{"deviceID":"0000:81:01.0"},"vfio":{"dev-mount":"/dev/vfio/40","mount":"/dev/vfio/vfio"}},'
      + '"0000:81:01.1":{"generic":{"deviceID":"0000:81:01.1"},"vfio":{"dev-mount":"/dev/vfio/41","mount":"/dev/vfio/vfio"}}}',
    );
    expect(devices).toEqual(['/dev/vfio/vfio', '/dev/vfio/40', '/dev/vfio/41'].map((path) => ({ hostPath: path, containerPath: path, permissions: 'rw' })));
  });

  test('vfio-pci without IOMMU: another name on the host than in the container', () => {
    const { env, devices } = allocated({}, [{ ...vfioVfOf(PF, 0), deviceFiles: { vfioGroup: { host: '/dev/vfio/noiommu-3', container: '/dev/vfio/3' } } }]);
    expect(env['PCIDEVICE_INTEL_COM_SRIOV-NET_INFO']).toContain('"dev-mount":"/dev/vfio/3"');
    expect(devices[1]).toEqual({ hostPath: '/dev/vfio/noiommu-3', containerPath: '/dev/vfio/3', permissions: 'rw' });
  });

  test('RDMA, vhost-net, uio, vDPA', () => {
    const rdma = ['/dev/infiniband/issm4', '/dev/infiniband/umad4', '/dev/infiniband/uverbs4', '/dev/infiniband/rdma_cm'];
    const both = allocated({ selectors: { isRdma: true, needVhostNet: true } }, [vfOf(PF, 0, { rdmaDevices: ['mlx5_4'], deviceFiles: { rdma } })]);
    expect(both.env['PCIDEVICE_INTEL_COM_SRIOV-NET_INFO']).toBe(
      '{"0000:81:01.0":{"generic":{"deviceID":"0000:81:01.0"},"rdma":{"issm":"/dev/infiniband/issm4","rdma_cm":"/dev/infiniband/rdma_cm","rdma_dev":"mlx5_4","umad":"/dev/infiniband/umad4","uverbs":"/dev/infiniband/uverbs4"},'
      + '"vhost":{"net-mount":"/dev/vhost-net","tun-mount":"/dev/net/tun"}}}',
    );
    expect(both.devices.map(({ hostPath }) => hostPath)).toEqual([...rdma, '/dev/vhost-net', '/dev/net/tun']);
    const uio = allocated({}, [{ ...vfioVfOf(PF, 0), driver: 'igb_uio', deviceFiles: { uio: '/dev/uio2' } }]);
    expect([uio.env['PCIDEVICE_INTEL_COM_SRIOV-NET_INFO'], uio.devices[0]?.hostPath]).toEqual(['{"0000:81:01.0":{"generic":{"deviceID":"0000:81:01.0"},"uio":{"mount":"/dev/uio2"}}}', '/dev/uio2']);
    const vdpa = allocated({ selectors: { vdpaType: 'vhost' } }, [vfOf(PF, 0, { vdpaType: 'vhost', deviceFiles: { vhostVdpa: '/dev/vhost-vdpa-0' } })]);
    expect(vdpa.env['PCIDEVICE_INTEL_COM_SRIOV-NET_INFO']).toContain('"vdpa":{"mount":"/dev/vhost-vdpa-0"}');
  });

  test('additionalInfo: the specific entry wins over "*"; escaped as Go escapes', () => {
    const additionalInfo = { '*': { token: 'a', zone: '<1>&' }, '0000:81:01.1': { token: 'b' } };
    expect(allocated({ additionalInfo }, [vfOf(PF, 0), vfOf(PF, 1)]).env['PCIDEVICE_INTEL_COM_SRIOV-NET_INFO']).toBe(
      '{"0000:81:01.0":{"extra":{"token":"a","zone":"\\u003c1\\u003e\\u0026"},"generic":{"deviceID":"0000:81:01.0"}},'
      + '"0000:81:01.1":{"extra":{"token":"b","zone":"\\u003c1\\u003e\\u0026"},"generic":{"deviceID":"0000:81:01.1"}}}',
    );
  });

  test('device information for other components', () => {
    expect(deviceInfoPath('openshift.io/sriov', '0000:81:01.0')).toBe('/var/run/k8s.cni.cncf.io/devinfo/dp/openshift.io-sriov-0000:81:01.0-device.json');
    const info = (resource: Partial<DevicePluginResource>, vf: VfObservation) => deviceInfoOf(pool(resource, [vf]).members[0]!);
    expect(info({}, vfOf(PF, 0))).toEqual({ type: 'pci', version: '1.1.0', pci: { 'pci-address': '0000:81:01.0' } });
    expect(info({ selectors: { isRdma: true } }, vfOf(PF, 0, { rdmaDevices: ['mlx5_4'] }))).toEqual({ type: 'pci', version: '1.1.0', pci: { 'pci-address': '0000:81:01.0', 'rdma-device': 'mlx5_4' } });
    expect(info({ selectors: { vdpaType: 'virtio' } }, vfOf(PF, 0, { vdpaType: 'virtio' }))).toEqual({ type: 'vdpa', version: '1.1.0', vdpa: { 'parent-device': 'vdpa:0000:81:01.0', driver: 'virtio', 'pci-address': '0000:81:01.0' } });
  });
});

describe('preferredDevices', () => {
  const placements = fc.array(fc.record({ pf: fc.constantFrom('a', 'b', 'c', 'd'), numaNode: fc.constantFrom(0, 1) }), { minLength: 1, maxLength: 16 })
    .map((list) => list.map(({ pf }, index) => ({ id: `${pf}${index}`, pf, numaNode: pf < 'c' ? 0 : 1 })));

  test('gives as many as asked for, of those available, with all that must be', () => {
    fc.assert(fc.property(placements, fc.nat(), fc.nat(), (list, sizeDraw, mustDraw) => {
      const available = list.map(({ id }) => id);
      const size = 1 + (sizeDraw % available.length);
      const mustInclude = available.slice(0, mustDraw % (size + 1));
      const given = preferredDevices(list, { available, mustInclude, size });
      expect(given).toHaveLength(size);
      expect(new Set(given).size).toBe(size);
      expect(available).toEqual(expect.arrayContaining([...given]));
      expect(given).toEqual(expect.arrayContaining([...mustInclude]));
    }));
  });

  test('one PF, or else one NUMA node, where that is possible', () => {
    fc.assert(fc.property(placements, fc.nat(), (list, sizeDraw) => {
      const available = list.map(({ id }) => id);
      const size = 1 + (sizeDraw % available.length);
      const given = list.filter(({ id }) => preferredDevices(list, { available, mustInclude: [], size }).includes(id));
      const fits = (key: 'pf' | 'numaNode') => [...Map.groupBy(list, (placement) => placement[key]).values()].some((group) => group.length >= size);
      const spread = (key: 'pf' | 'numaNode') => new Set(given.map((placement) => placement[key])).size;
      expect(spread('pf') === 1 || !fits('pf')).toBe(true);
      expect(spread('numaNode') === 1 || !fits('numaNode')).toBe(true);
    }));
  });

  test('the PF that fits most tightly, and near what must be included', () => {
    const list = ['a0', 'a1', 'a2', 'b0', 'b1', 'c0', 'c1', 'c2', 'c3', 'c4', 'c5'].map((id) => ({ id, pf: id[0]!, numaNode: id[0] === 'c' ? 1 : 0 }));
    const available = list.map(({ id }) => id);
    expect(preferredDevices(list, { available, mustInclude: [], size: 2 })).toEqual(['b0', 'b1']);
    expect(preferredDevices(list, { available, mustInclude: ['a1'], size: 3 })).toEqual(['a1', 'a0', 'a2']);
    expect(preferredDevices(list, { available: ['a0', 'b0', 'c0', 'c1'], mustInclude: ['c1'], size: 3 })).toEqual(['c1', 'a0', 'c0']);
  });

  test('too few are given as they are', () => {
    expect(preferredDevices([{ id: 'a', pf: 'p', numaNode: -1 }], { available: ['a'], mustInclude: [], size: 3 })).toEqual(['a']);
  });
});
