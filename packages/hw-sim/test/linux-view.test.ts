// Goal: the files of a simulated kernel answer as a real one's: by content, by errno, and by letting one wait. Method: the table that was
// measured on Linux 6.1 with emulated 82576 cards, written and read through the memfs volume of the view.
import { describe, expect, test } from 'vitest';
import type { PciAddress } from '@vfleet/core';
import { LinuxView } from '@vfleet/hw-sim/linux-view/linux-view.ts';
import { PF, lab } from './support.ts';
import type { Lab } from './support.ts';

const VF = '0000:01:10.0' as PciAddress;
const DEVICES = '/sys/bus/pci/devices';
const file = (name: string, address: string = PF) => `${DEVICES}/${address}/${name}`;

class Kernel {
  readonly lab: Lab = lab({ node: { kernelVersion: '6.1.0', kernelArguments: ['intel_iommu=on'] } });
  readonly view = new LinuxView(this.lab.node);

  read(path: string): string {
    return String(this.view.volume().readFileSync(path, 'utf8'));
  }

  /** `ok`, or the errno. */
  async write(path: string, text: string): Promise<string> {
    return this.lab.wait(this.view.writeText(path, text).then(() => 'ok', (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : 'thrown')));
  }

  link(path: string): string {
    return String(this.view.volume().readlinkSync(path));
  }

  names(path: string): readonly string[] {
    return this.view.volume().readdirSync(path).map(String).sort();
  }
}

async function withVfs(count: number): Promise<Kernel> {
  const kernel = new Kernel();
  expect(await kernel.write(file('sriov_numvfs'), String(count))).toBe('ok');
  return kernel;
}

describe('the files of a PF', () => {
  test('identity and SR-IOV attributes read as on the kernel', () => {
    const kernel = new Kernel();
    const read = ['vendor', 'device', 'class', 'sriov_totalvfs', 'sriov_numvfs', 'sriov_offset', 'sriov_stride', 'sriov_vf_device', 'sriov_drivers_autoprobe', 'driver_override'].map((name) => kernel.read(file(name)));
    expect(read).toEqual(['0x8086\n', '0x10c9\n', '0x020000\n', '7\n', '0\n', '128\n', '2\n', '10ca\n', '1\n', '(null)\n']);
    expect(kernel.link(file('driver'))).toMatch(/\/bus\/pci\/drivers\/igb$/);
  });

  test.each([
    ['65536', 'EINVAL'], ['-1', 'EINVAL'], ['abc', 'EINVAL'], ['4x', 'EINVAL'], [' 4', 'EINVAL'], ['1.5', 'EINVAL'], ['\n', 'EINVAL'], ['8', 'ERANGE'], ['0x4', 'ok'], ['4\n', 'ok'], ['', 'ok'], ['0', 'ok'],
  ])('%j into sriov_numvfs is %s', async (text, answer) => {
    const kernel = new Kernel();
    expect(await kernel.write(file('sriov_numvfs'), text)).toBe(answer);
    expect(kernel.read(file('sriov_numvfs'))).toBe(/4/.test(text) && answer === 'ok' ? '4\n' : '0\n');
  });

  test('VFs come after the time the driver needs, with their links, and go', async () => {
    const kernel = new Kernel();
    const started = kernel.lab.clock.monotonicMs();
    const written = kernel.view.writeText(file('sriov_numvfs'), '2');
    expect(kernel.names(DEVICES)).toEqual([PF]);
    await kernel.lab.wait(written);
    expect(kernel.lab.clock.monotonicMs() - started).toBeGreaterThanOrEqual(490);
    expect(kernel.names(DEVICES)).toEqual([PF, VF, '0000:01:10.2']);
    expect([kernel.link(file('virtfn0')), kernel.link(file('physfn', VF)), kernel.link(file('driver', VF))]).toEqual([expect.stringMatching(/0000:01:10\.0$/), expect.stringMatching(/0000:01:00\.0$/), expect.stringMatching(/igbvf$/)]);
    expect(kernel.read(file('physfn/sriov_numvfs', VF))).toBe('2\n');
    expect(await kernel.write(file('sriov_numvfs'), '1')).toBe('EBUSY');
    expect(await kernel.write(file('sriov_numvfs'), '0')).toBe('ok');
    expect(kernel.names(DEVICES)).toEqual([PF]);
    expect(kernel.names('/sys/bus/pci/drivers/igbvf')).toEqual(['bind', 'new_id', 'remove_id', 'unbind']);
  });

  test.each([
    ['sriov_totalvfs', '3', 'EACCES'], ['sriov_drivers_autoprobe', '2', 'EINVAL'], ['sriov_drivers_autoprobe', 'x', 'EINVAL'], ['sriov_drivers_autoprobe', 'N', 'ok'], ['vendor', '1', 'EACCES'], ['no_such_file', '1', 'ENOENT'],
    ['driver_override', 'no_such_driver\n', 'ok'], ['driver/unbind', '0000:7f:00.0', 'ENODEV'], ['driver/bind', PF, 'EBUSY'], ['remove', '1', 'ok'],
  ])('%s takes %j with %s', async (name, text, answer) => {
    expect(await new Kernel().write(file(name), text)).toBe(answer);
  });

  test('folders stay that the kernel has without anything in them', async () => {
    const kernel = new Kernel();
    expect(kernel.names('/sys/class/net')).toHaveLength(1);
    await kernel.write(file('driver/unbind'), PF);
    expect(kernel.names('/sys/class/net')).toEqual([]);
    await kernel.write(file('remove'), '1');
    expect([kernel.names(DEVICES), kernel.names('/sys/kernel/iommu_groups')]).toEqual([[], []]);
  });

  test('without its driver a PF has no VFs to give: ENOENT', async () => {
    const kernel = new Kernel();
    expect(await kernel.write(file('driver/unbind'), PF)).toBe('ok');
    expect(() => kernel.link(file('driver'))).toThrow(/ENOENT/);
    expect(await kernel.write(file('sriov_numvfs'), '1')).toBe('ENOENT');
    expect(await kernel.write('/sys/bus/pci/drivers_probe', PF)).toBe('ok');
    expect(kernel.link(file('driver'))).toMatch(/igb$/);
  });
});

