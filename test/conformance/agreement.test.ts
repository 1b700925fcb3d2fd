// Goal: what the simulator says a NIC does and what the Linux backend makes of a kernel that shows that NIC are the same, for every NIC.
// Method: sequences of steps, written and drawn, played on two equal machines, one through the simulator's own port and one through the
// Linux backend on the simulator's view of a kernel; answers, error codes and the whole inventory at the end must agree, and so
// must a look at one VF with the whole inventory.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SimClock, ok, pciAddressPlus, sightOfVf } from '@vfleet/core';
import type { Hardware, HardwareStep, Inventory, RdmaMode } from '@vfleet/core';
import { nicModels } from '@vfleet/hw-sim';
import type { NicModel } from '@vfleet/hw-sim';
import { BACKENDS, during, simulatedMachine } from './backends.ts';
import type { BackendName } from './backends.ts';
import { placeIn } from './play.ts';
import { NETNS, PF, stepOn, writtenFor } from './sequences.ts';
import type { VfPlaces } from './sequences.ts';

interface Told {
  readonly answers: readonly string[];
  readonly end: Inventory;
}

async function tell(backend: BackendName, personality: string, steps: readonly HardwareStep[], rdmaMode: RdmaMode = 'shared'): Promise<Told> {
  const clock = new SimClock();
  const node = simulatedMachine(clock, personality);
  const hardware = BACKENDS[backend](node, clock);
  // The mode is as it was before the first namespace.
  node.deleteNetns(NETNS);
  expect(await during(clock, hardware.apply({ kind: 'setRdmaMode', mode: rdmaMode }))).toEqual(ok(undefined));
  node.createNetns(NETNS);
  const answers: string[] = [];
  for (const step of steps) {
    const result = await during(clock, hardware.apply(step));
    answers.push(result.ok ? 'ok' : `${result.error.code} ${result.error.errno ?? ''}${placeIn(step, result.error)}`);
  }
  const seen = await during(clock, hardware.discover());
  if (!seen.ok) throw new Error(seen.error.cause);
  await looksAgree(clock, hardware, seen.value);
  return { answers, end: seen.value };
}

/** A look at one VF tells the same as the look at all does of it, and nothing of what is no VF. */
async function looksAgree(clock: SimClock, hardware: Hardware, inventory: Inventory): Promise<void> {
  const vfs = inventory.pfs.flatMap((pf) => pf.vfs.map(({ pciAddress: vf }) => vf));
  const others = [PF, pciAddressPlus(PF, 7), ...vfs.slice(-1).map((last) => pciAddressPlus(last, 1))];
  for (const device of [...vfs, ...others]) {
    const sight = await during(clock, hardware.lookAtVf(device));
    expect([device, sight]).toEqual([device, ok(sightOfVf(inventory, device))]);
  }
}

async function compare(personality: string, steps: readonly HardwareStep[], { backend = 'hw-linux', rdmaMode = 'shared' }: { readonly backend?: BackendName; readonly rdmaMode?: RdmaMode } = {}): Promise<void> {
  const [simulated, linux] = [await tell('hw-sim', personality, steps, rdmaMode), await tell(backend, personality, steps, rdmaMode)];
  const lines = (told: Told) => told.answers.map((answer, index) => `${answer}: ${JSON.stringify(steps[index])}`);
  expect(lines(linux)).toEqual(lines(simulated));
  expect(linux.end).toEqual(simulated.end);
}

const models = nicModels;
const places = (model: NicModel): VfPlaces => (index) => pciAddressPlus(PF, model.vfOffset + model.vfStride * index);

