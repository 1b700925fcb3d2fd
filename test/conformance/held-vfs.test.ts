// Goal: a VF that a program holds costs nobody more than its PF, and the simulator says of it what the Linux backend does. Method: two PFs of
// every NIC, a VF of one held through VFIO; the port is asked to take it away, then a script writes what the port refused; what both
// backends answer and see must agree, before, meanwhile and after.
import { describe, expect, test } from 'vitest';
import { SimClock, pciAddress, pciAddressPlus, planNode } from '@vfleet/core';
import type { HardwareEvent, HardwareStep, Inventory, PlanInput } from '@vfleet/core';
import { nicModels } from '@vfleet/hw-sim';
import type { NicModel, SimulatedNode } from '@vfleet/hw-sim';
import { BACKENDS, during, simulatedMachine } from './backends.ts';
import type { BackendName } from './backends.ts';
import { PF } from './sequences.ts';

const OTHER = pciAddress('0000:81:00.0');
const BOTH = ['hw-sim', 'hw-linux'] as const satisfies readonly BackendName[];

/** One machine through one backend, in the same words as the other. */
class Machine {
  readonly clock = new SimClock();
  readonly node: SimulatedNode;
  readonly hardware;
  readonly events: HardwareEvent[] = [];

  constructor(backend: BackendName, { name }: NicModel) {
    const pf = { personality: name, adminUp: true, numaNode: -1 };
    this.node = simulatedMachine(this.clock, name, { pfs: [{ ...pf, pciAddress: PF }, { ...pf, pciAddress: OTHER }] });
    this.hardware = BACKENDS[backend](this.node, this.clock);
    this.hardware.watch((event) => this.events.push(event));
  }

  async apply(step: HardwareStep): Promise<string> {
    const result = await during(this.clock, this.hardware.apply(step));
    return result.ok ? 'ok' : `${result.error.code} ${result.error.errno ?? ''}: ${result.error.cause}`;
  }

  async look(): Promise<Inventory> {
    const seen = await during(this.clock, this.hardware.discover());
    if (!seen.ok) throw new Error(seen.error.cause);
    return seen.value;
  }
}

async function onBoth<Told>(model: NicModel, story: (machine: Machine) => Promise<Told>): Promise<Told> {
  const [simulated, linux] = [await story(new Machine(BOTH[0], model)), await story(new Machine(BOTH[1], model))];
  expect(linux).toEqual(simulated);
  return simulated;
}

const wanted = (pf: string, numVfs: number) => ({ pciAddress: pf, numVfs, vfGroups: [{ resourceName: 'net', deviceType: 'netdevice', vfRange: `0-${numVfs - 1}`, policyName: 'net' }] });
const host: PlanInput['host'] = { bootId: 'b', kernelVersion: '6.1.0', kernelArguments: [], pendingKernelArguments: [], cpuVendor: 'intel', iommuEnabled: true };

