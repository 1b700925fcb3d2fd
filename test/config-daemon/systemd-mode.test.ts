// Goal: in configurationMode systemd a node's NICs are configured at boot by services, from what the daemon left on the disk, before the
// daemon starts, and the node state tells what became of that. Method: the real daemon, the real units on a host in memory, the verb that
// they run, and a simulated node that is rebooted; faults of the disk and of the hardware in between.
import { describe, expect, test } from 'vitest';
import { parseBootConfiguration, runBootPhase } from '@vfleet/controllers/config-daemon/index.ts';
import { BOOT_CONFIGURATION_FILE, BOOT_PHASES, BOOT_RESULT_FILE, MemFiles, fail, hardwareError, ok, silentLog } from '@vfleet/core';
import type { BootServices, NodeStateSpec } from '@vfleet/core';
import { HostPreparation, RealSysfs, bootServices } from '@vfleet/hw-linux';
import { faultRules } from '@vfleet/hw-sim';
import type { FaultPlan } from '@vfleet/hw-sim';
import { World, hardwareWrites } from './world.ts';

const PF = '0000:01:00.0';
const STATE_FOLDER = '/etc/sriov-operator';
const spec = (numVfs: number): NodeStateSpec => ({ interfaces: [{ pciAddress: PF, numVfs, vfGroups: [{ resourceName: 'net', deviceType: 'netdevice', vfRange: `0-${numVfs - 1}`, policyName: 'net' }] }] });

/** A host whose init reads its units from the world's disk, as systemd does. */
async function host(options: { readonly faults?: FaultPlan; readonly mode?: 'daemon' | 'systemd'; readonly services?: BootServices } = {}) {
  const units = new MemFiles();
  const ran: string[] = [];
  const commands = { find: async () => undefined, run: async ({ words }: { readonly words: readonly string[] }) => (ran.push(words.join(' ')), ok('')) };
  const services = options.services ?? bootServices(new HostPreparation({ files: units, sysfs: new RealSysfs('/nowhere'), commands }), ['/usr/bin/vfleet'], STATE_FOLDER);
  const atBoot: string[] = [];
  const world = await World.create({
    pfs: [{ personality: 'X710', pciAddress: PF, name: 'ens1f0' }], node: { rebootSeconds: 30 }, config: { configurationMode: options.mode ?? 'systemd' }, bootServices: services,
    ...(options.faults === undefined ? {} : { faults: options.faults }),
    atBoot: async ({ node, files, clock }) => {
      for (const phase of BOOT_PHASES) {
        const unit = await units.read(`/etc/systemd/system/vfleet-${phase}.service`);
        const start = unit.ok ? /^ExecStart=(.*)$/m.exec(unit.value)?.[1] : undefined;
        const text = await files.read(BOOT_CONFIGURATION_FILE);
        // ConditionPathExists
        if (start === undefined || !text.ok) return;
        atBoot.push(start);
        const failure = await runBootPhase({ hardware: node.hardware, host: node.host, files, clock, log: silentLog }, STATE_FOLDER, phase, async () => parseBootConfiguration(text.value) ?? { cause: 'no configuration', remedy: 'none' });
        // Requires= of the second on the first.
        if (failure !== undefined) return;
      }
    },
  });
  const condition = async () => (await world.state()).status?.conditions?.find(({ type }) => type === 'ConfiguredAtBoot');
  const kept = async () => {
    const text = await world.files.read(BOOT_CONFIGURATION_FILE);
    return text.ok ? parseBootConfiguration(text.value) : undefined;
  };
  const reboot = async () => {
    world.node.powerCycle();
    await world.clock.runUntil(() => world.daemon !== undefined && world.node.up, 600_000, 'the daemon after the boot');
  };
  return { world, units, ran, atBoot, condition, kept, reboot };
}

