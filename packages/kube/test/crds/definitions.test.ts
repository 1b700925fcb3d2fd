// Goal: the CustomResourceDefinitions are what an API server accepts, what the contract says, and accept existing manifests.
// Method: the rules of structural schemas (KEP-1693) checked over every node of every schema; names and columns compared with
// the contract; good and bad objects validated with a JSON schema validator.
import type { JsonSchema, KubeObject } from '@vfleet/core';
import { Ajv } from 'ajv';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { CustomResourceDefinition } from '../../src/index.ts';
import { customResourceDefinitions, networkAttachmentDefinitionCrd } from '../../src/index.ts';

const all = [...customResourceDefinitions(), networkAttachmentDefinitionCrd()];
const schemaOf = (definition: CustomResourceDefinition) => definition.spec.versions[0]!.schema.openAPIV3Schema;

/** What makes a schema not structural, or useless, with the path where. */
function structuralProblems(schema: JsonSchema, path: string): readonly string[] {
  const intOrString = schema['x-kubernetes-int-or-string'] === true;
  const problems = [
    ...(schema.type === undefined && !intOrString ? [`${path}: no type`] : []),
    ...(schema.properties !== undefined && schema.additionalProperties !== undefined ? [`${path}: properties and additionalProperties`] : []),
    ...(schema.type === 'array' && schema.items === undefined ? [`${path}: array of what`] : []),
    ...(!intOrString && (schema.anyOf ?? schema.oneOf ?? schema.allOf) !== undefined ? [`${path}: a junctor outside of int-or-string`] : []),
    ...(schema.required ?? []).filter((name) => schema.properties?.[name] === undefined).map((name) => `${path}: requires ${name}, which is not there`),
    ...(schema.required ?? []).filter((name) => schema.properties?.[name]?.default !== undefined).map((name) => `${path}: ${name} is required and has a default`),
  ];
  const inner = [
    ...Object.entries(schema.properties ?? {}).map(([name, property]) => [`${path}.${name}`, property] as const),
    ...(schema.items === undefined ? [] : [[`${path}[]`, schema.items] as const]),
    ...(typeof schema.additionalProperties === 'object' ? [[`${path}.*`, schema.additionalProperties] as const] : []),
  ];
  return [...problems, ...inner.flatMap(([where, one]) => structuralProblems(one, where))];
}

test.each(all)('$metadata.name has a structural schema', (definition) => {
  expect(structuralProblems(schemaOf(definition), definition.spec.names.kind)).toEqual([]);
});

test('the structural rules find what breaks them', () => {
  const broken: JsonSchema = { type: 'object', properties: { a: {}, b: { type: 'array' }, c: { type: 'string', anyOf: [{ type: 'string' }] }, d: { type: 'string', default: 'x' } }, additionalProperties: true, required: ['d', 'e'] };
  expect(structuralProblems(broken, 'X')).toEqual(['X: properties and additionalProperties', 'X: requires e, which is not there', 'X: d is required and has a default', 'X.a: no type', 'X.b: array of what', 'X.c: a junctor outside of int-or-string']);
});

test('names, columns and subresources are those of the contract', () => {
  const summary = Object.fromEntries(all.map(({ metadata, spec: { scope, names, versions } }) => {
    const { subresources, additionalPrinterColumns = [] } = versions[0]!;
    const columns = additionalPrinterColumns.filter(({ priority = 0 }) => priority === 0).map(({ name }) => name).join(', ');
    return [metadata.name, `${scope} ${names.singular} ${names.kind} ${names.listKind} ${names.shortNames?.join() ?? '-'} [${columns}] ${subresources?.status === undefined ? '-' : 'status'}`];
  }));
  expect(summary).toEqual({
    'sriovnetworks.sriovnetwork.openshift.io': 'Namespaced sriovnetwork SriovNetwork SriovNetworkList - [Ready, Age] status',
    'sriovibnetworks.sriovnetwork.openshift.io': 'Namespaced sriovibnetwork SriovIBNetwork SriovIBNetworkList - [Ready, Age] status',
    'ovsnetworks.sriovnetwork.openshift.io': 'Namespaced ovsnetwork OVSNetwork OVSNetworkList - [Ready, Age] status',
    'sriovnetworknodepolicies.sriovnetwork.openshift.io': 'Namespaced sriovnetworknodepolicy SriovNetworkNodePolicy SriovNetworkNodePolicyList - [Age] status',
    'sriovnetworknodestates.sriovnetwork.openshift.io': 'Namespaced sriovnetworknodestate SriovNetworkNodeState SriovNetworkNodeStateList - [Sync Status, Desired Sync State, Current Sync State, Age] status',
    'sriovnetworkpoolconfigs.sriovnetwork.openshift.io': 'Namespaced sriovnetworkpoolconfig SriovNetworkPoolConfig SriovNetworkPoolConfigList - [Age] status',
    'sriovoperatorconfigs.sriovnetwork.openshift.io': 'Namespaced sriovoperatorconfig SriovOperatorConfig SriovOperatorConfigList - [Ready, Age] status',
    'network-attachment-definitions.k8s.cni.cncf.io': 'Namespaced network-attachment-definition NetworkAttachmentDefinition NetworkAttachmentDefinitionList net-attach-def [] -',
  });
});

