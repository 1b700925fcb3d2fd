import { describe, expect, test } from 'vitest';
import type { KubeObject, NetworkKind, ObjectKey, Resource, SriovNetworkSpec } from '@vfleet/core';
import { GROUP, KubeError, finalizers, networkAnnotations, networkAttachmentAnnotations } from '@vfleet/core';
import type { NetworkAttachmentDefinition, SriovNetwork } from '@vfleet/kube';
import { namespaces, networkAttachmentDefinitions, ovsNetworks, sriovIbNetworks, sriovNetworks } from '@vfleet/kube';
import type { Kube } from '@vfleet/core';
import { NAMESPACE, eventsOf, find, world } from './harness.ts';

// Goal: every network has its NetworkAttachmentDefinition in the right place, nobody else's is touched, and nothing is left behind.
// Method: the whole operator against an in-process API server under simulated time.

async function ready(more: Parameters<typeof world>[0] = {}) {
  const all = await world(more);
  for (const name of ['a', 'b']) await all.kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  const operator = all.begin('a');
  await all.clock.run(2000);
  all.writesSince();
  return { ...all, operator };
}

function addNetwork(kube: Kube, name: string, spec: Partial<SriovNetworkSpec> = {}, namespace = NAMESPACE): Promise<SriovNetwork> {
  return kube.create(sriovNetworks, { apiVersion: `${GROUP}/v1`, kind: 'SriovNetwork', metadata: { name, namespace }, spec: { resourceName: 'r', ...spec } });
}

const attachment = (kube: Kube, namespace: string, name: string) => find(kube, networkAttachmentDefinitions, { namespace, name });

async function condition(kube: Kube, key: ObjectKey, resource: Resource = sriovNetworks) {
  const network = (await kube.get(resource, key)) as KubeObject & Pick<SriovNetwork, 'status'>;
  return network.status?.conditions?.[0];
}

test('a network is rendered into its namespace, claimed, and Ready', async () => {
  const { kube, clock, operator, writesSince, bugs } = await ready();
  await addNetwork(kube, 'n', { networkNamespace: 'a', ipam: '{"type":"host-local"}' });
  await clock.run(2000);
  const made = await attachment(kube, 'a', 'n');
  expect(JSON.parse(made?.spec?.config ?? '')).toMatchObject({ cniVersion: '1.0.0', name: 'n', type: 'sriov', ipam: { type: 'host-local' } });
  expect(made?.metadata.annotations).toEqual({
    [networkAttachmentAnnotations.resourceName]: 'openshift.io/r',
    [networkAttachmentAnnotations.ownerRef]: `SriovNetwork.${GROUP}/${NAMESPACE}/n`,
  });
  expect(made?.metadata.ownerReferences).toBeUndefined();
  const network = await kube.get(sriovNetworks, { namespace: NAMESPACE, name: 'n' });
  expect(network.metadata.finalizers).toEqual([finalizers.network]);
  expect(network.metadata.annotations).toEqual({ [networkAnnotations.lastNetworkNamespace]: 'a' });
  expect(network.status?.conditions).toMatchObject([{ type: 'Ready', status: 'True', reason: 'NetworkReady', observedGeneration: 1 }]);
  expect(writesSince()).toEqual({ 'patch sriovnetworks': 1, 'create network-attachment-definitions': 1, 'patch sriovnetworks/status': 1 });
  expect(await eventsOf(kube, 'NetworkAttachmentDefinitionCreated')).toMatchObject([{ type: 'Normal', involvedObject: { kind: 'SriovNetwork', name: 'n' } }]);
  await clock.run(3_600_000);
  expect(writesSince()).toEqual({});
  await operator.stop();
  expect(bugs).toEqual([]);
});

test('all three kinds', async () => {
  const { kube, clock, operator } = await ready();
  const make = <Kind extends NetworkKind>(kind: Kind, name: string) => ({ apiVersion: `${GROUP}/v1` as const, kind, metadata: { name, namespace: NAMESPACE }, spec: { resourceName: 'r' } });
  await kube.create(sriovIbNetworks, make('SriovIBNetwork', 'ib'));
  await kube.create(ovsNetworks, make('OVSNetwork', 'ovs'));
  await clock.run(2000);
  expect((await attachment(kube, NAMESPACE, 'ib'))?.spec?.config).toContain('"ib-sriov"');
  expect((await attachment(kube, NAMESPACE, 'ovs'))?.spec?.config).toContain('"ovs"');
  expect(await condition(kube, { namespace: NAMESPACE, name: 'ib' }, sriovIbNetworks)).toMatchObject({ status: 'True' });
  await operator.stop();
});

