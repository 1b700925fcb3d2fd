// Goal: a host that is not as it should be gets a sentence and a remedy, never an exception. Method: hosts of a few files in memory, with
// errors where they are asked for, and a kernel that answers nothing.
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { SimClock, fail, ok, pciAddress } from '@vfleet/core';
import type { HardwareEvent, HardwareStep } from '@vfleet/core';
import { createLinuxHardware, createLinuxHost } from '../src/index.ts';
import type { LongWrites, Netlink, Sysfs } from '../src/index.ts';

const PF = pciAddress('0000:01:00.0');
const at = (name: string) => `/sys/bus/pci/devices/${PF}/${name}`;
const sane: Readonly<Record<string, string>> = {
  [at('class')]: '0x020000', [at('vendor')]: '0x8086', [at('device')]: '0x10c9', [at('sriov_totalvfs')]: '7', [at('sriov_numvfs')]: '0', [at('sriov_drivers_autoprobe')]: '1', [at('driver_override')]: '(null)',
};

/** Files by path; a value that begins with E is the errno of touching it. */
function hostOf(files: Readonly<Record<string, string>>): Sysfs {
  const touch = (path: string) => {
    const value = files[path];
    return value === undefined ? fail({ errno: 'ENOENT', path }) : /^E[A-Z]+$/.test(value) ? fail({ errno: value, path }) : ok(value);
  };
  const names = (folder: string) => [...new Set(Object.keys(files).filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1).split('/')[0]!))].sort();
  return {
    read: async (path) => touch(path),
    readPatiently: async (path) => touch(path),
    write: async (path) => (touch(path).ok ? fail({ errno: 'EROFS', path }) : touch(path).ok ? ok(undefined) : fail({ errno: (touch(path) as { error: { errno: string } }).error.errno, path })),
    list: async (folder) => (files[folder] !== undefined ? (touch(folder) as ReturnType<typeof fail<{ errno: string; path: string }>>) : names(folder).length === 0 ? fail({ errno: 'ENOENT', path: folder }) : ok(names(folder))),
    readLink: async (path) => fail({ errno: 'ENOENT', path }),
    exists: async (path) => files[path] !== undefined || names(path).length > 0,
  };
}

const mute: Netlink = { ask: async () => ({ ok: false, failure: { errno: 93 } }) };
const empty: Netlink = { ask: async () => ({ ok: true, payloads: [] }) };
const unread: LongWrites['read'] = () => ({ outcome: Promise.resolve(ok('0')), over: Promise.resolve() });
const readOnly: LongWrites = { read: unread, write: (path) => ({ outcome: Promise.resolve(fail({ errno: 'EROFS', path })), over: Promise.resolve() }) };
const hardwareOf = (files: Readonly<Record<string, string>>, netlink: Netlink = empty, longWrites: LongWrites = readOnly) =>
  createLinuxHardware({ clock: new SimClock(), sysfs: hostOf(files), netlink, monitor: { listen: () => ({ stop() {} }) }, longWrites });

