import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DeviceSelectors, InterfaceStatus, NamedPolicy, NodePolicySpec } from '../../src/index.ts';
import { parseVfRange, renderDevicePluginConfig, renderNodeState } from '../../src/render/index.ts';
import { nic } from './fixtures.ts';

// Goal: what holds for every set of policies on every set of NICs, broken ones included.
// Method: fast-check draws few names and small numbers, so that policies collide often.

const NAMES = ['ens1f0', 'ens1f1', 'ens2f0'];
const interfaces: fc.Arbitrary<InterfaceStatus[]> = fc.subarray([0, 1, 2], { minLength: 0 }).map((indices) =>
  indices.map((index) =>
    nic({
      pciAddress: `0000:8${index}:00.0`, name: NAMES[index]!, altNames: [`alt${index}`],
      ...(index === 2 ? { vendor: '15b3', deviceID: '1017', totalvfs: 8 } : {}),
    }),
  ),
);

const pfName = fc.oneof(
  fc.constantFrom(...NAMES, 'alt0', 'alt1', 'nothing'),
  fc.tuple(fc.constantFrom(...NAMES, 'alt2'), fc.nat(9), fc.nat(9)).map(([name, first, last]) => `${name}#${first}-${last}`),
  fc.constantFrom('ens1f0#x-1', '#', ''),
);

function optional<Value>(key: keyof NodePolicySpec, value: fc.Arbitrary<Value>): fc.Arbitrary<Partial<NodePolicySpec>> {
  return fc.option(value, { nil: undefined }).map((drawn) => (drawn === undefined ? {} : { [key]: drawn }));
}

const policySpec: fc.Arbitrary<NodePolicySpec> = fc
  .tuple(
    fc.record({
      resourceName: fc.constantFrom('r1', 'r2', 'r3'),
      nodeSelector: fc.constant({}),
      numVfs: fc.nat(10),
      nicSelector: fc.record(
        { vendor: fc.constantFrom('8086', '15b3'), deviceID: fc.constantFrom('1592', '1017', 'ffff'), pfNames: fc.array(pfName, { maxLength: 3 }), rootDevices: fc.constant(['0000:80:00.0']) },
        { requiredKeys: [] },
      ),
    }),
    optional('priority', fc.constantFrom(10, 20, 99)),
    optional('mtu', fc.constantFrom(1500, 9000)),
    optional('eSwitchMode', fc.constantFrom('legacy', 'switchdev')),
    optional('deviceType', fc.constantFrom('netdevice', 'vfio-pci')),
    optional('bridge', fc.constant({ ovs: {} })),
  )
  .map((parts) => Object.assign({}, ...parts) as NodePolicySpec);

