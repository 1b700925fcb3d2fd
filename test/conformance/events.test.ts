// Goal: what the Linux backend tells of uevents and rtnetlink messages is what the simulator tells of the same hardware. Method: both watch
// one node, one through the simulator's own port and one through the bytes of the view, while drawn steps are made.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SimClock, pciAddressPlus } from '@vfleet/core';
import type { HardwareEvent, HardwareStep } from '@vfleet/core';
import { nicModels } from '@vfleet/hw-sim';
import type { NicModel } from '@vfleet/hw-sim';
import { BACKENDS, during, simulatedMachine } from './backends.ts';
import { PF, stepOn } from './sequences.ts';
import type { VfPlaces } from './sequences.ts';

const places = (model: NicModel): VfPlaces => (index) => pciAddressPlus(PF, model.vfOffset + model.vfStride * index);

/** What no message says: a carrier that was never there has not changed, and news of an interface in a namespace stay there. */
function comparable(events: readonly HardwareEvent[]): readonly string[] {
  return events.filter(({ kind }) => kind !== 'link' && kind !== 'changed').map((event) => JSON.stringify(event));
}

test.each(nicModels.map((model) => [model.name, model] as const))('%s', async (name, model) => {
  const others: fc.Arbitrary<HardwareStep> = fc.constantFrom<HardwareStep>(
    { kind: 'unbindDriver', device: PF }, { kind: 'bindDriver', device: PF, driver: 'default' }, { kind: 'setLink', device: PF, netns: 'host', up: true }, { kind: 'setLink', device: PF, netns: 'host', up: false },
  );
  await fc.assert(fc.asyncProperty(fc.array(fc.oneof({ weight: 3, arbitrary: stepOn(places(model)) }, { weight: 1, arbitrary: others }), { minLength: 3, maxLength: 10 }), async (steps) => {
    const clock = new SimClock();
    const node = simulatedMachine(clock, name);
    const [simulated, linux] = [[] as HardwareEvent[], [] as HardwareEvent[]];
    BACKENDS['hw-sim'](node, clock).watch((event) => void simulated.push(event));
    BACKENDS['hw-linux'](node, clock).watch((event) => void linux.push(event));
    for (const step of [{ kind: 'setNumVfs', pf: PF, count: 2 } as const, ...steps]) await during(clock, node.hardware.apply(step));
    await during(clock, clock.sleep(10_000));
    node.loseEvents();
    expect(comparable(linux)).toEqual(comparable(simulated));
    // Of what changed without a name for it, both tell of the same devices; a device that is in a namespace only the simulator sees.
    const touched = (events: readonly HardwareEvent[]) => new Set(events.flatMap((event) => ('device' in event ? [event.device] : [])));
    for (const device of touched(linux)) expect(touched(simulated)).toContain(device);
    expect(linux.at(-1)).toEqual({ kind: 'resync' });
  }), { numRuns: 15 });
});

test('carrier is told when it comes and goes', async () => {
  const clock = new SimClock();
  const node = simulatedMachine(clock);
  const seen: HardwareEvent[] = [];
  BACKENDS['hw-linux'](node, clock).watch((event) => void seen.push(event));
  await during(clock, node.hardware.apply({ kind: 'setLink', device: PF, netns: 'host', up: true }));
  await during(clock, clock.sleep(10_000));
  node.setCable(PF, false);
  expect(seen.filter(({ kind }) => kind === 'link')).toEqual([{ kind: 'link', device: PF, carrier: true }, { kind: 'link', device: PF, carrier: false }]);
});
