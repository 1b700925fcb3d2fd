import { expect, test } from 'vitest';
import type { PoolConfigSpec } from '../../src/index.ts';
import { reviewNetwork, reviewOperatorConfig, reviewPoolConfig } from '../../src/index.ts';

// Goal: pools, networks and operator configurations are refused or warned of as existing users know it.
// Method: tables of codes.

const codes = (findings: readonly { readonly code: string }[]) => findings.map((finding) => finding.code);

test.each<[PoolConfigSpec, string[]]>([
  [{}, []],
  [{ maxUnavailable: '50%', nodeSelector: {} }, []],
  [{ ovsHardwareOffloadConfig: { name: 'x' } }, []],
  [{ ovsHardwareOffloadConfig: { name: 'x' }, maxUnavailable: 1 }, ['offloadPool']],
  [{ ovsHardwareOffloadConfig: { name: 'x' }, nodeSelector: {} }, ['offloadPool']],
  [{ maxUnavailable: -1 }, ['maxUnavailable']],
  [{ maxUnavailable: '0%' }, ['maxUnavailable']],
  [{ maxUnavailable: 'some' }, ['maxUnavailable']],
  [{ nodeSelector: { matchExpressions: [{ key: 'a', operator: 'Near' }] } }, ['nodeSelector']],
])('pool %j: %j', (spec, expected) => expect(codes(reviewPoolConfig(spec).rejections)).toEqual(expected));

test.each<[string, Record<string, string>, string[]]>([
  ['ns', {}, []],
  ['ns', { networkNamespace: 'b' }, []],
  ['a', {}, []],
  ['a', { networkNamespace: 'b' }, ['networkNamespace']],
  ['a', { networkNamespace: 'a' }, ['networkNamespace']],
  ['ns', { ipam: '{' }, ['networkJson']],
  ['ns', { metaPlugins: '[]' }, ['networkJson']],
  ['ns', { resourceName: '' }, ['resourceName']],
])('network in %s with %j: %j', (namespace, spec, expected) => {
  expect(codes(reviewNetwork({ kind: 'SriovNetwork', namespace, name: 'n', spec: { resourceName: 'r', ...spec } }, { operatorNamespace: 'ns' }).rejections)).toEqual(expected);
});

const config = (spec: object, more: object = {}, name = 'default', namespace = 'ns') =>
  reviewOperatorConfig({ name, namespace, spec }, { operatorNamespace: 'ns', nodesInProgress: [], ...more });

test('operator configurations', () => {
  expect(config({})).toEqual({ rejections: [], warnings: [] });
  expect(codes(config({}, {}, 'other').rejections)).toEqual(['configName']);
  expect(codes(config({}, {}, 'default', 'elsewhere').rejections)).toEqual(['configName']);
  expect(codes(config({ disableDrain: true }).warnings)).toEqual(['drainDisabled']);
  const busy = { old: { disableDrain: false }, nodesInProgress: ['w1'] };
  expect(codes(config({ disableDrain: true }, busy).rejections)).toEqual(['drainDisabledInProgress']);
  expect(config({ disableDrain: true }, { ...busy, old: { disableDrain: true } }).rejections).toEqual([]);
  expect(config({ disableDrain: true }, { ...busy, nodesInProgress: [] }).rejections).toEqual([]);
  expect(config({ disableDrain: false }, { ...busy, old: { disableDrain: true } }).rejections).toEqual([]);
  for (const configurationMode of ['systemd', 'daemon'] as const) expect(codes(config({ configurationMode }).warnings)).toEqual([]);
  expect(codes(config({ featureGates: { parallelNicConfig: true, warpDrive: true } }).warnings)).toEqual(['unknownFeatureGate']);
});
