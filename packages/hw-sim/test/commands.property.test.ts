// Goal: two NICs of different vendors on one node keep the kernel's rules through modes, drivers, VFIO users and power cuts, and neither
// feels what happens to the other. Method: fast-check draws commands, which run against the fleet and against a reference of the
// rules; everything visible is compared after each. A failure prints the commands, the seed and the replay path.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EswitchMode, PciAddress } from '@vfleet/core';
import { findNicModel } from '@vfleet/hw-sim';
import type { NicModel, VfioHandle } from '@vfleet/hw-sim';
import { lab } from './support.ts';
import type { Lab } from './support.ts';

const ADDRESSES = ['0000:81:00.0', '0000:c1:00.0'] as PciAddress[];

interface ReferenceVf {
  driver: string;
  isHeld: boolean;
}

interface ReferencePf {
  readonly model: NicModel;
  mode: EswitchMode;
  vfs: ReferenceVf[];
}

class Reference {
  readonly pfs: readonly ReferencePf[];

  constructor(models: readonly NicModel[]) {
    this.pfs = models.map((model) => ({ model, mode: 'legacy', vfs: [] }));
  }

  setNumVfs({ model, vfs }: ReferencePf, count: number): string {
    if (count > model.totalVfs) return 'ERANGE';
    if (count === vfs.length) return 'ok';
    if (count > 0 && vfs.length > 0) return 'EBUSY';
    vfs.splice(0, vfs.length, ...Array.from({ length: count }, () => ({ driver: model.vfDriver, isHeld: false })));
    return 'ok';
  }

  setMode(pf: ReferencePf, mode: EswitchMode): string {
    const { eswitch, devlinkAbsent } = pf.model;
    if (eswitch === 'none') return devlinkAbsent;
    if (mode === pf.mode) return 'ok';
    const isWrongOrder = eswitch.order === 'beforeVfs' ? pf.vfs.length > 0 : mode === 'switchdev' && pf.vfs.length === 0;
    if (isWrongOrder && eswitch.wrongOrder !== 'ok') return eswitch.wrongOrder;
    if (pf.vfs.length > 0 && eswitch.withBoundVfs !== 'ok') return eswitch.withBoundVfs;
    pf.mode = mode;
    return 'ok';
  }

  powerCut(): void {
    for (const pf of this.pfs) {
      pf.mode = 'legacy';
      pf.vfs.length = 0;
    }
  }
}

interface Real {
  readonly rig: Lab;
  readonly handles: Map<string, VfioHandle>;
}

type Step = fc.AsyncCommand<Reference, Real>;

function step(says: string, run: (reference: Reference, real: Real) => Promise<void>, check: (reference: Readonly<Reference>) => boolean = () => true): Step {
  return {
    check,
    async run(reference, real) {
      await run(reference, real);
      compare(reference, real);
    },
    toString: () => says,
  };
}

function compare({ pfs }: Reference, { rig }: Real): void {
  const seen = rig.node.inspect().pfs;
  expect(seen.map(({ numVfs, eswitchMode, vfs }) => [numVfs, eswitchMode ?? 'legacy', vfs.map(({ driver }) => driver)])).toEqual(pfs.map(({ mode, vfs }) => [vfs.length, mode, vfs.map(({ driver }) => driver)]));
  const addresses = seen.flatMap(({ pciAddress, vfs }) => [pciAddress, ...vfs.map((vf) => vf.pciAddress)]);
  expect(new Set(addresses).size).toBe(addresses.length);
  const names = rig.node.interfaces('host').map(({ netdev }) => netdev.name);
  expect(new Set(names).size).toBe(names.length);
}

const vfAddress = ({ rig }: Real, pf: number, vf: number) => rig.pf(pf).vfs[vf]!.pciAddress;

function numVfs(pf: number, count: number): Step {
  return step(`numVfs ${pf} ${count}`, async (reference, { rig }) => {
    expect(await rig.apply({ kind: 'setNumVfs', pf: ADDRESSES[pf]!, count })).toBe(reference.setNumVfs(reference.pfs[pf]!, count));
  }, ({ pfs }) => !pfs[pf]!.vfs.some(({ isHeld }) => isHeld));
}

/** The port refuses; a script's write waits for the user of a VF to let go, however long (drivers/vfio/vfio_main.c, vfio_unregister_group_dev). */
function removeHeld(pf: number): Step {
  return step(`remove held VFs of ${pf}`, async (reference, real) => {
    let answer = 'none';
    expect(await real.rig.apply({ kind: 'setNumVfs', pf: ADDRESSES[pf]!, count: 0 })).toBe('EBUSY');
    const work = real.rig.node.sysfs.writeDevice(ADDRESSES[pf]!, 'sriov_numvfs', '0').then((outcome) => void (answer = outcome));
    await real.rig.clock.run(10_000);
    expect(answer).toBe('none');
    const firstHeld = reference.pfs[pf]!.vfs.findIndex(({ isHeld }) => isHeld);
    expect(real.rig.pf(pf)).toMatchObject({ numVfs: reference.pfs[pf]!.vfs.length - firstHeld - 1, blocked: { cause: expect.stringContaining('vfio-user') } });
    expect(real.rig.pf(1 - pf)).not.toHaveProperty('blocked');
    for (const index of reference.pfs[pf]!.vfs.keys()) {
      real.handles.get(`${pf}/${index}`)?.close();
      real.handles.delete(`${pf}/${index}`);
    }
    await real.rig.wait(work);
    expect(answer).toBe('ok');
    reference.pfs[pf]!.vfs.length = 0;
  }, ({ pfs }) => pfs[pf]!.vfs.some(({ isHeld }) => isHeld));
}