describe('the files of a VF and its drivers', () => {
  test.each([
    [file('sriov_numvfs', VF), '1', 'ENOENT'], [file('remove', VF), '1', 'EACCES'], ['/sys/bus/pci/drivers/igbvf/bind', VF, 'EBUSY'], ['/sys/bus/pci/drivers/vfio-pci/unbind', VF, 'ENODEV'], ['/sys/bus/pci/drivers/nosuch/bind', VF, 'ENOENT'],
    ['/sys/bus/pci/drivers/vfio-pci/remove_id', '8086 10ca', 'ENODEV'], ['/sys/bus/pci/drivers_probe', VF, 'ok'], ['/sys/bus/pci/drivers_probe', '0000:7f:00.0', 'ENODEV'], ['/sys/bus/pci/rescan', '1', 'ok'],
  ])('%s takes %s with %s', async (path, text, answer) => {
    expect(await (await withVfs(1)).write(path, text)).toBe(answer);
  });

  test('new_id twice is EEXIST', async () => {
    const kernel = await withVfs(1);
    expect([await kernel.write('/sys/bus/pci/drivers/vfio-pci/new_id', '8086 10ca'), await kernel.write('/sys/bus/pci/drivers/vfio-pci/new_id', '8086 10ca')]).toEqual(['ok', 'EEXIST']);
  });

  test('a VF goes to vfio-pci by its override and shows its group', async () => {
    const kernel = await withVfs(1);
    await kernel.write(file('driver_override', VF), 'vfio-pci\n');
    await kernel.write(file('driver/unbind', VF), VF);
    await kernel.write('/sys/bus/pci/drivers_probe', VF);
    expect([kernel.link(file('driver', VF)), kernel.link(file('iommu_group', VF)), kernel.read(file('driver_override', VF))]).toEqual([expect.stringMatching(/vfio-pci$/), expect.stringMatching(/iommu_groups\/\d+$/), 'vfio-pci\n']);
    expect(kernel.names(file('', VF).replace(/\/$/, ''))).not.toContain('net');
  });

  test('while its group is held, taking it away and reading how many there are both wait, and the holder is in /proc', async () => {
    const kernel = await withVfs(1);
    await kernel.write(file('driver_override', VF), 'vfio-pci\n');
    await kernel.write(file('driver/unbind', VF), VF);
    await kernel.write('/sys/bus/pci/drivers_probe', VF);
    const handle = kernel.lab.node.openVfio(VF);
    const pid = kernel.names('/proc').find((name) => /^\d+$/.test(name));
    expect(kernel.link(`/proc/${pid}/fd/3`)).toMatch(/^\/dev\/vfio\/\d+$/);
    let [written, read] = ['', ''];
    const writing = kernel.view.writeText(file('sriov_numvfs'), '0').then(() => (written = 'ok'));
    const reading = kernel.view.readText(file('sriov_numvfs')).then((text) => (read = text));
    await kernel.lab.wait(kernel.lab.clock.sleep(3_600_000));
    expect([written, read]).toEqual(['', '']);
    if (handle.ok) handle.value.close();
    await kernel.lab.wait(Promise.all([writing, reading]));
    expect([written, read]).toEqual(['ok', '0\n']);
    expect(kernel.names('/proc').some((name) => /^\d+$/.test(name))).toBe(false);
  });
});