describe.each(nicModels.filter(({ layout }) => layout.kind === 'functionPerPort').map((model) => [model.name, model] as const))('%s', (_name, model) => {
  const vf = (index: number) => pciAddressPlus(PF, model.vfOffset + model.vfStride * index);
  const held = async (machine: Machine) => {
    for (const step of [{ kind: 'setNumVfs', pf: PF, count: 3 }, { kind: 'bindDriver', device: vf(1), driver: 'vfio-pci' }] as const) expect(await machine.apply(step)).toBe('ok');
    const opened = machine.node.openVfio(vf(1));
    if (!opened.ok) throw new Error(opened.error.cause);
    return opened.value;
  };

  test('what would take the VF away is refused at once, the holder is named, and nothing is changed', async () => {
    const { refusals, same } = await onBoth(model, async (machine) => {
      const handle = await held(machine);
      const before = await machine.look();
      const at = machine.clock.now();
      const steps: readonly HardwareStep[] = [{ kind: 'setNumVfs', pf: PF, count: 0 }, { kind: 'setNumVfs', pf: PF, count: 2 }, { kind: 'unbindDriver', device: vf(1) }, { kind: 'unbindDriver', device: PF }, { kind: 'bindDriver', device: vf(1), driver: 'vfio-pci' }, { kind: 'bindDriver', device: vf(1), driver: 'default' }];
      const refusals: string[] = [];
      for (const step of steps) refusals.push(await machine.apply(step));
      expect(machine.clock.now()).toBe(at);
      const same = JSON.stringify(await machine.look()) === JSON.stringify(before);
      handle.close();
      return { refusals, same, freed: await machine.apply({ kind: 'setNumVfs', pf: PF, count: 0 }), end: await machine.look() };
    });
    expect(refusals.map((refusal) => /^busy EBUSY: .*process \d+ \(vfio-user\) has \/dev\/vfio\/\d+ of \S+ open\)$/.test(refusal))).toEqual([true, true, true, true, false, true]);
    expect([refusals[4], same]).toEqual(['ok', true]);
  });

  test('a script that takes it away hangs: its PF is blocked, the other is planned for, configured and seen as ever', async () => {
    const { configured, meanwhile, end } = await onBoth(model, async (machine) => {
      const handle = await held(machine);
      expect(await machine.apply({ kind: 'setNumVfs', pf: OTHER, count: 2 })).toBe('ok');
      const ofOther = (await machine.look()).pfs[1]!.vfs[0]!.pciAddress;
      const written = machine.node.sysfs.writeDevice(PF, 'sriov_numvfs', '0');
      const configured: string[] = [];
      for (const step of [{ kind: 'setNumVfs', pf: OTHER, count: 0 }, { kind: 'setNumVfs', pf: OTHER, count: 2 }, { kind: 'setVf', pf: OTHER, vfIndex: 0, vlan: { id: 7, qos: 0, protocol: '802.1q' } }, { kind: 'unbindDriver', device: ofOther }, { kind: 'bindDriver', device: ofOther, driver: 'default' }] as const) configured.push(await machine.apply(step));
      const touched = await machine.apply({ kind: 'setNumVfs', pf: PF, count: 0 });
      const meanwhile = await machine.look();
      machine.events.length = 0;
      handle.close();
      await during(machine.clock, written);
      await during(machine.clock, machine.clock.sleep(60_000));
      const told = machine.events.some((event) => 'device' in event && event.device === PF);
      return { configured, isRefused: touched !== 'ok', meanwhile, told, end: await machine.look() };
    });
    const [stuck, other] = meanwhile.pfs;
    // The number of VFs is the one thing for which the kernel would wait.
    expect(configured).toEqual([expect.stringMatching(new RegExp(`^busy EBUSY: .*held up at ${PF}: process \\d+ \\(vfio-user\\)`)), 'ok', 'ok', 'ok', 'ok']);
    expect(stuck).toMatchObject({ pciAddress: PF, numVfs: 1, vfs: [{ index: 2 }], blocked: { cause: expect.stringMatching(/stuck in the kernel .*process \d+ \(vfio-user\)/), remedy: expect.stringContaining('end the process') } });
    expect(other).toMatchObject({ pciAddress: OTHER, numVfs: 2, firmwareVersion: expect.any(String) });
    expect(other!.vfs.every(({ driver }) => driver === model.vfDriver)).toBe(true);
    const plan = planNode({ desired: { interfaces: [wanted(PF, 2), wanted(OTHER, 4)] }, observed: meanwhile, owned: [], host, disableDrain: false });
    expect(plan.pfs.map(({ pf }) => pf)).toEqual([OTHER]);
    expect(plan.problems).toMatchObject([{ kind: 'pfBlocked', pf: PF, blocks: true, cause: expect.stringContaining('vfio-user'), remedy: expect.stringContaining('end the process') }]);
    const owned = planNode({ desired: { interfaces: [] }, observed: meanwhile, owned: [{ pciAddress: PF, firstEswitchMode: 'legacy', externallyManaged: false }], host, disableDrain: false });
    expect([owned.pfs, owned.problems.map(({ kind }) => kind)]).toEqual([[], ['pfBlocked']]);
    expect(end.pfs.map((pf) => [pf.numVfs, pf.blocked])).toEqual([[0, undefined], [2, undefined]]);
  });
});