describe('namespaces', () => {
  test('a missing one is waited for', async () => {
    const { kube, clock, operator } = await ready();
    await addNetwork(kube, 'n', { networkNamespace: 'later' });
    await clock.run(2000);
    expect(await condition(kube, { namespace: NAMESPACE, name: 'n' })).toMatchObject({ status: 'False', reason: 'NamespaceNotFound' });
    await kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'later' } });
    await clock.run(2000);
    expect(await attachment(kube, 'later', 'n')).toBeDefined();
    expect(await condition(kube, { namespace: NAMESPACE, name: 'n' })).toMatchObject({ status: 'True' });
    await operator.stop();
  });

  test('a change moves the attachment', async () => {
    const { kube, clock, operator } = await ready();
    await addNetwork(kube, 'n', { networkNamespace: 'a' });
    await clock.run(2000);
    await kube.patch(sriovNetworks, { namespace: NAMESPACE, name: 'n' }, { type: 'merge', patch: { spec: { networkNamespace: 'b' } } });
    await clock.run(2000);
    expect(await attachment(kube, 'a', 'n')).toBeUndefined();
    expect(await attachment(kube, 'b', 'n')).toBeDefined();
    expect((await kube.get(sriovNetworks, { namespace: NAMESPACE, name: 'n' })).metadata.annotations).toEqual({ [networkAnnotations.lastNetworkNamespace]: 'b' });
    await operator.stop();
  });

  test('a network of a user serves its own namespace only, and owns by reference', async () => {
    const { kube, clock, operator } = await ready();
    const network = await addNetwork(kube, 'own', {}, 'a');
    await addNetwork(kube, 'other', { networkNamespace: 'b' }, 'a');
    await clock.run(2000);
    expect((await attachment(kube, 'a', 'own'))?.metadata.ownerReferences).toMatchObject([{ kind: 'SriovNetwork', name: 'own', uid: network.metadata.uid }]);
    expect((await kube.get(sriovNetworks, { namespace: 'a', name: 'own' })).metadata.finalizers).toBeUndefined();
    expect(await attachment(kube, 'b', 'other')).toBeUndefined();
    expect(await condition(kube, { namespace: 'a', name: 'other' })).toMatchObject({ status: 'False', reason: 'NetworkAttachmentDefinitionInvalid', message: expect.stringContaining('own namespace') });
    await operator.stop();
  });
});

describe('ownership', () => {
  const foreign = (annotations: Record<string, string>): NetworkAttachmentDefinition => ({
    apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition', metadata: { namespace: 'a', name: 'n', annotations }, spec: { config: '{"type":"macvlan"}' },
  });

  test('one without an owner is adopted, and what users wrote on it stays', async () => {
    const { kube, clock, operator } = await ready();
    await kube.create(networkAttachmentDefinitions, foreign({ team: 'x' }));
    await addNetwork(kube, 'n', { networkNamespace: 'a' });
    await clock.run(2000);
    const adopted = await attachment(kube, 'a', 'n');
    expect(adopted?.metadata.annotations).toMatchObject({ team: 'x', [networkAttachmentAnnotations.ownerRef]: expect.stringContaining('/n') });
    expect(adopted?.spec?.config).toContain('"sriov"');
    expect(await eventsOf(kube, 'NetworkAttachmentDefinitionAdopted')).toHaveLength(1);
    await operator.stop();
  });

  test('one of another owner is never touched', async () => {
    const { kube, clock, operator, writesSince } = await ready();
    await kube.create(networkAttachmentDefinitions, foreign({ [networkAttachmentAnnotations.ownerRef]: 'Other.example.com/x/y' }));
    await addNetwork(kube, 'n', { networkNamespace: 'a' });
    await clock.run(2000);
    expect((await attachment(kube, 'a', 'n'))?.spec?.config).toBe('{"type":"macvlan"}');
    expect(await condition(kube, { namespace: NAMESPACE, name: 'n' })).toMatchObject({ status: 'False', reason: 'NetworkAttachmentDefinitionInvalid', message: expect.stringContaining('Other.example.com/x/y') });
    await kube.delete(sriovNetworks, { namespace: NAMESPACE, name: 'n' });
    await clock.run(2000);
    expect(await attachment(kube, 'a', 'n')).toBeDefined();
    expect(writesSince()).not.toHaveProperty('delete network-attachment-definitions');
    await operator.stop();
  });

  test('two networks that want one name: the first has it, the second gets it when the first goes', async () => {
    const { kube, clock, operator } = await ready();
    await addNetwork(kube, 'n', { networkNamespace: 'a' });
    await clock.run(2000);
    await addNetwork(kube, 'n', {}, 'a');
    await clock.run(2000);
    expect(await condition(kube, { namespace: 'a', name: 'n' })).toMatchObject({ status: 'False', reason: 'NetworkAttachmentDefinitionInvalid' });
    await kube.delete(sriovNetworks, { namespace: NAMESPACE, name: 'n' });
    await clock.run(2000);
    expect((await attachment(kube, 'a', 'n'))?.metadata.annotations?.[networkAttachmentAnnotations.ownerRef]).toContain('/a/n');
    expect(await condition(kube, { namespace: 'a', name: 'n' })).toMatchObject({ status: 'True' });
    await operator.stop();
  });
});