const ajv = new Ajv({ strict: false, allErrors: true, formats: { int64: true, 'date-time': true } });
const validators = new Map(all.map((definition) => [definition.spec.names.kind, ajv.compile(schemaOf(definition))]));

function accepts(kind: string, spec: unknown, status?: unknown): boolean {
  return validators.get(kind)!({ apiVersion: 'x/v1', kind, metadata: {}, ...(spec === undefined ? {} : { spec }), ...(status === undefined ? {} : { status }) });
}

describe('objects', () => {
  const policy = { resourceName: 'a', nodeSelector: {}, numVfs: 4, nicSelector: {} };

  test.each([
    ['SriovNetworkNodePolicy', policy],
    ['SriovNetworkNodePolicy', { ...policy, priority: 0, linkType: 'IB', vdpaType: 'vhost', bridge: { ovs: { uplink: { interface: { options: { a: 'b' } } } } } }],
    ['SriovNetwork', { resourceName: 'a', vlanProto: '802.1AD', vlan: 4094, minTxRate: 0, spoofChk: 'off', logLevel: '' }],
    ['SriovIBNetwork', { resourceName: 'a', linkState: 'auto' }],
    ['OVSNetwork', { resourceName: 'a', vlan: 4095, trunk: [{ id: 1 }, { minID: 2, maxID: 4095 }] }],
    ['SriovNetworkPoolConfig', { maxUnavailable: '50%', nodeSelector: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } }],
    ['SriovNetworkPoolConfig', { maxUnavailable: 2 }],
    ['SriovNetworkPoolConfig', undefined],
    ['SriovOperatorConfig', { disablePlugins: ['mellanox'], featureGates: { anything: true }, logLevel: 2, configurationMode: 'systemd' }],
    ['SriovOperatorConfig', undefined],
    ['SriovNetworkNodeState', { interfaces: [{ pciAddress: '0000:3b:00.0', vfGroups: [{ vfRange: '0-3' }] }], system: { rdmaMode: 'shared' } }],
    ['NetworkAttachmentDefinition', undefined],
    ['NetworkAttachmentDefinition', { config: '{}' }],
  ])('%s %j is accepted', (kind, spec) => {
    expect(accepts(kind, spec)).toBe(true);
  });

  test.each([
    ['SriovNetworkNodePolicy', undefined],
    ['SriovNetworkNodePolicy', { ...policy, numVfs: -1 }],
    ['SriovNetworkNodePolicy', { ...policy, numVfs: '4' }],
    ['SriovNetworkNodePolicy', { ...policy, priority: 100 }],
    ['SriovNetworkNodePolicy', { ...policy, mtu: 0 }],
    ['SriovNetworkNodePolicy', { ...policy, deviceType: 'uio' }],
    ['SriovNetworkNodePolicy', { ...policy, eSwitchMode: 'Switchdev' }],
    ['SriovNetworkNodePolicy', { resourceName: 'a', numVfs: 1, nicSelector: {} }],
    ['SriovNetwork', {}],
    ['SriovNetwork', { resourceName: 'a', vlan: 4095 }],
    ['SriovNetwork', { resourceName: 'a', trust: true }],
    ['SriovNetwork', { resourceName: 'a', vlanQoS: 8 }],
    ['OVSNetwork', { resourceName: 'a', trunk: [{ id: 4096 }] }],
    ['SriovNetworkPoolConfig', { maxUnavailable: true }],
    ['SriovOperatorConfig', { disablePlugins: ['intel'] }],
    ['SriovOperatorConfig', { logLevel: 3 }],
    ['SriovNetworkNodeState', { interfaces: [{ name: 'ens1' }] }],
    ['NetworkAttachmentDefinition', { config: {} }],
  ])('%s %j is refused', (kind, spec) => {
    expect(accepts(kind, spec)).toBe(false);
  });

  test('a node state status with the casing that tools rely on', () => {
    const status = { interfaces: [{ pciAddress: '0000:3b:00.0', totalvfs: 64, Vfs: [{ pciAddress: '0000:3b:02.0', vfID: 0, Vlan: 5 }] }], syncStatus: 'Succeeded' };
    expect(accepts('SriovNetworkNodeState', {}, status)).toBe(true);
    const properties = schemaOf(all.find(({ spec }) => spec.names.kind === 'SriovNetworkNodeState')!).properties!['status']!.properties!['interfaces']!.items!.properties!;
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(['totalvfs', 'Vfs', 'altNames', 'linkAdminState']));
  });

  test('every manifest of ours under examples/ is accepted', () => {
    const folder = join(import.meta.dirname, '../../../../examples');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.yaml'));
    const objects = files.flatMap((path) => parseAllDocuments(readFileSync(join(folder, path), 'utf8')).map((document) => document.toJS() as KubeObject | null));
    const ours = objects.filter((object) => object !== null && validators.has(object.kind));
    expect(ours.length).toBeGreaterThan(2);
    for (const object of ours) expect(validators.get(object!.kind)!(object), object!.metadata.name).toBe(true);
  });
});
