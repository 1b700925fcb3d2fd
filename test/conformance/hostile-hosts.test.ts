// Goal: a host that is not as it should be gets a typed error with a remedy, for everything the Linux backend does on it, and never an
// exception. Method: the backend on the simulator's view of a kernel, of which one thing is broken at a time.
import { describe, expect, test } from 'vitest';
import { pciAddressPlus } from '@vfleet/core';
import type { HardwareStep } from '@vfleet/core';
import { createLinuxHardware, viewPorts } from '@vfleet/hw-linux';
import { LinuxView } from '@vfleet/hw-sim/linux-view/linux-view.ts';
import { during } from './backends.ts';
import { Host, brokenVolume, inSysfs } from './broken-host.ts';
import type { Fault } from './broken-host.ts';
import { PF } from './sequences.ts';

const VF = pciAddressPlus(PF, 128);

const hasRemedy = { cause: expect.stringMatching(/\w{3}/), remedy: expect.stringMatching(/\w{3}/) };

const steps: readonly HardwareStep[] = [
  { kind: 'setNumVfs', pf: PF, count: 2 }, { kind: 'setDriversAutoprobe', pf: PF, enabled: false }, { kind: 'bindDriver', device: PF, driver: 'vfio-pci' }, { kind: 'unbindDriver', device: PF }, { kind: 'createVdpa', device: PF, type: 'vhost' },
];

