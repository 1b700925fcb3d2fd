// Goal: what is written around the NICs is right, is written once, and goes when nobody wants it. Method: plans on hosts of a few files in
// memory; the rules of udev read back by a reader that knows only its manual; checks on hosts with one thing amiss.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemFiles, fail, hardwareError, ok, pciAddress, pciAddressPlus, silentLog } from '@vfleet/core';
import type { HardwareStep, HostFacts, Inventory } from '@vfleet/core';
import { HostPreparation, neededModules, preparedHardware } from '../src/index.ts';
import type { HostCommand, WantedHost } from '../src/index.ts';
import { isModuleName, modulesLoadFile, unloadedModules } from '../src/host-preparation/modules.ts';
import { udevRules } from '../src/host-preparation/udev-rules.ts';
import { bootServices } from '../src/host-preparation/boot-services.ts';
import { unitFiles } from '../src/host-preparation/systemd-units.ts';
import { readHost } from './memory-host.ts';

const PF = pciAddress('0000:3b:00.1');
const vfs = (count: number) => Array.from({ length: count }, (_, index) => pciAddressPlus(PF, 64 + index));

interface Device {
  readonly kernels: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
}

/** udev(7) as far as our rules go: `==` with `|` and `*`, and what a rule sets when all of its keys match. */
function applied(text: string, device: Device): Readonly<Record<string, string>> {
  const set: Record<string, string> = {};
  for (const line of text.split('\n').filter((one) => one !== '' && !one.startsWith('#'))) {
    expect(line.length).toBeLessThan(16_384);
    const keys = line.split(', ').map((key) => /^([\w{}]+)(==|=)"([^"]*)"$/.exec(key)!);
    const matches = keys.filter(([, , operator]) => operator === '==').every(([, key, , pattern]) => {
      const values = key === 'KERNELS' ? device.kernels : key === 'SUBSYSTEM' ? ['net'] : key === 'ACTION' ? ['add'] : [device.attributes[/^ATTR\{(\w+)\}$/.exec(key!)![1]!] ?? ''];
      return pattern!.split('|').some((one) => values.some((value) => new RegExp(`^${one.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(value)));
    });
    if (matches) for (const [, key, , value] of keys.filter(([, , operator]) => operator === '=')) set[key!] = value!;
  }
  return set;
}

describe('rules for udev', () => {
  test('each VF is kept from NetworkManager and nothing else is', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 256 }), fc.integer({ min: 0, max: 300 }), (count, index) => {
      const [rules] = udevRules([{ pciAddress: PF, name: 'ens1f1', vfAddresses: vfs(count) }], []);
      const device = { kernels: [index === 300 ? PF : pciAddressPlus(PF, 64 + index)], attributes: {} };
      expect(applied(rules!.text!, device)).toEqual(index < count ? { 'ENV{NM_UNMANAGED}': '1' } : {});
    }));
  });

  test.each([
    ['pf1vf0', 'ens1f1np1', 'ens1f1np1_0'], ['c0pf1vf11', 'ens1f1np1', 'ens1f1np1_11'], ['pf1vf11', 'enp129s0f1np1', 'enp129s0f1_11'], ['pf0vf0', 'ens1f1np1', undefined], ['pf1vf12', 'ens1f1np1', undefined],
  ])('the representor %s of %s is named %s', (port, pf, name) => {
    const rules = udevRules([{ pciAddress: PF, name: pf, vfAddresses: vfs(12), representors: { pfNumber: 1, switchId: 'a1b2' } }], []);
    const set = applied(rules[2]!.text!, { kernels: [PF], attributes: { phys_port_name: port, phys_switch_id: 'a1b2' } });
    expect(set['NAME']).toBe(name);
    expect(applied(rules[2]!.text!, { kernels: [PF], attributes: { phys_port_name: port, phys_switch_id: 'other' } })).toEqual({});
  });

  test('the uplink keeps the name of the PF', () => {
    const rules = udevRules([{ pciAddress: PF, name: 'ens1f1np1', vfAddresses: vfs(2), representors: { pfNumber: 1, switchId: 'a1b2' } }], []);
    expect(applied(rules[1]!.text!, { kernels: [PF], attributes: { phys_port_name: 'p1' } })).toEqual({ NAME: 'ens1f1np1' });
    expect(applied(rules[1]!.text!, { kernels: [PF], attributes: { phys_port_name: 'pf1vf0' } })).toEqual({});
  });

  test('names that could break out of a rule are not written', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.constantFrom('a"b', 'a, RUN="x"', 'a\nb')), fc.string(), (name, switchId) => {
      for (const { text } of udevRules([{ pciAddress: PF, name, vfAddresses: vfs(1), representors: { pfNumber: 0, switchId } }], [])) {
        for (const line of text!.split('\n').filter((one) => one !== '' && !one.startsWith('#'))) expect(line).toMatch(/^(?:[A-Z]+(?:\{\w+\})?==?"[^"\n\\]*"(?:, )?)+$/);
      }
    }));
  });

  test('rules of PFs that are no longer configured go, those of others stay', () => {
    expect(udevRules([], ['10-vfleet-nm-unmanaged-0000:01:00.0.rules', '20-vfleet-representors-0000:01:00.0.rules', '10-nm-disable-0000:01:00.0.rules', '70-persistent-net.rules'])).toEqual([
      { path: '/etc/udev/rules.d/10-vfleet-nm-unmanaged-0000:01:00.0.rules' }, { path: '/etc/udev/rules.d/20-vfleet-representors-0000:01:00.0.rules' },
    ]);
  });
});

describe('modules', () => {
  test('what groups need, written once, loaded only where the kernel has it not', () => {
    const groups = [{ deviceType: 'vfio-pci' }, { deviceType: 'netdevice', isRdma: true }, { vdpaType: 'vhost' }];
    expect(neededModules({ interfaces: [{ pciAddress: PF, vfGroups: groups }] })).toEqual(['ib_umad', 'ib_uverbs', 'rdma_ucm', 'vfio_pci', 'vhost_vdpa']);
    expect(modulesLoadFile(['vfio-pci', 'vfio_pci'])).toMatch(/^#.*\nvfio_pci\n$/);
    expect(modulesLoadFile([])).toBeUndefined();
    expect(unloadedModules(['vfio-pci', 'ib_umad', 'rdma_ucm'], ['vfio_pci'], 'kernel/drivers/infiniband/core/ib-umad.ko\n')).toEqual(['rdma_ucm']);
    for (const odd of ['', '-- x', 'a b', 'a\n', '../x', 'a;b']) expect(isModuleName(odd)).toBe(false);
  });
});

describe('services at boot', () => {
  test('before and after the network, with words that systemd takes as they are', () => {
    const [before, after] = unitFiles({ executable: ['/opt/my tools/100%/node', '/opt/$x/main.ts'], configuration: 'spec: {}\n' });
    expect(before!.text).toContain('ExecStart="/opt/my tools/100%%/node" /opt/$$x/main.ts host boot pre-network\n');
    expect(before!.text).toMatch(/^Before=network-pre\.target$/m);
    expect(after!.text).toMatch(/^After=vfleet-pre-network\.service network-online\.target$/m);
    expect(unitFiles(undefined).every(({ text }) => text === undefined)).toBe(true);
  });
});

const facts: HostFacts = { bootId: 'b', kernelVersion: '6.1.0', kernelArguments: ['intel_iommu=on', 'iommu=pt'], pendingKernelArguments: ['intel_iommu=on', 'iommu=pt'], cpuVendor: 'intel', iommuEnabled: true };
const noInventory: Inventory = { pfs: [], rdmaMode: 'shared' };

function hostOf(sysfs: Readonly<Record<string, string>> = {}): { readonly host: HostPreparation; readonly files: MemFiles; readonly ran: HostCommand[] } {
  const files = new MemFiles();
  const ran: HostCommand[] = [];
  const commands = { find: async () => '/usr/bin/x', run: async (command: HostCommand) => (ran.push(command), ok('')) };
  return { host: new HostPreparation({ files, sysfs: readHost(sysfs), commands }), files, ran };
}

describe('hardware with its host', () => {
  const offered = { [`/sys/bus/pci/devices/${PF}/sriov_offset`]: '64', [`/sys/bus/pci/devices/${PF}/sriov_stride`]: '1', [`/sys/bus/pci/devices/${PF}/sriov_totalvfs`]: '8', '/sys/bus/pci/drivers/iavf/bind': '' };
  const steps: HardwareStep[] = [];
  const backend = { discover: async () => ok(noInventory), lookAtVf: async () => ok(undefined), apply: async (step: HardwareStep) => (steps.push(step), ok(undefined)), watch: () => ({ stop() {} }) };

  test('VFs are announced before they come and forgotten after they went, drivers are loaded before they are wanted', async () => {
    const { host, files, ran } = hostOf(offered);
    const prepared = preparedHardware(backend, host, readHost(offered), silentLog);
    await prepared.apply({ kind: 'setNumVfs', pf: PF, count: 3 });
    const rules = await files.read(`/etc/udev/rules.d/10-vfleet-nm-unmanaged-${PF}.rules`);
    expect(rules.ok && rules.value).toContain(`KERNELS=="${vfs(3).join('|')}"`);
    await prepared.apply({ kind: 'setNumVfs', pf: PF, count: 3 });
    await prepared.apply({ kind: 'bindDriver', device: PF, driver: 'vfio-pci' });
    await prepared.apply({ kind: 'bindDriver', device: PF, driver: 'iavf' });
    await prepared.apply({ kind: 'bindDriver', device: PF, driver: 'default' });
    await prepared.apply({ kind: 'setNumVfs', pf: PF, count: 0 });
    expect(files.paths()).toEqual([]);
    expect(ran.map(({ program, words }) => [program, ...words].join(' '))).toEqual(['udevadm control --reload-rules', 'modprobe -- vfio_pci', 'udevadm control --reload-rules']);
    expect(steps).toHaveLength(6);
  });

  test('a host that cannot be made ready is told of in the log, and the step is made all the same', async () => {
    const refused = { loadModules: async () => fail(hardwareError({ operation: 'prepareHost', failure: 'EROFS', device: 'host' })), setRules: async () => fail(hardwareError({ operation: 'prepareHost', failure: 'EROFS', device: 'host' })) };
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
    expect(await preparedHardware(backend, refused, readHost(offered), log).apply({ kind: 'setNumVfs', pf: PF, count: 3 })).toEqual(ok(undefined));
    expect(warnings).toHaveLength(1);
  });
});

describe('a host', () => {
  const wanted: WantedHost = { kernelArguments: { add: [], remove: [] }, modules: ['vfio_pci'], pfs: [{ pciAddress: PF, name: 'ens1f1', vfAddresses: vfs(2) }], bootServices: { executable: ['/usr/bin/vfleet'], configuration: 'spec: {}\n' } };

  test('is made ready once, and given back', async () => {
    const { host, files, ran } = hostOf();
    const plan = await host.plan(wanted);
    if (!plan.ok) throw new Error(plan.error.cause);
    expect(await host.apply(plan.value, wanted)).toEqual(ok(undefined));
    expect(files.paths()).toEqual(['/etc/modules-load.d/vfleet.conf', '/etc/sriov-operator/sriov-interface-config.yaml', '/etc/systemd/system/vfleet-post-network.service', '/etc/systemd/system/vfleet-pre-network.service', `/etc/udev/rules.d/10-vfleet-nm-unmanaged-${PF}.rules`]);
    expect(ran.map(({ program, words }) => [program, ...words].join(' '))).toEqual(['modprobe -- vfio_pci', 'udevadm control --reload-rules', 'systemctl daemon-reload', 'systemctl enable vfleet-pre-network.service vfleet-post-network.service']);
    expect(await host.plan(wanted)).toMatchObject({ ok: true, value: { files: [], commands: [], bootLoader: { files: [], commands: [] } } });
    // As systemctl enable leaves it.
    await files.replace('/etc/systemd/system/multi-user.target.wants/vfleet-pre-network.service', 'a link');
    const none: WantedHost = { kernelArguments: { add: [], remove: [] }, modules: [], pfs: [] };
    const back = await host.plan(none);
    if (back.ok) await host.apply(back.value, none);
    expect(files.paths()).toEqual(['/etc/sriov-operator/sriov-interface-config.yaml']);
  });

  test('gets services at boot for a daemon, once, with the daemon’s own journal, and loses them', async () => {
    const { host, files, ran } = hostOf();
    const services = bootServices(host, ['/usr/bin/vfleet'], '/etc/sriov-operator');
    for (let round = 0; round < 2; round++) expect(await services.install()).toEqual(ok(undefined));
    expect(files.paths()).toEqual(['/etc/systemd/system/vfleet-post-network.service', '/etc/systemd/system/vfleet-pre-network.service']);
    expect(await files.read('/etc/systemd/system/vfleet-pre-network.service')).toMatchObject({ ok: true, value: expect.stringContaining('\nExecStart=/usr/bin/vfleet host boot pre-network --state-folder /etc/sriov-operator\n') });
    expect(ran.map(({ words }) => words.join(' '))).toEqual(['daemon-reload', 'enable vfleet-pre-network.service vfleet-post-network.service']);
    expect(await bootServices(host, ['/opt/vfleet'], '/etc/sriov-operator').install()).toEqual(ok(undefined));
    expect(await files.read('/etc/systemd/system/vfleet-pre-network.service')).toMatchObject({ ok: true, value: expect.stringContaining('ExecStart=/opt/vfleet ') });
    expect(await services.remove()).toEqual(ok(undefined));
    expect(files.paths()).toEqual([]);
  });

  test('a module name that is none is refused before anything is written', async () => {
    const { host, files, ran } = hostOf();
    expect(await host.plan({ ...wanted, modules: ['--remove vfio'] })).toMatchObject({ ok: false, error: { code: 'invalid', remedy: expect.stringMatching(/\w/) } });
    expect([files.paths(), ran]).toEqual([[], []]);
  });

  test.each([
    ['no IOMMU in the firmware', { ...facts, iommuEnabled: false }, {}, 'iommu', 'problem', 'BIOS'],
    ['an IOMMU that nobody turned on', { ...facts, iommuEnabled: false, kernelArguments: [], pendingKernelArguments: [] }, { '/sys/firmware/acpi/tables/DMAR': '' }, 'iommu', 'problem', 'intel_iommu=on'],
    ['an IOMMU that waits for a boot', { ...facts, iommuEnabled: false }, { '/sys/firmware/acpi/tables/DMAR': '' }, 'iommu', 'note', 'reboot'],
    ['no pass-through', { ...facts, kernelArguments: ['intel_iommu=on'] }, {}, 'iommu', 'note', 'iommu=pt'],
    ['a locked kernel', facts, { '/sys/kernel/security/lockdown': 'none [integrity] confidentiality' }, 'lockdown', 'note', 'vfio-pci'],
    ['no NIC', facts, {}, 'firmware', 'problem', 'slot'],
    ['no hugepages', facts, { '/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages': '0', '/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages': '0' }, 'hugepages', 'note', 'hugepagesz'],
  ] as const)('with %s is told so', async (_name, own, sysfs, subject, state, remedy) => {
    const { findings } = await hostOf(sysfs).host.check(own, noInventory);
    expect(findings).toContainEqual(expect.objectContaining({ subject, state, remedy: expect.stringContaining(remedy) }));
  });

  test('hugepages are counted by size and NUMA node; what is no number is left out', async () => {
    const pool = (node: number, size: string, total: string, free: string) => ({ [`/sys/devices/system/node/node${node}/hugepages/${size}/nr_hugepages`]: total, [`/sys/devices/system/node/node${node}/hugepages/${size}/free_hugepages`]: free });
    const { host } = hostOf({ ...pool(0, 'hugepages-1048576kB', '8', '2'), ...pool(1, 'hugepages-2048kB', '0', '0'), ...pool(1, 'hugepages-XkB', '1', '1'), ...pool(1, 'hugepages-64kB', 'many', '') });
    const { findings, hugepages } = await host.check(facts, noInventory);
    expect(hugepages).toEqual([{ sizeKb: 1_048_576, numaNode: 0, total: 8, free: 2 }, { sizeKb: 2048, numaNode: 1, total: 0, free: 0 }]);
    expect(findings).toContainEqual({ subject: 'hugepages', state: 'good', says: '2 of 8 × 1024 MB free on NUMA node 0' });
    expect((await hostOf({ '/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages': '3', '/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages': '1' }).host.check(facts, noInventory)).hugepages).toEqual([{ sizeKb: 2048, numaNode: -1, total: 3, free: 1 }]);
  });
});