describe('configurationMode systemd', () => {
  test('what is wanted is on the disk, the services are installed once, and after a boot all is there before the daemon is', async () => {
    const { world, units, ran, atBoot, condition, kept, reboot } = await host();
    world.startDaemon();
    await world.setSpec(spec(3));
    await world.settle();
    expect(await kept()).toEqual((await world.state()).spec);
    expect(units.paths()).toEqual(['/etc/systemd/system/vfleet-post-network.service', '/etc/systemd/system/vfleet-pre-network.service']);
    expect(ran).toEqual(['daemon-reload', 'enable vfleet-pre-network.service vfleet-post-network.service']);
    expect(await condition()).toMatchObject({ status: 'Unknown', reason: 'NotSinceBoot' });

    await world.setSpec(spec(4));
    await world.settle();
    expect((await kept())?.interfaces?.[0]?.numVfs).toBe(4);
    expect(ran).toHaveLength(2);

    world.writes.length = 0;
    world.drains.length = 0;
    await reboot();
    const booted = world.pf(PF);
    expect(atBoot).toEqual(BOOT_PHASES.map((phase) => `/usr/bin/vfleet host boot ${phase} --state-folder ${STATE_FOLDER}`));
    expect(booted).toMatchObject({ numVfs: 4, netdev: { adminState: 'up' } });
    expect(booted.vfs.every(({ driver }) => driver === 'iavf')).toBe(true);
    const state = await world.until('the boot is told of', ({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'ConfiguredAtBoot' && is === 'True') === true);
    expect(state.status?.conditions?.find(({ type }) => type === 'ConfiguredAtBoot')).toMatchObject({ reason: 'Configured' });
    await world.settle();
    expect([hardwareWrites(world.writes), world.drains]).toEqual([[], []]);
  });

  test('a boot at which the hardware failed is told in the node state, and the daemon goes on from there', async () => {
    const broken = { left: 0 };
    const faults = faultRules([{ name: 'no VFs', operation: 'setNumVfs', fault: { kind: 'errno', errno: 'ENOMEM' } }]);
    const { world, condition, reboot } = await host({ faults: { consult: (point) => (broken.left > 0 && point.operation === 'setNumVfs' ? (broken.left--, faults.consult(point)) : []) } });
    world.startDaemon();
    await world.setSpec(spec(2));
    await world.settle();
    broken.left = 1;
    await reboot();
    expect(world.pf(PF).numVfs).toBe(0);
    await world.until('the failure is told', ({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'ConfiguredAtBoot' && is === 'False') === true);
    expect(await condition()).toMatchObject({ reason: 'ConfigurationFailed', message: expect.stringContaining('pci=realloc') });
    await world.settle();
    expect(world.pf(PF).numVfs).toBe(2);
    // It was so at this boot, whatever the daemon did afterwards.
    expect(await condition()).toMatchObject({ status: 'False' });
    await reboot();
    await world.until('the next boot is told of', ({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'ConfiguredAtBoot' && is === 'True') === true);
  });

  test('back in mode daemon nothing of it is left, also by a daemon that was not there at the change', async () => {
    const { world, units, ran, atBoot, condition, kept, reboot } = await host();
    world.startDaemon();
    await world.setSpec(spec(2));
    await world.settle();
    world.kill();
    await world.setConfig({ configurationMode: 'daemon' });
    world.startDaemon();
    await world.until('nothing is said of the boot', ({ status }) => status?.conditions?.every(({ type }) => type !== 'ConfiguredAtBoot') === true);
    await world.settle();
    expect([units.paths(), await kept(), await condition(), (await world.files.read(BOOT_RESULT_FILE)).ok]).toEqual([[], undefined, undefined, false]);
    expect(ran.at(-1)).toBe('daemon-reload');
    await reboot();
    expect([atBoot, world.pf(PF).numVfs]).toEqual([[], 0]);
    await world.settle();
    expect(world.pf(PF).numVfs).toBe(2);
  });

  test('a configuration that a person prepared is left alone in mode daemon', async () => {
    const { world } = await host({ mode: 'daemon' });
    await world.files.replace(BOOT_CONFIGURATION_FILE, 'spec: {interfaces: []}\n');
    world.startDaemon();
    await world.setSpec(spec(2));
    await world.settle();
    expect(await world.files.read(BOOT_CONFIGURATION_FILE)).toEqual(ok('spec: {interfaces: []}\n'));
  });

  test('a daemon that is killed at any write to the disk or the API leaves a whole configuration, or the one before', async () => {
    for (let nth = 1; nth <= 12; nth++) {
      for (const before of [true, false]) {
        const { world, kept } = await host();
        world.startDaemon();
        await world.setSpec(spec(2));
        await world.settle();
        world.killAtWrite(nth, before);
        await world.setSpec(spec(3));
        await world.clock.run(60_000);
        world.spare();
        expect([2, 3]).toContain((await kept())?.interfaces?.[0]?.numVfs);
        if (world.daemon === undefined) world.startDaemon();
        await world.settle();
        expect((await kept())?.interfaces?.[0]?.numVfs).toBe(3);
      }
    }
  });

  test('services that cannot be installed: the NICs are configured, the node says Failed with what to do, and tries again', async () => {
    let isReadOnly = true;
    const services: BootServices = { install: async () => (isReadOnly ? fail(hardwareError({ operation: 'prepareHost', failure: 'EROFS', device: 'host', detail: '/etc/systemd/system' })) : ok(undefined)), remove: async () => ok(undefined) };
    const { world } = await host({ services });
    world.startDaemon();
    await world.setSpec(spec(2));
    const state = await world.until('it is told', ({ status }) => status?.syncStatus === 'Failed' && status.interfaces?.[0]?.numVfs === 2);
    expect(state.status?.lastSyncError).toMatch(/could not be kept up: .*read-only.*; configure modules/);
    isReadOnly = false;
    await world.settle();
  });

  test('a daemon that knows no way to start vfleet on its host says so', async () => {
    const world = await World.create({ pfs: [{ personality: 'X710', pciAddress: PF }], config: { configurationMode: 'systemd' } });
    world.startDaemon();
    await world.setSpec(spec(2));
    const state = await world.until('it is told', ({ status }) => status?.syncStatus === 'Failed' && status.interfaces?.[0]?.numVfs === 2);
    expect(state.status?.lastSyncError).toMatch(/--boot-executable/);
    await world.setConfig({ configurationMode: 'daemon' });
    await world.settle();
  });
});
