// Goal: in any order of steps, the fleet keeps the rules of SR-IOV. Method: random sequences run against the model and against a reference
// of thirty lines that knows only the rules (never N→M, never beyond total, settings die with their VF, a VF is in one namespace), compared
// after every step; every step is answered by the outcome that the reference predicts.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { HardwareStep, PciAddress } from '@vfleet/core';
import { nicModels } from '@vfleet/hw-sim';
import { lab } from './support.ts';
import type { Lab } from './support.ts';

const AT = '0000:81:00.0' as PciAddress;

interface ReferenceVf {
  driver: string | undefined;
  vlan: number;
  netns: string | undefined;
}

/** The rules, and nothing else. */
class Reference {
  readonly total: number;
  readonly vfDriver: string;
  vfs: ReferenceVf[] = [];
  autoprobe = true;
  namespaces = new Set<string>();

  constructor(total: number, vfDriver: string) {
    this.total = total;
    this.vfDriver = vfDriver;
  }

  setNumVfs(count: number): string {
    if (count > this.total) return 'ERANGE';
    if (count === this.vfs.length) return 'ok';
    if (count > 0 && this.vfs.length > 0) return 'EBUSY';
    this.vfs = Array.from({ length: count }, () => ({ driver: this.autoprobe ? this.vfDriver : undefined, vlan: 0, netns: this.autoprobe ? 'host' : undefined }));
    return 'ok';
  }

  bind(index: number, driver: string): string {
    const vf = this.vfs[index];
    if (vf === undefined) return 'ENODEV';
    const wanted = driver === 'default' ? this.vfDriver : driver;
    if (vf.driver === wanted) return 'ok';
    vf.driver = wanted;
    vf.netns = wanted === this.vfDriver ? 'host' : undefined;
    return 'ok';
  }

  unbind(index: number): string {
    const vf = this.vfs[index];
    if (vf?.driver === undefined) return 'ENODEV';
    vf.driver = undefined;
    vf.netns = undefined;
    return 'ok';
  }

  vlan(index: number, id: number): string {
    if (index >= this.vfs.length || id > 4095) return 'EINVAL';
    this.vfs[index]!.vlan = id;
    return 'ok';
  }

  move(index: number, from: string, to: string): string {
    const vf = this.vfs[index];
    if (vf === undefined || vf.netns !== from || (from !== 'host' && !this.namespaces.has(from))) return 'ENODEV';
    if (to !== 'host') this.namespaces.add(to);
    vf.netns = to;
    return 'ok';
  }

  deleteNetns(netns: string): void {
    this.namespaces.delete(netns);
    for (const vf of this.vfs) if (vf.netns === netns) vf.netns = 'host';
  }
}

type Action =
  | { readonly kind: 'numVfs'; readonly count: number }
  | { readonly kind: 'autoprobe'; readonly enabled: boolean }
  | { readonly kind: 'bind'; readonly index: number; readonly driver: 'default' | 'vfio-pci' }
  | { readonly kind: 'unbind'; readonly index: number }
  | { readonly kind: 'vlan'; readonly index: number; readonly id: number }
  | { readonly kind: 'move'; readonly index: number; readonly from: string; readonly to: string }
  | { readonly kind: 'deleteNetns'; readonly netns: string }
  | { readonly kind: 'unplug' };

const index = fc.integer({ min: 0, max: 4 });
const netns = fc.constantFrom('host', '/a', '/b');
const actions: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('numVfs' as const), count: fc.constantFrom(0, 0, 2, 4, 4, 300) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('autoprobe' as const), enabled: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('bind' as const), index, driver: fc.constantFrom('default' as const, 'vfio-pci' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unbind' as const), index }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('vlan' as const), index, id: fc.constantFrom(0, 7, 4095, 4096) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('move' as const), index, from: netns, to: netns }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('deleteNetns' as const), netns: fc.constantFrom('/a', '/b') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unplug' as const) }) },
);

const vfAddress = (rig: Lab, vf: number): PciAddress => rig.pf().vfs[vf]?.pciAddress ?? ('0000:fe:00.0' as PciAddress);

async function perform(rig: Lab, reference: Reference, action: Action): Promise<readonly [string, string]> {
  const run = async (step: HardwareStep, expected: string) => [await rig.apply(step), expected] as const;
  switch (action.kind) {
    case 'numVfs':
      return run({ kind: 'setNumVfs', pf: AT, count: action.count }, reference.setNumVfs(action.count));
    case 'autoprobe':
      reference.autoprobe = action.enabled;
      return run({ kind: 'setDriversAutoprobe', pf: AT, enabled: action.enabled }, 'ok');
    case 'bind':
      return run({ kind: 'bindDriver', device: vfAddress(rig, action.index), driver: action.driver }, reference.bind(action.index, action.driver));
    case 'unbind':
      return run({ kind: 'unbindDriver', device: vfAddress(rig, action.index) }, reference.unbind(action.index));
    case 'vlan':
      return run({ kind: 'setVf', pf: AT, vfIndex: action.index, vlan: { id: action.id, qos: 0, protocol: '802.1q' } }, reference.vlan(action.index, action.id));
    case 'move':
      return run({ kind: 'moveNetdev', device: vfAddress(rig, action.index), from: action.from, to: action.to }, reference.move(action.index, action.from, action.to));
    case 'deleteNetns':
      rig.node.deleteNetns(action.netns);
      reference.deleteNetns(action.netns);
      return ['ok', 'ok'];
    case 'unplug':
      rig.node.unplug(AT);
      rig.node.replug(AT);
      reference.vfs = [];
      reference.autoprobe = true;
      return ['ok', 'ok'];
  }
}

function compare(rig: Lab, reference: Reference): void {
  const pf = rig.pf();
  expect(pf.numVfs).toBe(reference.vfs.length);
  expect(pf.vfs.map(({ driver, settings, netdev }) => [driver, settings.vlan, netdev !== undefined])).toEqual(
    reference.vfs.map(({ driver, vlan, netns: at }) => [driver, vlan, at === 'host']),
  );
  const inside = ['host', '/a', '/b'].map((path) => rig.node.interfaces(path).filter(({ device }) => device !== AT).length);
  expect(inside).toEqual(['host', '/a', '/b'].map((path) => reference.vfs.filter(({ netns: at }) => at === path).length));
  const names = rig.node.interfaces('host').map(({ netdev }) => netdev.name);
  expect(new Set(names).size).toBe(names.length);
}

const models = nicModels.filter(({ layout, totalVfs }) => layout.kind === 'functionPerPort' && totalVfs >= 4);

test.each(models.map((model) => [model.name, model] as const))('%s keeps the rules in any order of steps', async (name, model) => {
  await fc.assert(
    fc.asyncProperty(fc.array(actions, { minLength: 1, maxLength: 25 }), async (sequence) => {
      const rig = lab({ pfs: [{ personality: name, pciAddress: AT }], node: { kernelArguments: ['intel_iommu=on'] }, options: { delayFactor: 0 } });
      const reference = new Reference(model.totalVfs, model.vfDriver);
      for (const action of sequence) {
        const [outcome, expected] = await perform(rig, reference, action);
        expect(outcome, JSON.stringify(action)).toBe(expected);
        compare(rig, reference);
      }
    }),
    { numRuns: 60 },
  );
});