const policies: fc.Arbitrary<NamedPolicy[]> = fc.uniqueArray(fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd', 'default'), spec: policySpec }), { selector: (policy) => policy.name, maxLength: 5 });
const input = fc.record({ policies, interfaces, gates: fc.constantFrom({}, { manageSoftwareBridges: true }) });
const RUNS = { numRuns: 500 };

test('the order of policies and interfaces does not matter', () => {
  fc.assert(
    fc.property(input, fc.infiniteStream(fc.nat()), (drawn, order) => {
      const shuffled = <Item,>(items: readonly Item[]) => items.map((item) => ({ item, at: order.next().value })).sort((a, b) => a.at - b.at).map(({ item }) => item);
      const other = { ...drawn, policies: shuffled(drawn.policies), interfaces: shuffled(drawn.interfaces) };
      const first = renderNodeState(drawn);
      expect(renderNodeState(other)).toEqual(first);
      const spec = first.spec === undefined ? {} : { spec: first.spec };
      expect(renderDevicePluginConfig({ ...other, ...spec })).toEqual(renderDevicePluginConfig({ ...drawn, ...spec }));
    }),
    RUNS,
  );
});

test('no VF is in two groups, and every group lies within numVfs', () => {
  fc.assert(
    fc.property(input, (drawn) => {
      for (const entry of renderNodeState(drawn).spec?.interfaces ?? []) {
        const seen = new Set<number>();
        for (const group of entry.vfGroups ?? []) {
          const range = parseVfRange(group.vfRange!);
          if (!range.ok) throw new Error(range.error);
          expect(range.value.last).toBeLessThan(entry.numVfs!);
          for (let index = range.value.first; index <= range.value.last; index++) {
            expect(seen.has(index)).toBe(false);
            seen.add(index);
          }
        }
        expect(seen.size).toBeGreaterThan(0);
      }
    }),
    RUNS,
  );
});

test('a broken policy changes nothing for the others', () => {
  fc.assert(
    fc.property(input, fc.constantFrom('ens1f0#x-1', 'ens1f0#5-2', '', 'alt1#0-99'), (drawn, pfNameText) => {
      const broken: NamedPolicy = { name: 'zz', spec: { resourceName: 'r1', nodeSelector: {}, numVfs: 4, priority: 0, nicSelector: { pfNames: [pfNameText, 'ens1f0'] } } };
      const without = renderNodeState(drawn);
      const withBroken = renderNodeState({ ...drawn, policies: [...drawn.policies, broken] });
      expect(withBroken.spec).toEqual(without.spec);
      expect(withBroken.problems.filter((problem) => !('policy' in problem && problem.policy === 'zz'))).toEqual(without.problems);
      expect(withBroken.problems.some((problem) => 'policy' in problem && problem.policy === 'zz')).toBe(true);
    }),
    RUNS,
  );
});

test('rendering again over what was rendered changes nothing: the spec depends on policies and hardware only', () => {
  fc.assert(
    fc.property(input, (drawn) => {
      const first = renderNodeState(drawn);
      // Discovery after the spec was applied: VFs and modes have changed, identity has not.
      const applied = drawn.interfaces.map((entry) => {
        const wanted = first.spec?.interfaces?.find((other) => other.pciAddress === entry.pciAddress);
        return { ...entry, numVfs: wanted?.numVfs ?? 0, eSwitchMode: wanted?.eSwitchMode ?? 'legacy', mtu: wanted?.mtu ?? 1500 };
      });
      expect(renderNodeState({ ...drawn, interfaces: applied }).spec).toEqual(first.spec);
    }),
    RUNS,
  );
});

test('the device plugin hands every VF of a group to the resource of the group', () => {
  fc.assert(
    fc.property(input, (drawn) => {
      const { spec } = renderNodeState(drawn);
      if (spec === undefined) return;
      const { resourceList } = renderDevicePluginConfig({ ...drawn, spec });
      for (const entry of spec.interfaces ?? []) {
        const pf = drawn.interfaces.find((candidate) => candidate.pciAddress === entry.pciAddress)!;
        for (const group of entry.vfGroups ?? []) {
          for (const index of indices(group.vfRange!)) {
            const owner = resourceList.find((resource) => matches(resource.selectors as DeviceSelectors, pf, index));
            expect(owner?.resourceName).toBe(group.resourceName);
          }
        }
      }
    }),
    { numRuns: 2000 },
  );
});

/** What the SR-IOV device plugin's documentation says of selectors, for one VF. */
function matches(selectors: DeviceSelectors, pf: InterfaceStatus, index: number): boolean {
  const vfDeviceId = pf.vendor === '8086' ? '1889' : '1018';
  const names = (entries: readonly string[], own: string) =>
    entries.some((entry) => {
      const [name, ranges] = entry.split('#');
      return name === own && (ranges === undefined || ranges.split(',').flatMap(indices).includes(index));
    });
  return (
    (selectors.vendors?.includes(pf.vendor!) ?? true) &&
    (selectors.devices?.includes(vfDeviceId) ?? true) &&
    (selectors.pfNames === undefined || names(selectors.pfNames, pf.name!)) &&
    (selectors.rootDevices === undefined || names(selectors.rootDevices, pf.pciAddress))
  );
}

function indices(text: string): number[] {
  const range = parseVfRange(text);
  if (!range.ok) throw new Error(range.error);
  return Array.from({ length: range.value.last - range.value.first + 1 }, (_, offset) => range.value.first + offset);
}