describe('hosts that are not as they should be', () => {
  test.each([
    ['no sysfs', {}, empty, 'unsupported', 'mount sysfs'],
    ['sysfs that may not be read', { '/sys/bus/pci/devices': 'EACCES' }, empty, 'denied', 'EACCES'],
    ['devices that may not be read', { ...sane, [at('class')]: 'EACCES' }, empty, 'denied', 'class'],
    ['no rtnetlink', sane, mute, 'unsupported', 'rtnetlink'],
  ] as const)('%s', async (_name, files, netlink, code, says) => {
    const seen = await hardwareOf(files, netlink).discover();
    expect(seen).toMatchObject({ ok: false, error: { code, cause: expect.stringContaining(says), remedy: expect.stringMatching(/\w{3}/) } });
  });

  test('files that vanish while they are looked at, names that are no addresses, numbers that are none', async () => {
    const odd = { ...sane, '/sys/bus/pci/devices/\u{fffd}\u0007 \n/class': '0x020000', '/sys/bus/pci/devices/0000:02:00.0/class': '0x020000', [at('sriov_totalvfs')]: 'many', [at('numa_node')]: '' };
    const seen = await hardwareOf(odd).discover();
    expect(seen).toMatchObject({ ok: true, value: { pfs: [{ pciAddress: PF, totalVfs: 0, numVfs: 0, numaNode: -1, vfs: [] }] } });
  });

  test.each<readonly [HardwareStep, string]>([
    [{ kind: 'setNumVfs', pf: PF, count: 2 }, 'EROFS'], [{ kind: 'setDriversAutoprobe', pf: PF, enabled: false }, 'EROFS'], [{ kind: 'bindDriver', device: PF, driver: 'vfio-pci' }, 'EROFS'],
    [{ kind: 'setMtu', device: PF, netns: 'host', mtu: 1500 }, 'ENODEV'], [{ kind: 'setNumVfs', pf: pciAddress('0000:05:00.0'), count: 2 }, 'ENODEV'],
  ])('a step on a read-only host: %j is %s with a remedy', async (step, errno) => {
    const result = await hardwareOf(sane).apply(step);
    expect(result).toMatchObject({ ok: false, error: { errno, step, remedy: expect.stringMatching(/\w{3}/) } });
  });

  test('a write that does not come back blocks its PF, and only until it does', async () => {
    let release = () => {};
    const over = new Promise<void>((resolve) => (release = resolve));
    const stuck: LongWrites = { read: unread, write: () => ({ outcome: Promise.resolve(fail('deadlinePassed' as const)), over }) };
    const hardware = hardwareOf(sane, empty, stuck);
    expect(await hardware.apply({ kind: 'setNumVfs', pf: PF, count: 2 })).toMatchObject({ ok: false, error: { code: 'timeout' } });
    expect(await hardware.apply({ kind: 'setDriversAutoprobe', pf: PF, enabled: true })).toMatchObject({ ok: false, error: { code: 'blocked' } });
    expect(await hardware.discover()).toMatchObject({ ok: true, value: { pfs: [{ pciAddress: PF, numVfs: 0, blocked: { cause: expect.stringContaining('stuck'), remedy: expect.stringContaining('end the process') } }] } });
    const events: HardwareEvent[] = [];
    hardware.watch((event) => events.push(event));
    release();
    await over;
    await Promise.resolve();
    expect(events).toEqual([{ kind: 'changed', device: PF }]);
    const free = await hardware.discover();
    expect(free.ok && free.value.pfs[0]).not.toHaveProperty('blocked');
    expect(await hardware.apply({ kind: 'setDriversAutoprobe', pf: PF, enabled: true })).toMatchObject({ ok: false, error: { errno: 'EROFS' } });
  });

  test('links that nobody can ask about are told after a while, not waited for without an end', async () => {
    const clock = new SimClock();
    const hardware = createLinuxHardware({ clock, sysfs: hostOf(sane), netlink: { ask: () => new Promise(() => {}) }, monitor: { listen: () => ({ stop() {} }) }, longWrites: readOnly });
    const seen = hardware.discover();
    let over = false;
    void seen.then(() => (over = true));
    await clock.runUntil(() => over, 600_000, 'the look');
    expect(await seen).toMatchObject({ ok: false, error: { code: 'timeout', cause: expect.stringContaining('rtnetlink does not answer'), remedy: expect.stringMatching(/\w{3}/) } });
  });

  test('a host without IOMMU and boot loader', async () => {
    const host = createLinuxHost({ sysfs: hostOf({ '/proc/sys/kernel/random/boot_id': 'b', '/proc/sys/kernel/osrelease': '6.1.0', '/proc/cmdline': 'quiet dyndbg="file a.c +p" iommu=pt' }) });
    expect(await host.facts()).toEqual(ok({ bootId: 'b', kernelVersion: '6.1.0', kernelArguments: ['quiet', 'dyndbg="file a.c +p"', 'iommu=pt'], pendingKernelArguments: ['quiet', 'dyndbg="file a.c +p"', 'iommu=pt'], cpuVendor: 'other', iommuEnabled: false }));
    expect(await host.ensureKernelArguments(['iommu=pt'])).toEqual(ok(undefined));
    expect(await host.ensureKernelArguments(['intel_iommu=on'])).toMatchObject({ ok: false, error: { code: 'unsupported', cause: expect.stringContaining('intel_iommu=on') } });
    expect(await host.reboot('because')).toMatchObject({ ok: false, error: { code: 'denied' } });
  });

  test('no program of the host touches hardware: the only process for that is our own helper for writes', () => {
    const source = (name: string) => readFileSync(new URL(`../src/${name}`, import.meta.url), 'utf8');
    const files = readdirSync(new URL('../src', import.meta.url), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    const imports = files.flatMap((name) => [...source(name).matchAll(/import (type )?\{([^}]*)\} from 'node:child_process'/g)].map((match) => [name, match[1] ?? '', match[2]!.trim()]));
    // Preparation runs the host's own programs for what is no hardware: boot loader, modules, udev, systemd.
    expect(imports).toEqual([['host-preparation/real-host-commands.ts', '', 'execFile'], ['sysfs/long-writes.ts', '', 'fork'], ['sysfs/long-writes.ts', 'type ', 'ChildProcess']]);
    const programs = /type HostProgram = ([^;]*);/.exec(source('host-preparation/host-commands.ts'))![1]!.match(/[\w-]+/g);
    expect(programs).toEqual(['rpm-ostree', 'grubby', 'update-grub', 'grub-mkconfig', 'grub2-mkconfig', 'modprobe', 'udevadm', 'systemctl']);
    expect(files.filter((name) => /require\(|import\(/.test(source(name)))).toEqual([]);
  });
});
