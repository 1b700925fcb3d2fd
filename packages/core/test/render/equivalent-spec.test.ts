// Goal: a spec that says the same in the Go operator's writing is no other spec, and one that says something else is. Method: the writing by hand;
// drawn specs against themselves, reordered and with zeros spelled out, and against a change.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NodeStateSpec } from '@vfleet/core';
import { areEquivalentSpecs } from '@vfleet/core';

const rendered: NodeStateSpec = {
  interfaces: [
    { pciAddress: '0000:3b:00.0', numVfs: 4, name: 'ens1f0', vfGroups: [{ resourceName: 'fast', deviceType: 'netdevice', vfRange: '0-3', policyName: 'fast' }] },
    { pciAddress: '0000:3b:00.1', numVfs: 2, name: 'ens1f1', vfGroups: [{ resourceName: 'fast', deviceType: 'netdevice', vfRange: '0-1', policyName: 'fast' }] },
  ],
};

describe('the Go operator\'s writing', () => {
  test('empty bridges and system, zeros and another order say the same', () => {
    const [first, second] = rendered.interfaces!;
    const zeros = { ...first!, mtu: 0, linkType: '', eSwitchMode: '', externallyManaged: false, vfGroups: first!.vfGroups!.map((group) => ({ ...group, mtu: 0, isRdma: false, vdpaType: '' })) };
    expect(areEquivalentSpecs({ interfaces: [second!, zeros], bridges: {}, system: {} }, rendered)).toBe(true);
  });

  test.each<readonly [string, NodeStateSpec]>([
    ['nothing was rendered yet', { bridges: {}, system: {} }],
    ['a PF less', { interfaces: rendered.interfaces!.slice(1) }],
    ['an RDMA mode', { ...rendered, system: { rdmaMode: 'exclusive' } }],
    ['a bridge', { ...rendered, bridges: { ovs: [{ name: 'br-0000_3b_00.0' }] } }],
    ['groups in another order, of which the first wins', { interfaces: rendered.interfaces!.map((entry) => ({ ...entry, vfGroups: [...entry.vfGroups!, { resourceName: 'other' }] })) }],
  ])('%s is another', (_, stored) => {
    expect(areEquivalentSpecs(stored, rendered)).toBe(false);
  });

  test('an empty text in a bridge\'s map is a value', () => {
    const bridge = (otherConfig: Record<string, string>): NodeStateSpec => ({ interfaces: [], bridges: { ovs: [{ name: 'br', bridge: { otherConfig } }] } });
    expect(areEquivalentSpecs(bridge({ 'hw-offload': '' }), bridge({}))).toBe(false);
    expect(areEquivalentSpecs(bridge({}), { interfaces: [], bridges: { ovs: [{ name: 'br' }] } })).toBe(true);
  });
});

const entries = fc.uniqueArray(fc.record({ pciAddress: fc.integer({ min: 0, max: 15 }).map((bus) => `0000:0${bus.toString(16)}:00.0`), numVfs: fc.nat(3), mtu: fc.nat(2), eSwitchMode: fc.constantFrom('', 'legacy', 'switchdev') }), { selector: ({ pciAddress }) => pciAddress, maxLength: 4 });

test('drawn specs equal themselves in every order, and no spec with another number of VFs', () => {
  fc.assert(fc.property(entries, (interfaces) => areEquivalentSpecs({ interfaces: interfaces.toReversed(), bridges: {}, system: {} }, { interfaces })), { numRuns: 200 });
  fc.assert(fc.property(entries, fc.nat(3), (interfaces, at) => {
    fc.pre(interfaces.length > 0);
    const changed = interfaces.map((entry, index) => (index === at % interfaces.length ? { ...entry, numVfs: entry.numVfs + 1 } : entry));
    return !areEquivalentSpecs({ interfaces: changed }, { interfaces });
  }), { numRuns: 200 });
});