test('invalid user JSON is a condition with the place, and the attachment stays as it was', async () => {
  const { kube, clock, operator } = await ready();
  await addNetwork(kube, 'n', { ipam: '{"type":"static"}' });
  await clock.run(2000);
  const before = await attachment(kube, NAMESPACE, 'n');
  await kube.patch(sriovNetworks, { namespace: NAMESPACE, name: 'n' }, { type: 'merge', patch: { spec: { ipam: '{"type": static}' } } });
  await clock.run(2000);
  expect(await attachment(kube, NAMESPACE, 'n')).toEqual(before);
  expect(await condition(kube, { namespace: NAMESPACE, name: 'n' })).toMatchObject({ status: 'False', reason: 'NetworkAttachmentDefinitionInvalid', observedGeneration: 2, message: expect.stringContaining('line 1, column 10') });
  expect(await eventsOf(kube, 'NetworkAttachmentDefinitionInvalid')).toMatchObject([{ type: 'Warning' }]);
  await operator.stop();
});

test('a deleted network leaves nothing, even when the operator was away', async () => {
  const { kube, clock, operator, begin } = await ready();
  await addNetwork(kube, 'n', { networkNamespace: 'a' });
  await clock.run(2000);
  await operator.stop();
  await kube.delete(sriovNetworks, { namespace: NAMESPACE, name: 'n' });
  expect(await attachment(kube, 'a', 'n')).toBeDefined();
  const next = begin('b');
  await clock.run(2000);
  expect(await attachment(kube, 'a', 'n')).toBeUndefined();
  expect(await find(kube, sriovNetworks, { namespace: NAMESPACE, name: 'n' })).toBeUndefined();
  await next.stop();
});

test('somebody who deletes or edits the attachment is put right; another writing of it is no difference', async () => {
  const { kube, clock, operator, writesSince } = await ready();
  await addNetwork(kube, 'n');
  await clock.run(2000);
  const key = { namespace: NAMESPACE, name: 'n' };
  await kube.delete(networkAttachmentDefinitions, key);
  await clock.run(2000);
  const made = await attachment(kube, NAMESPACE, 'n');
  await kube.patch(networkAttachmentDefinitions, key, { type: 'merge', patch: { spec: { config: '{}' } } });
  await clock.run(2000);
  expect((await attachment(kube, NAMESPACE, 'n'))?.spec).toEqual(made?.spec);
  writesSince();
  await kube.patch(networkAttachmentDefinitions, key, { type: 'merge', patch: { spec: { config: JSON.stringify(JSON.parse(made!.spec!.config!), undefined, 2) } } });
  await clock.run(2000);
  expect(writesSince()).toEqual({});
  await operator.stop();
});

test('a refused creation is a condition, and is tried again', async () => {
  const { kube, clock, operator, recorder } = await ready();
  recorder.refuse = (write) => (write.verb === 'create' && write.plural === 'network-attachment-definitions' ? new KubeError('Forbidden', 403, 'quota exceeded') : undefined);
  await addNetwork(kube, 'n');
  await clock.run(2000);
  expect(await condition(kube, { namespace: NAMESPACE, name: 'n' })).toMatchObject({ status: 'False', reason: 'NetworkAttachmentDefinitionNotFound', message: expect.stringContaining('quota exceeded') });
  recorder.refuse = undefined;
  await clock.run(120_000);
  expect(await condition(kube, { namespace: NAMESPACE, name: 'n' })).toMatchObject({ status: 'True' });
  await operator.stop();
});