function mode(pf: number, wanted: EswitchMode): Step {
  return step(`mode ${pf} ${wanted}`, async (reference, { rig }) => {
    expect(await rig.apply({ kind: 'setEswitchMode', pf: ADDRESSES[pf]!, mode: wanted })).toBe(reference.setMode(reference.pfs[pf]!, wanted));
  }, ({ pfs }) => !pfs[pf]!.vfs.some(({ isHeld }) => isHeld));
}

function bind(pf: number, vf: number, driver: 'default' | 'vfio-pci'): Step {
  return step(`bind ${pf}/${vf} ${driver}`, async (reference, real) => {
    const known = reference.pfs[pf]!;
    expect(await real.rig.apply({ kind: 'bindDriver', device: vfAddress(real, pf, vf), driver })).toBe('ok');
    known.vfs[vf]!.driver = driver === 'default' ? known.model.vfDriver : driver;
  }, ({ pfs }) => pfs[pf]!.vfs[vf]?.isHeld === false);
}

function open(pf: number, vf: number): Step {
  return step(`open ${pf}/${vf}`, async (reference, real) => {
    const known = reference.pfs[pf]!.vfs[vf]!;
    const opened = real.rig.node.openVfio(vfAddress(real, pf, vf));
    expect(opened.ok ? 'ok' : opened.error.errno).toBe(known.driver !== 'vfio-pci' ? 'ENOENT' : known.isHeld ? 'EBUSY' : 'ok');
    if (!opened.ok) return;
    known.isHeld = true;
    real.handles.set(`${pf}/${vf}`, opened.value);
  }, ({ pfs }) => pfs[pf]!.vfs[vf] !== undefined);
}

function close(pf: number, vf: number): Step {
  return step(`close ${pf}/${vf}`, async (reference, { handles }) => {
    handles.get(`${pf}/${vf}`)!.close();
    handles.delete(`${pf}/${vf}`);
    reference.pfs[pf]!.vfs[vf]!.isHeld = false;
  }, ({ pfs }) => pfs[pf]!.vfs[vf]?.isHeld === true);
}

function powerCut(): Step {
  return step('power cut', async (reference, { rig, handles }) => {
    const before = rig.node.bootId;
    rig.node.powerCycle();
    expect(rig.node.up).toBe(false);
    expect(await rig.apply({ kind: 'setNumVfs', pf: ADDRESSES[0]!, count: 1 })).not.toBe('ok');
    await rig.clock.runUntil(() => rig.node.up, 3_600_000);
    expect(rig.node.bootId).not.toBe(before);
    handles.clear();
    reference.powerCut();
  });
}

const pf = fc.nat(1);
const vf = fc.nat(3);
const steps: fc.Arbitrary<Step>[] = [
  fc.tuple(pf, fc.constantFrom(0, 2, 4, 4, 300)).map((drawn) => numVfs(...drawn)),
  fc.tuple(pf, fc.constantFrom(0, 2, 4, 4, 300)).map((drawn) => numVfs(...drawn)),
  fc.tuple(pf, fc.constantFrom('legacy' as const, 'switchdev' as const)).map((drawn) => mode(...drawn)),
  fc.tuple(pf, vf, fc.constantFrom('default' as const, 'vfio-pci' as const, 'vfio-pci' as const)).map((drawn) => bind(...drawn)),
  fc.tuple(pf, vf).map((drawn) => open(...drawn)),
  fc.tuple(pf, vf).map((drawn) => close(...drawn)),
  pf.map(removeHeld),
  fc.constant(powerCut()),
];

test.each([['E810-CQDA2', 'ConnectX-6 Dx'], ['X710', 'ConnectX-5'], ['82576', 'BCM57508']])('%s beside %s', async (...cards) => {
  await fc.assert(fc.asyncProperty(fc.commands(steps, { maxCommands: 60, size: 'max' }), async (commands) => {
    await fc.asyncModelRun(() => ({
      model: new Reference(cards.map((card) => findNicModel(card)!)),
      real: { rig: lab({ pfs: cards.map((personality, index) => ({ personality, pciAddress: ADDRESSES[index] })), node: { kernelArguments: ['intel_iommu=on'] }, options: { delayFactor: 0 } }), handles: new Map() },
    }), commands);
  }), { numRuns: 100 });
});