describe('a host', () => {
  test.each([
    ['without sysfs', { read: inSysfs('ENOENT'), list: inSysfs('ENOENT') }, 'unsupported', 'ENOENT', 'mount sysfs'],
    ['whose sysfs may not be read', { read: inSysfs('EACCES'), list: inSysfs('EACCES') }, 'denied', 'EACCES', 'EACCES'],
    ['whose PCI bus fails', { list: inSysfs('EIO') }, 'io', 'EIO', 'EIO'],
    ['with an errno that nobody knows', { list: inSysfs('ELOOP') }, 'io', 'EIO', 'ELOOP'],
  ] as const)('%s is not discovered, with a reason', async (_name, fault, code, errno, says) => {
    const seen = await new Host(fault as Fault).discover();
    expect(seen).toMatchObject({ ok: false, error: { code, errno, ...hasRemedy, cause: expect.stringContaining(says) } });
  });

  test.each(['EROFS', 'EACCES', 'EPERM'])('where writes to sysfs are %s refuses every step that writes, with a remedy, and changes nothing', async (errno) => {
    const host = new Host({ write: inSysfs(errno) });
    const before = host.node.inspect();
    for (const step of steps.slice(0, 4)) expect(await host.apply(step), step.kind).toMatchObject({ ok: false, error: { code: 'denied', errno, step, device: PF, ...hasRemedy } });
    expect(host.node.inspect()).toEqual(before);
  });

  test('without sysfs refuses every step, with a remedy', async () => {
    const host = new Host({ read: inSysfs('ENOENT'), list: inSysfs('ENOENT') });
    for (const step of steps) expect(await host.apply(step), step.kind).toMatchObject({ ok: false, error: { code: 'gone', ...hasRemedy } });
  });

  test('without an IOMMU says that vfio-pci needs one, and what to boot with', async () => {
    const host = new Host({}, '82576', { kernelArguments: ['quiet'] });
    expect(await host.apply({ kind: 'setNumVfs', pf: PF, count: 1 })).toEqual({ ok: true });
    expect(await host.apply({ kind: 'bindDriver', device: VF, driver: 'vfio-pci' })).toMatchObject({ ok: false, error: { code: 'invalid', errno: 'EINVAL', remedy: expect.stringContaining('intel_iommu=on') } });
    expect(await host.facts()).toMatchObject({ ok: true, value: { iommuEnabled: false } });
    const seen = await host.discover();
    expect(seen.ok && seen.value.pfs[0]!.vfs[0]).not.toHaveProperty('iommuGroup');
  });

  test('without /proc says so when it is asked for facts', async () => {
    expect(await new Host({ read: (path) => (path.startsWith('/proc/') ? 'ENOENT' : undefined) }).facts()).toMatchObject({ ok: false, error: { code: 'unsupported', ...hasRemedy } });
  });

  test('on which any one file disappears between list and read is discovered without what the file told of', async () => {
    const whole = new Host();
    await whole.apply({ kind: 'setNumVfs', pf: PF, count: 2 });
    const touched = new Set<string>();
    const look = (gone: string | undefined) => {
      const note = (path: string) => (touched.add(path), path === gone ? 'ENOENT' : undefined);
      const host = new Host({ read: note });
      return host.apply({ kind: 'setNumVfs', pf: PF, count: 2 }).then(() => host.discover());
    };
    const sane = await look(undefined);
    const paths = [...touched].filter((path) => path.startsWith('/sys/'));
    expect(paths.length).toBeGreaterThan(20);
    for (const path of paths) {
      const seen = await look(path);
      expect(seen.ok, path).toBe(true);
      // The address of a function that is there stays what it is.
      if (seen.ok && sane.ok) expect(seen.value.pfs.every(({ pciAddress }) => sane.value.pfs.some((pf) => pf.pciAddress === pciAddress)), path).toBe(true);
    }
  });

  test('with names of odd bytes on its buses is discovered without them', async () => {
    const odd = ['\u{fffd}\u{fffd}', '..', '0000:01:00.0\n', '0000:01:00.8', 'zzzz:01:00.0', '', ' ', '0000:01:00.0/../..', '__proto__', 'constructor'];
    const host = new Host({ list: (path) => (path === '/sys/bus/pci/devices' || path === '/sys/bus/vdpa/devices' ? [...odd, ...(path.includes('pci') ? [PF] : [])] : path.endsWith('infiniband') ? odd : undefined) });
    const seen = await host.discover();
    expect(seen).toMatchObject({ ok: true, value: { pfs: [{ pciAddress: PF }] } });
  });

  test('with a VF link that leads nowhere, or out of the bus, is discovered without that VF', async () => {
    const host = new Host({ read: (path) => (path.endsWith('virtfn0') ? 'EINVAL' : undefined) });
    await host.apply({ kind: 'setNumVfs', pf: PF, count: 3 });
    const seen = await host.discover();
    expect(seen.ok && seen.value.pfs[0]!.vfs.map(({ index }) => index)).toEqual([1, 2]);
  });

  test('with 256 VFs on one PF is discovered whole, and each of them can be set', async () => {
    const host = new Host({}, 'E810-CQDA2', { pfs: [{ personality: 'E810-CQDA2', pciAddress: PF, totalVfs: 256 }] });
    expect(await host.apply({ kind: 'setNumVfs', pf: PF, count: 256 })).toEqual({ ok: true });
    expect(await host.apply({ kind: 'setVf', pf: PF, vfIndex: 255, trust: true })).toEqual({ ok: true });
    const seen = await host.discover();
    expect(seen).toEqual({ ok: true, value: host.node.inspect() });
    expect(seen.ok && seen.value.pfs[0]!.vfs[255]).toMatchObject({ index: 255, settings: { trust: true } });
    expect(await host.apply({ kind: 'setVf', pf: PF, vfIndex: 256, trust: true })).toMatchObject({ ok: false, error: { code: 'invalid', ...hasRemedy } });
  });

  test('on which somebody holds a VF refuses to take it away, and names who', async () => {
    const host = new Host();
    await host.apply({ kind: 'setNumVfs', pf: PF, count: 1 });
    await host.apply({ kind: 'bindDriver', device: VF, driver: 'vfio-pci' });
    const handle = host.node.openVfio(VF);
    for (const step of [{ kind: 'setNumVfs', pf: PF, count: 0 }, { kind: 'unbindDriver', device: VF }, { kind: 'unbindDriver', device: PF }] as const) {
      expect(await host.apply(step)).toMatchObject({ ok: false, error: { code: 'busy', errno: 'EBUSY', cause: expect.stringMatching(/process \d+ \(vfio-user\) has \/dev\/vfio\/\d+/) } });
    }
    if (handle.ok) handle.value.close();
    expect(await host.apply({ kind: 'setNumVfs', pf: PF, count: 0 })).toEqual({ ok: true });
  });

  test('on which somebody takes a VF between the look and the write: the PF is blocked, untouched, until it is let go', async () => {
    const host = new Host();
    const hardware = createLinuxHardware(viewPorts(host.clock, { ...host.view, volume: () => brokenVolume(new LinuxView(host.node), { list: (path) => (path === '/proc' ? [] : undefined) }) }), { writeDeadlineMs: 1_000 });
    const apply = (step: HardwareStep) => during(host.clock, hardware.apply(step));
    await apply({ kind: 'setNumVfs', pf: PF, count: 1 });
    await apply({ kind: 'bindDriver', device: VF, driver: 'vfio-pci' });
    const handle = host.node.openVfio(VF);
    expect(await apply({ kind: 'setNumVfs', pf: PF, count: 0 })).toMatchObject({ ok: false, error: { code: 'timeout', ...hasRemedy } });
    expect(await apply({ kind: 'setVf', pf: PF, vfIndex: 0, trust: true })).toMatchObject({ ok: false, error: { code: 'blocked', ...hasRemedy } });
    expect(await during(host.clock, hardware.discover())).toMatchObject({ ok: true, value: { pfs: [{ pciAddress: PF, vfs: [], blocked: hasRemedy }] } });
    if (handle.ok) handle.value.close();
    await during(host.clock, host.clock.sleep(10_000));
    expect(await during(host.clock, hardware.discover())).toMatchObject({ ok: true, value: { pfs: [{ numVfs: 0, vfs: [] }] } });
  });
});
