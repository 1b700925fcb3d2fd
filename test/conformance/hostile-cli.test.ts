// Goal: whoever runs `vfleet host` on a host that is not as it should be reads what is wrong and what to do, and no stack. Method: the verbs as a
// person gives them, with the Linux backend on the simulator's view of a kernel, of which one thing is broken at a time.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { CliFailure } from '@vfleet/cli/failure.ts';
import { hostCommand } from '@vfleet/cli/verbs/host/command.ts';
import { MemFiles, ok, pciAddressPlus, silentLog } from '@vfleet/core';
import type { Files } from '@vfleet/core';
import { HostPreparation, createLinuxHardware, createLinuxHost, viewPorts } from '@vfleet/hw-linux';
import { during } from './backends.ts';
import { Host, inSysfs } from './broken-host.ts';
import { PF } from './sequences.ts';

const folder = mkdtempSync(join(tmpdir(), 'vfleet-hostile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let written = 0;
function policy(spec: Readonly<Record<string, unknown>>): string {
  const file = join(folder, `${++written}.json`);
  writeFileSync(file, JSON.stringify({ apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodePolicy', metadata: { name: 'net' }, spec: { resourceName: 'net', nodeSelector: {}, nicSelector: { rootDevices: [PF] }, ...spec } }));
  return file;
}

interface Said {
  readonly status: number;
  readonly said: string;
}

/** One run of the executable: nothing is kept between two but the host and its disk. */
async function vfleet(host: Host, words: readonly string[], files: Files = new MemFiles()): Promise<Said> {
  let [said, status] = ['', -1];
  const terminal = { out: (text: string) => void (said += text), err: (text: string) => void (said += text), colours: false };
  const ports = viewPorts(host.clock, host.view);
  const preparation = new HostPreparation({ files, sysfs: ports.sysfs, commands: { find: async () => undefined, run: async () => ok('') } });
  const command = hostCommand({ environment: {}, terminal }, (own) => (status = own), async () => ({
    hardware: createLinuxHardware(ports), sysfs: ports.sysfs, preparation, executable: ['vfleet'], host: createLinuxHost({ sysfs: ports.sysfs }), files, clock: host.clock, log: silentLog, close: async () => {}, confirm: async () => true, interrupted: async () => {},
  }));
  await during(host.clock, command.exitOverride().parseAsync([...words], { from: 'user' }).catch((error: unknown) => {
    // Anything else would be a stack on the terminal.
    if (!(error instanceof CliFailure)) throw error;
    status = error.exitStatus;
    said += `${error.message}\n${error.remedy}\n`;
  }));
  return { status, said };
}

const four = policy({ numVfs: 4 });
const VERBS = [['discover'], ['plan', '-f', four], ['apply', '-y', '-f', four]] as const;

describe('a host', () => {
  test.each([
    ['without sysfs', new Host({ read: inSysfs('ENOENT'), list: inSysfs('ENOENT') }), /list of PCI devices is not there.*\nMount sysfs at \/sys/],
    ['whose sysfs may not be read', new Host({ read: inSysfs('EACCES'), list: inSysfs('EACCES') }), /may not be read.*EACCES.*\nRun it as root; in a container, mount the host’s \/sys/],
    ['whose bus fails', new Host({ list: inSysfs('EIO') }), /cannot be read.*EIO.*\nRead dmesg/],
  ] as const)('%s: every verb says so, and what to do', async (_name, host, says) => {
    for (const words of VERBS) {
      const { status, said } = await vfleet(host, words);
      expect([words[0], status, said]).toEqual([words[0], 1, expect.stringMatching(says)]);
    }
  });

  test('without proc is shown; a plan says what it needs', async () => {
    const host = new Host({ read: (path) => (path.startsWith('/proc/') ? 'ENOENT' : undefined) });
    expect(await vfleet(host, ['discover'])).toMatchObject({ status: 0, said: expect.stringContaining(PF) });
    for (const words of VERBS.slice(1)) expect(await vfleet(host, words)).toMatchObject({ status: 1, said: expect.stringMatching(/own files are not there.*\nMount proc at \/proc/) });
  });

  test.each([
    ['EROFS', /\/sys is mounted read-only .*; mount the host’s \/sys read-write/],
    ['EACCES', /cannot be opened for writing .*; mount the host’s \/sys read-write/],
    ['EPERM', /does not permit it .*; run the config daemon as root with the rights/],
  ] as const)('whose sysfs answers writes with %s is shown and planned for; apply says why not, and changes nothing', async (errno, says) => {
    const host = new Host({ write: inSysfs(errno) });
    expect(await vfleet(host, ['discover'])).toMatchObject({ status: 0, said: expect.stringMatching(/0 of 7/) });
    expect(await vfleet(host, ['plan', '-f', four])).toMatchObject({ status: 3, said: expect.stringContaining('create 4 VFs') });
    const before = host.node.inspect();
    expect(await vfleet(host, ['apply', '-y', '-f', four])).toMatchObject({ status: 1, said: expect.stringMatching(says) });
    expect(host.node.inspect()).toEqual(before);
  });

  test('whose disk may not be written changes nothing, and says where', async () => {
    const host = new Host();
    const files = new MemFiles();
    const refused = { ok: false, error: { code: 'readOnly', path: '/var/lib/vfleet/host/journal', cause: '/var/lib/vfleet/host/journal: EROFS' } } as const;
    const readOnly: Files = { ...bound(files), replace: async () => refused, create: async () => refused, append: async () => refused };
    expect(await vfleet(host, ['apply', '-y', '-f', four], readOnly)).toMatchObject({ status: 1, said: expect.stringMatching(/nothing is changed without a journal.*EROFS.*free or repair the file system/) });
    expect(host.node.inspect().pfs[0]!.numVfs).toBe(0);
    const lockless: Files = { ...bound(files), withLock: async (path) => Promise.reject(Object.assign(new Error(`EACCES: permission denied, mkdir '${path}'`), { code: 'EACCES' })) };
    for (const words of VERBS.slice(1)) expect(await vfleet(host, words, lockless)).toMatchObject({ status: 1, said: expect.stringMatching(/cannot be used: EACCES.*\nRun it as root, or give another folder with --state-folder/) });
    expect(await vfleet(host, ['discover'], lockless)).toMatchObject({ status: 0 });
    // The lock of the PF alone: attachments have it elsewhere.
    const half: Files = { ...bound(files), withLock: (path, work) => (path.includes('/host/') ? files.withLock(path, work) : lockless.withLock(path, work)) };
    expect(await vfleet(host, ['apply', '-y', '-f', four], half)).toMatchObject({ status: 1, said: expect.stringMatching(/lock that attachments of pods are kept out by cannot be had: EACCES.*run it as root/) });
    expect(host.node.inspect().pfs[0]!.numVfs).toBe(0);
  });

  test('without an IOMMU: vfio-pci waits for a boot with arguments, which are named', async () => {
    const dpdk = policy({ numVfs: 2, deviceType: 'vfio-pci' });
    const host = new Host({}, '82576', { kernelArguments: ['quiet'] });
    expect(await vfleet(host, ['plan', '-f', dpdk])).toMatchObject({ said: expect.stringContaining('intel_iommu=on') });
    expect(await vfleet(host, ['apply', '-y', '-f', dpdk])).toMatchObject({ status: 1, said: expect.stringMatching(/need a reboot first\nRun `vfleet host prepare`.*intel_iommu=on iommu=pt/) });
    expect(host.node.inspect().pfs[0]!.numVfs).toBe(0);
    expect(await vfleet(host, ['check'])).toMatchObject({ status: 1, said: expect.stringMatching(/iommu +problem/) });
  });

  test('whose files disappear between list and read is shown without them, and applied to or told why not', async () => {
    const one = policy({ numVfs: 1 });
    const touched = new Set<string>();
    const sane = new Host({ read: (path) => (touched.add(path), undefined) });
    expect((await vfleet(sane, ['apply', '-y', '-f', one])).status).toBe(0);
    const paths = [...touched].filter((path) => path.startsWith('/sys/'));
    expect(paths.length).toBeGreaterThan(10);
    for (const gone of paths) {
      let looks = 0;
      // There at the first look, and never again.
      const host = new Host({ read: (path) => (path === gone && looks++ > 0 ? 'ENOENT' : undefined) });
      for (const words of [['discover'], ['apply', '-y', '-f', one]]) {
        const { status, said } = await vfleet(host, words);
        expect([0, 1, 3], `${gone} ${words[0]}`).toContain(status);
        if (status === 1) expect(said, gone).toMatch(/\w{3}.*[;\n] *\w{3}/);
      }
    }
  });

  test('with names of odd bytes shows nothing of them on the terminal', async () => {
    const odd = ['\u{fffd}\u{fffd}', '..', `${PF}\n`, '\u001b[2J', '0000:01:00.8', '', '__proto__', 'constructor'];
    const host = new Host({ list: (path) => (path === '/sys/bus/pci/devices' ? [...odd, PF] : path === '/sys/bus/vdpa/devices' || path.endsWith('infiniband') ? odd : undefined) });
    for (const words of VERBS) {
      const { said } = await vfleet(host, words);
      for (const part of ['\u001b', '\u{fffd}', '__proto__']) expect(said).not.toContain(part);
    }
    expect(await vfleet(host, ['discover'])).toMatchObject({ status: 0, said: expect.stringContaining(PF) });
  });

  test('with 256 VFs is configured and shown, one more is refused with the total', async () => {
    const host = new Host({}, 'E810-CQDA2', { pfs: [{ personality: 'E810-CQDA2', pciAddress: PF, totalVfs: 256 }] });
    const files = new MemFiles();
    expect((await vfleet(host, ['apply', '-y', '-f', policy({ numVfs: 256 })], files)).status).toBe(0);
    const shown = await vfleet(host, ['discover'], files);
    expect(shown.said.split('\n').filter((line) => line.startsWith('  VF '))).toHaveLength(256);
    expect(await vfleet(host, ['plan', '-f', policy({ numVfs: 256 })], files)).toMatchObject({ status: 0, said: 'nothing to do\n' });
    expect(await vfleet(host, ['plan', '-f', policy({ numVfs: 257 })], files)).toMatchObject({ status: 1, said: expect.stringContaining('256') });
  });

  test('on which a program holds a VF: apply names it, and what to end', async () => {
    const host = new Host();
    const files = new MemFiles();
    await vfleet(host, ['apply', '-y', '-f', policy({ numVfs: 2, deviceType: 'vfio-pci' })], files);
    const held = host.node.openVfio(pciAddressPlus(PF, 128));
    expect(held.ok).toBe(true);
    for (const words of [['apply', '-y', '-f', four], ['reset', '-y']]) {
      expect(await vfleet(host, words, files)).toMatchObject({ status: 1, said: expect.stringMatching(/process \d+ \(vfio-user\) has \/dev\/vfio\/\d+ of \S+ open.*end the process or pod that is named/) });
    }
    const hangs = host.node.sysfs.writeDevice(PF, 'sriov_numvfs', '0');
    expect(await vfleet(host, ['discover'], files)).toMatchObject({ status: 0, said: expect.stringMatching(new RegExp(`${PF} is blocked: .*vfio-user.*What can be done: end the process`)) });
    expect(await vfleet(host, ['plan', '-f', four], files)).toMatchObject({ status: 1, said: expect.stringMatching(/cannot be touched: .*vfio-user.*end the process/) });
    if (held.ok) held.value.close();
    await during(host.clock, hangs);
    expect((await vfleet(host, ['apply', '-y', '-f', four], files)).status).toBe(0);
  });
});

/** A disk's own functions, to replace some of them. */
function bound(files: MemFiles): Files {
  return {
    read: (path) => files.read(path), list: (path) => files.list(path), replace: (path, text) => files.replace(path, text), create: (path, text) => files.create(path, text),
    append: (path, text) => files.append(path, text), remove: (path) => files.remove(path), withLock: (path, work) => files.withLock(path, work),
  };
}