/** Steps that only cards with an eswitch, RDMA or vDPA do anything about. */
function special(vf: VfPlaces): fc.Arbitrary<HardwareStep> {
  const index = fc.integer({ min: 0, max: 3 });
  return fc.oneof(
    fc.constantFrom<HardwareStep>(
      { kind: 'setEswitchMode', pf: PF, mode: 'switchdev' }, { kind: 'setEswitchMode', pf: PF, mode: 'legacy' }, { kind: 'setRdmaMode', mode: 'exclusive' }, { kind: 'setRdmaMode', mode: 'shared' },
      { kind: 'setDevlinkParam', pf: PF, name: 'flow_steering_mode', value: 'smfs' }, { kind: 'setDevlinkParam', pf: PF, name: 'total_vfs', value: 16 }, { kind: 'setDevlinkParam', pf: PF, name: 'enable_roce', value: false },
      { kind: 'setDevlinkParam', pf: PF, name: 'no_such', value: 1 }, { kind: 'setFeature', device: PF, feature: 'hw-tc-offload', enabled: true }, { kind: 'setFeature', device: PF, feature: 'hw-tc-offload', enabled: false },
      { kind: 'setFeature', device: PF, feature: 'no-such', enabled: true }, { kind: 'setDriversAutoprobe', pf: PF, enabled: false }, { kind: 'setDriversAutoprobe', pf: PF, enabled: true },
      { kind: 'setNumVfs', pf: PF, count: 0 }, { kind: 'setNumVfs', pf: PF, count: 4 }, { kind: 'setLink', device: PF, netns: 'host', up: true }, { kind: 'setMtu', device: PF, netns: 'host', mtu: 9000 },
      { kind: 'unbindDriver', device: PF }, { kind: 'bindDriver', device: PF, driver: 'default' }, { kind: 'bindDriver', device: PF, driver: 'vfio-pci' }, { kind: 'bindDriver', device: PF, driver: 'no_such' },
      { kind: 'renameNetdev', device: PF, netns: 'host', name: 'up0' }, { kind: 'moveNetdev', device: PF, from: 'host', to: NETNS }, { kind: 'moveNetdev', device: PF, from: NETNS, to: 'host', name: 'c1' },
      { kind: 'setNetdevMac', device: PF, netns: 'host', mac: '02:00:00:00:02:01' }, { kind: 'setNetdevMac', device: PF, netns: 'host', mac: 'no' }, { kind: 'setNumVfs', pf: PF, count: 70_000 },
    ),
    fc.tuple(index, fc.constantFrom('virtio' as const, 'vhost' as const)).map(([at, type]): HardwareStep => ({ kind: 'createVdpa', device: vf(at), type })),
    index.map((at): HardwareStep => ({ kind: 'deleteVdpa', device: vf(at) })),
    fc.tuple(index, fc.constantFrom(0, 100)).map(([at, maxTxMbps]): HardwareStep => ({ kind: 'setVf', pf: PF, vfIndex: at, rates: { minTxMbps: 0, maxTxMbps } })),
    fc.tuple(index, fc.constantFrom('host', NETNS)).map(([at, netns]): HardwareStep => ({ kind: 'setAddresses', device: vf(at), netns, addresses: ['192.0.2.1/24'], routes: [{ dst: '0.0.0.0/0', gw: '192.0.2.254' }] })),
  );
}

describe.each(models.map((model) => [model.name, model] as const))('%s', (name, model) => {
  test.each(writtenFor(places(model)).map((sequence) => [sequence.name, sequence.steps] as const))('%s', (_name, steps) => compare(name, steps));

  test('drawn sequences', async () => {
    const step = fc.oneof({ weight: 2, arbitrary: stepOn(places(model)) }, { weight: 1, arbitrary: special(places(model)) });
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 16 }), (steps) => compare(name, [{ kind: 'setNumVfs', pf: PF, count: 3 }, ...steps])), { numRuns: 20 });
  });
});

test('a kernel without the netlink family of ethtool is asked by ioctl, and says the same', async () => {
  const feature = (name: string, enabled: boolean): HardwareStep => ({ kind: 'setFeature', device: PF, feature: name, enabled });
  const steps: readonly HardwareStep[] = [{ kind: 'setLink', device: PF, netns: 'host', up: true }, feature('hw-tc-offload', true), feature('hw-tc-offload', true), feature('ntuple', true), feature('ntuple', false), feature('no-such', true), { kind: 'setNumVfs', pf: PF, count: 2 }];
  for (const model of models) await compare(model.name, steps, { backend: 'hw-linux without ethtool netlink' });
});

