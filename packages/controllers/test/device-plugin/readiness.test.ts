// Goal: devices are held back exactly while the config daemon may be changing them. Method: one state for each case.
import { expect, test } from 'vitest';
import type { SriovNetworkNodeState } from '@vfleet/kube';
import { isBeingConfigured } from '../../src/device-plugin/readiness.ts';

function state(syncStatus: string | undefined, more: { readonly observed?: number; readonly empty?: boolean } = {}): SriovNetworkNodeState {
  const interfaces = more.empty === true ? [] : [{ pciAddress: '0000:81:00.0', numVfs: 2 }];
  const conditions = more.observed === undefined ? [] : [{ type: 'Ready', status: 'False', reason: 'x', observedGeneration: more.observed, lastTransitionTime: '2026-01-01T00:00:00Z' }];
  // What is left out is of no concern here.
  return { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodeState', metadata: { name: 'n', generation: 3 }, spec: { interfaces }, status: { ...(syncStatus === undefined ? {} : { syncStatus }), conditions } } as unknown as SriovNetworkNodeState;
}

test.each([
  ['no node state', undefined, false],
  ['succeeded for the newest spec', state('Succeeded', { observed: 3 }), false],
  ['succeeded for an older spec', state('Succeeded', { observed: 2 }), true],
  ['in progress', state('InProgress', { observed: 3 }), true],
  ['in progress under an empty spec', state('InProgress', { observed: 2, empty: true }), true],
  ['failed', state('Failed', { observed: 3 }), true],
  ['failed, and the spec has become empty in the middle of the next try', state('Failed', { observed: 2, empty: true }), true],
  ['failed for an empty spec', state('Failed', { observed: 3, empty: true }), false],
  ['no report yet', state(undefined), true],
  ['no report, and an empty spec', state(undefined, { empty: true }), false],
  ['succeeded under an older spec, and the new one is empty', state('Succeeded', { observed: 2, empty: true }), false],
] as const)('%s', (_, seen, expected) => {
  expect(isBeingConfigured(seen)).toBe(expected);
});
