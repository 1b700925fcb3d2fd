// Goal: bridges come to what the node state wants and rest there; only what carries traffic asks for a drain. Method: drawn sets of
// bridges that we have and that are wanted, the steps carried out on a map.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { HostFacts, OvsBridge, PlanInput } from '@vfleet/core';
import { describePlan, isSettled, planNode } from '@vfleet/core';
import { NicModel, pfChoice } from './model.ts';

const host: HostFacts = { bootId: 'boot', kernelVersion: '6.1', kernelArguments: [], pendingKernelArguments: [], cpuVendor: 'intel', iommuEnabled: true };
const choices = [pfChoice(0, { driver: 'mlx5_core', numVfs: 2, mode: 'switchdev' }), pfChoice(1, { driver: 'mlx5_core', numVfs: 0, mode: 'switchdev' })];
const observed = new NicModel(choices).inventory;

const bridge = (name: string, mtuRequest: number | undefined): OvsBridge => ({
  name, uplinks: [{ pciAddress: choices[name === 'br-a' ? 0 : 1]!.address, name: `${name}-uplink`, ...(mtuRequest === undefined ? {} : { interface: { mtuRequest } }) }],
});
const someBridges = fc.uniqueArray(fc.record({ name: fc.constantFrom('br-a', 'br-b'), mtu: fc.constantFrom(undefined, 1500, 9000) }), { selector: ({ name }) => name }).map((all) => all.map(({ name, mtu }) => bridge(name, mtu)));

const input = (wanted: readonly OvsBridge[], bridges: readonly OvsBridge[] | undefined, gateOn = true): PlanInput => ({
  desired: { bridges: { ovs: [...wanted] } }, observed, owned: [], host, disableDrain: false, gates: { manageSoftwareBridges: gateOn }, ...(bridges === undefined ? {} : { bridges }),
});

test('carrying out the steps leads to what is wanted, and then there is nothing to do', () => {
  fc.assert(fc.property(someBridges, someBridges, (wanted, have) => {
    const database = new Map(have.map((one) => [one.name, one]));
    for (const step of planNode(input(wanted, have)).bridgeSteps) {
      if (step.kind === 'ensureBridge') database.set(step.bridge.name, step.bridge);
      else expect(database.delete(step.name)).toBe(true);
    }
    const sorted = (all: readonly OvsBridge[]) => all.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    expect(sorted([...database.values()])).toEqual(sorted(wanted));
    const after = planNode(input(wanted, [...database.values()]));
    expect([isSettled(after), after.bridgeSteps, after.drain.reasons]).toEqual([true, [], []]);
  }));
});

test('a drain is asked for exactly when a bridge of ours over a PF with VFs changes or goes', () => {
  fc.assert(fc.property(someBridges, someBridges, (wanted, have) => {
    const before = have.find(({ name }) => name === 'br-a');
    const after = wanted.find(({ name }) => name === 'br-a');
    const disturbed = before !== undefined && JSON.stringify(before) !== JSON.stringify(after);
    const { drain } = planNode(input(wanted, have));
    expect(drain.needed).toBe(disturbed);
    expect(drain.reasons.flatMap(({ pf, differences, affectedVfs }) => [[pf, differences, affectedVfs.length]])).toEqual(
      disturbed ? [[choices[0]!.address, [{ kind: 'bridge', name: 'br-a', change: after === undefined ? 'removed' : 'changed' }], 2]] : []);
  }));
});

test('without the gate bridges are left alone; without Open vSwitch those that are wanted are a problem', () => {
  fc.assert(fc.property(someBridges, fc.option(someBridges, { nil: undefined }), (wanted, have) => {
    expect(planNode(input(wanted, have, false))).toMatchObject({ bridgeSteps: [], problems: [], drain: { needed: false } });
    const plan = planNode(input(wanted, undefined));
    expect(plan.bridgeSteps).toEqual([]);
    expect(plan.problems.map(({ kind }) => kind)).toEqual(wanted.length === 0 ? [] : ['bridgesNotManaged']);
  }));
});

test('a plan says in words what becomes of bridges', () => {
  const lines = describePlan(planNode(input([bridge('br-b', 9000)], [bridge('br-a', undefined)])));
  expect(lines.slice(-2)).toEqual(['remove the Open vSwitch bridge br-a', 'make the Open vSwitch bridge br-b over br-b-uplink']);
  expect(lines.find((line) => line.startsWith('drain: '))).toContain('its bridge br-a is removed');
});
