// Goal: what network-status says of a device is what was written of it, or what its id says; nothing wrong of devices that are not on PCI.
// Method: a device with a file, one without, and a subfunction.
import { MemFiles } from '@vfleet/core';
import { expect, test } from 'vitest';
import { deviceInfoFor } from '../../src/attachment/network-status.ts';
import { deviceInfoPath } from '../../src/device-plugin/device-info.ts';

const VF = '0000:81:01.0';

test('by its file, by its address, or not at all', async () => {
  const files = new MemFiles();
  const written = { type: 'vdpa', version: '1.1.0', vdpa: { driver: 'vhost' } };
  await files.replace(deviceInfoPath('intel.com/written', VF), JSON.stringify(written));
  const info = (deviceId: string, resourceName: string) => deviceInfoFor(files, { network: 'default/n', ifname: 'net1', steps: [], isDefault: false, deviceId, resourceName });
  expect(await info(VF, 'intel.com/written')).toEqual(written);
  expect(await info(VF, 'intel.com/other')).toEqual({ type: 'pci', version: '1.1.0', pci: { 'pci-address': VF } });
  expect(await info('mlx5_core.sf.4', 'intel.com/sf')).toBeUndefined();
});