describe('RDMA devices', () => {
  const NOWHERE = '/var/run/netns/nowhere';
  // Some make no VFs while they are down.
  const up: HardwareStep = { kind: 'setLink', device: PF, netns: 'host', up: true };
  const withRdma = models.filter((model) => model.rdma.vf);

  /** The names that a card gives, the PF's first. */
  async function namesOf(model: NicModel): Promise<readonly string[]> {
    const { end } = await tell('hw-sim', model.name, [up, { kind: 'setNumVfs', pf: PF, count: 3 }]);
    return end.pfs.flatMap((pf) => [...pf.rdmaDevices, ...pf.vfs.flatMap(({ rdmaDevices }) => rdmaDevices)]);
  }

  test('there are cards that have some', () => expect(withRdma.length).toBeGreaterThan(2));

  test.each(withRdma.map((model) => [model.name, model] as const))('%s: into a namespace and back, in either mode', async (name, model) => {
    const [, first, second] = await namesOf(model) as [string, string, string];
    const vf = places(model);
    const move = (rdmaDevice: string, from: string, to: string, at = 0): HardwareStep => ({ kind: 'moveRdma', device: vf(at), rdmaDevice, from, to });
    const steps: readonly HardwareStep[] = [
      up, move(first, 'host', NETNS), { kind: 'setNumVfs', pf: PF, count: 2 }, { kind: 'moveNetdev', device: vf(0), from: 'host', to: NETNS, name: 'net1' }, move(first, NETNS, 'host'), move(first, 'host', NETNS), move(first, 'host', NETNS), move(first, NETNS, NETNS),
      move('no_such0', 'host', NETNS), move(second, 'host', NOWHERE, 1), move(first, NOWHERE, 'host'), move(second, 'host', 'host', 1), move(first, NETNS, 'host'), move(first, NETNS, 'host'), move(second, 'host', NETNS, 1), { kind: 'setNumVfs', pf: PF, count: 0 },
      { kind: 'setNumVfs', pf: PF, count: 2 }, move(second, NETNS, 'host', 1), move(second, 'host', NETNS, 1), { kind: 'unbindDriver', device: vf(1) }, { kind: 'bindDriver', device: vf(1), driver: 'default' },
    ];
    for (const rdmaMode of ['shared', 'exclusive'] as const) await compare(name, steps, { rdmaMode });
    const { answers, end } = await tell('hw-linux', name, steps.slice(0, 6), 'exclusive');
    expect(answers).toEqual(['ok', 'gone ENODEV', 'ok', 'ok', 'gone ENODEV', 'ok']);
    expect(end.pfs[0]!.vfs.map(({ rdmaDevices }) => rdmaDevices)).toEqual([[], [second]]);
    expect((await tell('hw-linux', name, steps.slice(0, 6))).answers).toEqual(['ok', 'gone ENODEV', 'ok', 'ok', 'unsupported EOPNOTSUPP', 'unsupported EOPNOTSUPP']);
  });

  test('drawn moves', async () => {
    const model = withRdma[0]!;
    const names = await namesOf(model);
    const index = fc.integer({ min: 0, max: 2 });
    const place = fc.constantFrom('host', NETNS, NOWHERE);
    const moves = fc.tuple(index, fc.boolean(), place, place).map(([at, known, from, to]): HardwareStep => ({ kind: 'moveRdma', device: places(model)(at), rdmaDevice: known ? names[1 + at]! : 'no_such0', from, to }));
    const step = fc.oneof({ weight: 3, arbitrary: moves }, { weight: 1, arbitrary: stepOn(places(model)) }, { weight: 1, arbitrary: special(places(model)) });
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 16 }), fc.boolean(), (steps, shared) => compare(model.name, [{ kind: 'setNumVfs', pf: PF, count: 3 }, ...steps], { rdmaMode: shared ? 'shared' : 'exclusive' })), { numRuns: 40 });
  });
});
