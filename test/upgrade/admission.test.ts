// Goal: what the Go operator's webhook lets pass, ours does, but for mistakes that it does not see; and what is stored stays writable. Method: its webhook
// was asked about objects of every kind (recording/admission.json), ours is asked the same about the same cluster.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { AdmissionNode, JsonValue, NamedPolicy } from '@vfleet/core';
import { GROUP } from '@vfleet/core';
import { validateCustomResource } from '@vfleet/controllers/admission/custom-resources.ts';
import type { FleetFacts } from '@vfleet/controllers/admission/custom-resources.ts';
import type { AdmissionRequest } from '@vfleet/controllers/admission/review.ts';
import { NAMESPACE } from '../operator/harness.ts';

type Stored = { readonly [field: string]: JsonValue } & { readonly kind: string; readonly metadata: { readonly namespace: string; readonly name: string } };
interface Recorded {
  readonly nodes: readonly AdmissionNode[];
  readonly policies: readonly NamedPolicy[];
  readonly cases: readonly { readonly title: string; readonly operation: AdmissionRequest['operation']; readonly object?: Stored; readonly oldObject?: Stored; readonly allowed: boolean; readonly warned: boolean }[];
}

const recorded = JSON.parse(readFileSync(join(import.meta.dirname, 'recording/admission.json'), 'utf8')) as Recorded;
const facts: FleetFacts = { operatorNamespace: NAMESPACE, nodes: () => recorded.nodes, policies: () => recorded.policies, supportedNics: () => [], nodesInProgress: () => ['w2'], devMode: false };

const [REFUSED, PASSED, WARNED, SILENT] = ['refused', 'passed', 'warned', 'silent'] as const;
/** By title: what ours does otherwise. docs/upgrade.md tells it. */
const OTHERWISE: Readonly<Record<string, string>> = {
  'default': WARNED, 'config gate': WARNED, 'other namespace DELETE': SILENT, 'pool delete': PASSED,
  // No PF has the network.
  'netFilter other': REFUSED,
  // VFs of another policy of the same nodes, by whatever selector.
  'device only': REFUSED, 'vdpa mlx': REFUSED, 'mlx 100': REFUSED, 'bare name overlaps': REFUSED, 'vendor overlaps': REFUSED, 'pf of root': REFUSED,
  // What could not be rendered.
  'pool bad selector': REFUSED, 'SriovNetwork bad json': REFUSED, 'SriovIBNetwork bad json': REFUSED, 'OVSNetwork bad json': REFUSED,
};

function ask(operation: AdmissionRequest['operation'], object: Stored | undefined, oldObject: Stored | undefined) {
  const { kind, metadata: { namespace, name } } = (object ?? oldObject)!;
  const answer = validateCustomResource({ uid: 'asked', group: GROUP, kind, namespace, name, operation, ...(object === undefined ? {} : { object }), ...(oldObject === undefined ? {} : { oldObject }) }, facts);
  return { allowed: answer.allowed, warned: answer.warnings.length > 0 };
}

test('ours answers as the Go operator\'s webhook, but for what is told', () => {
  const otherwise: Record<string, string> = {};
  for (const { title, operation, object, oldObject, allowed, warned } of recorded.cases) {
    const ours = ask(operation, object, oldObject);
    if (ours.allowed !== allowed) otherwise[title] = ours.allowed ? PASSED : REFUSED;
    else if (ours.warned !== warned) otherwise[title] = ours.warned ? WARNED : SILENT;
  }
  expect(otherwise).toEqual(OTHERWISE);
});

test('what ours would refuse and the Go operator let pass may be written again as it is, with a warning', () => {
  const stored = recorded.cases.filter(({ title, allowed, object }) => allowed && OTHERWISE[title] === REFUSED && object !== undefined);
  expect(stored.length).toBeGreaterThan(5);
  for (const { title, object } of stored) {
    const relabelled = { ...object!, metadata: { ...object!.metadata, labels: { a: 'b' } } };
    expect([title, ask('UPDATE', relabelled, object)]).toEqual([title, { allowed: true, warned: true }]);
    const changed = { ...object!, spec: { ...(object!['spec'] as object), mtu: 1400, vlan: 7, maxUnavailable: 1 } } as Stored;
    expect([title, ask('UPDATE', changed, object).allowed]).toEqual([title, false]);
  }
});
