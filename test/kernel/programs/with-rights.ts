/**
 * What the daemon does to a node, each deed by itself: `with-rights.ts JSON` (see {@link Scene}) prints the deeds with `ok` or what came of them, as JSON. Whoever
 * starts it decides which capabilities it has.
 */
import { errnoName } from '@vfleet/core';
import type { NetnsPath, PciAddress } from '@vfleet/core';
import { RealClock } from '@vfleet/core/real.ts';
import { RealHostCommands, RealSysfs, createLinuxHardware, vfioHolders } from '@vfleet/hw-linux';
import type { Deed } from './deeds.ts';

export interface Scene {
  readonly pf: PciAddress;
  /** With an interface. */
  readonly vf: PciAddress;
  readonly pod: NetnsPath;
  /** On vfio-pci. */
  readonly held: PciAddress;
  /** Which process of another user holds it. */
  readonly holder: number;
  /** Index of an interface that is up. */
  readonly loopback: number;
}

const { pf, vf, pod, held, holder, loopback } = JSON.parse(process.argv[2] ?? '{}') as Scene;
const sysfs = new RealSysfs();
const hardware = createLinuxHardware({ clock: new RealClock(), sysfs }, { writeDeadlineMs: 600_000 });
// The root of the host's file system by a name of its own, as in a container.
const host = new RealHostCommands('/.');

const step = async (...steps: readonly Parameters<typeof hardware.apply>[0][]): Promise<string> => {
  for (const one of steps) {
    const done = await hardware.apply(one);
    if (!done.ok) return `${one.kind}: ${done.error.errno ?? done.error.code}`;
  }
  return 'ok';
};

const deeds: Readonly<Record<Deed, () => Promise<string>>> = {
  inventory: async () => {
    const seen = await hardware.discover();
    return seen.ok && seen.value.pfs.some(({ vfs }) => vfs.some(({ netdev }) => netdev !== undefined)) ? 'ok' : 'nothing is seen';
  },
  numbersOfVfs: () => step({ kind: 'setDriversAutoprobe', pf, enabled: false }, { kind: 'setDriversAutoprobe', pf, enabled: true }),
  drivers: () => step({ kind: 'bindDriver', device: vf, driver: 'vfio-pci' }, { kind: 'bindDriver', device: vf, driver: 'default' }),
  settingsOfVfs: () => step({ kind: 'setVf', pf, vfIndex: 0, mac: '02:11:22:33:44:00', vlan: { id: 7, qos: 0, protocol: '802.1q' }, spoofCheck: true }, { kind: 'setMtu', device: pf, netns: 'host', mtu: 1400 }, { kind: 'setMtu', device: pf, netns: 'host', mtu: 1500 }),
  features: () => step({ kind: 'setFeature', device: pf, feature: 'tx-checksum-ip-generic', enabled: false }, { kind: 'setFeature', device: pf, feature: 'tx-checksum-ip-generic', enabled: true }),
  pods: () => step({ kind: 'moveNetdev', device: vf, from: 'host', to: pod, name: 'net1' }, { kind: 'setAddresses', device: vf, netns: pod, addresses: ['192.0.2.7/24'], routes: [] }, { kind: 'moveNetdev', device: vf, from: pod, to: 'host', name: 'again0' }),
  announcements: async () => {
    const errno = await hardware.links.sendFrames('host', loopback, [new Uint8Array(60)]);
    return errno === 0 ? 'ok' : (errnoName(errno) ?? String(errno));
  },
  holders: async () => {
    const found = await vfioHolders(sysfs, [held]);
    return found.some(({ isCertain, processes }) => isCertain && processes.some(({ pid }) => pid === holder)) ? 'ok' : 'the holder is not found';
  },
  programsOfTheHost: async () => outcome(await host.run({ program: 'modprobe', words: ['--version'] })),
  modules: async () => outcome(await host.run({ program: 'modprobe', words: ['--', 'dummy'] })),
};

function outcome(done: Awaited<ReturnType<RealHostCommands['run']>>): string {
  return done.ok ? 'ok' : done.error.says;
}

const told: Partial<Record<Deed, string>> = {};
// The interface has another name and is down between deeds: in order.
for (const [deed, act] of Object.entries(deeds) as [Deed, () => Promise<string>][]) told[deed] = await act();
await hardware.close();
process.stdout.write(JSON.stringify(told));
