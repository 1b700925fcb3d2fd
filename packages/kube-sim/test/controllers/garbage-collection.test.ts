/**
 * Goal: what nobody owns goes, what is owned stays, and each propagation policy does what the API promises. Method: ConfigMaps as owners
 * and dependents in a cluster in process; a drawn forest compared with the rule "an object lives while an owner lives".
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeleteOptions, OwnerReference } from '@vfleet/core';
import type { ConfigMap } from '@vfleet/kube';
import { configMapResource, nodes } from '@vfleet/kube';
import type { Rig } from '../kubelet/harness.ts';
import { rig } from '../kubelet/harness.ts';

const make = (one: Rig, name: string, owners: readonly ConfigMap[] = [], more: { readonly block?: boolean; readonly finalizers?: readonly string[] } = {}) => one.cluster.kube.create(configMapResource, {
  apiVersion: 'v1', kind: 'ConfigMap',
  metadata: {
    name, namespace: 'default', ...(more.finalizers !== undefined && { finalizers: more.finalizers }),
    ...(owners.length > 0 && { ownerReferences: owners.map(({ metadata }): OwnerReference => ({ apiVersion: 'v1', kind: 'ConfigMap', name: metadata.name, uid: metadata.uid!, ...(more.block !== undefined && { blockOwnerDeletion: more.block }) })) }),
  },
});
const drop = (one: Rig, name: string, options: DeleteOptions = {}) => one.cluster.kube.delete(configMapResource, { namespace: 'default', name }, options);
const left = async (one: Rig) => (await one.cluster.kube.list(configMapResource, { namespace: 'default' })).items.map(({ metadata }) => metadata.name);
const release = (one: Rig, name: string) => one.cluster.kube.patch(configMapResource, { namespace: 'default', name }, { type: 'merge', patch: { metadata: { finalizers: null } } });

describe('the garbage collector', () => {
  it('deletes dependents after their owner, through generations', async () => {
    const one = await rig([]);
    const top = await make(one, 'top');
    const middle = await make(one, 'middle', [top]);
    await make(one, 'leaf', [middle]);
    await make(one, 'other');
    await drop(one, 'top');
    await one.run(1000);
    expect(await left(one)).toEqual(['other']);
  });

  it('keeps what has another owner, without the reference to the one that went', async () => {
    const one = await rig([]);
    const [a, b] = [await make(one, 'a'), await make(one, 'b')];
    await make(one, 'shared', [a, b]);
    await drop(one, 'a');
    await one.run(1000);
    const shared = await one.cluster.kube.get(configMapResource, { namespace: 'default', name: 'shared' });
    expect(shared.metadata.ownerReferences?.map(({ name }) => name)).toEqual(['b']);
  });

  it('deletes the owner last in the foreground, and waits for dependents that block', async () => {
    const one = await rig([]);
    const owner = await make(one, 'owner');
    await make(one, 'blocking', [owner], { block: true, finalizers: ['example.com/wait'] });
    await make(one, 'free', [owner], { block: false, finalizers: ['example.com/wait'] });
    await drop(one, 'owner', { propagationPolicy: 'Foreground' });
    await one.run(1000);
    const waiting = await one.cluster.kube.get(configMapResource, { namespace: 'default', name: 'owner' });
    expect(waiting.metadata.finalizers).toEqual(['foregroundDeletion']);
    expect((await one.cluster.kube.get(configMapResource, { namespace: 'default', name: 'blocking' })).metadata.deletionTimestamp).toBeDefined();
    await release(one, 'blocking');
    await one.run(1000);
    expect(await left(one)).toEqual(['free']);
    await release(one, 'free');
    await one.run(1000);
    expect(await left(one)).toEqual([]);
  });

  it('lets dependents go when the owner is deleted as an orphanage', async () => {
    const one = await rig([]);
    const owner = await make(one, 'owner');
    await make(one, 'child', [owner]);
    await drop(one, 'owner', { propagationPolicy: 'Orphan' });
    await one.run(1000);
    expect(await left(one)).toEqual(['child']);
    expect((await one.cluster.kube.get(configMapResource, { namespace: 'default', name: 'child' })).metadata.ownerReferences ?? []).toEqual([]);
  });

  it('deletes what is created for an owner that is gone, or that lives in another namespace', async () => {
    const one = await rig([]);
    const ghost = await make(one, 'ghost');
    await drop(one, 'ghost');
    await one.run(100);
    await make(one, 'late', [ghost]);
    const elsewhere = await one.cluster.kube.create(configMapResource, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'far', namespace: 'kube-public' } });
    await make(one, 'foreign', [elsewhere]);
    await one.run(1000);
    expect(await left(one)).toEqual([]);
  });

  it('keeps what names an owner of a kind that is not served', async () => {
    const one = await rig([]);
    await one.cluster.kube.create(configMapResource, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'odd', namespace: 'default', ownerReferences: [{ apiVersion: 'example.com/v1', kind: 'Thing', name: 'x', uid: 'u' }] } });
    await one.run(1000);
    expect(await left(one)).toEqual(['odd']);
  });

  it('takes a node\'s lease away with the node', async () => {
    const one = await rig([{ name: 'worker1' }]);
    one.cluster.kubelet('worker1')!.stop();
    await one.cluster.kube.delete(nodes, { name: 'worker1' });
    await one.run(1000);
    expect((await one.cluster.kube.list({ group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease', namespaced: true })).items).toEqual([]);
  });

  it('leaves exactly the objects that have a living owner or never had one', async () => {
    // Object n may own any later one; roots are deleted, with any policy but Orphan.
    const forest = fc.array(fc.record({ owners: fc.uniqueArray(fc.nat(8), { maxLength: 3 }), block: fc.boolean(), deleted: fc.boolean(), foreground: fc.boolean() }), { minLength: 1, maxLength: 9 });
    await fc.assert(fc.asyncProperty(forest, async (drawn) => {
      const one = await rig([]);
      const made: ConfigMap[] = [];
      for (const [index, { owners, block }] of drawn.entries()) made.push(await make(one, `o${index}`, owners.filter((owner) => owner < index).map((owner) => made[owner]!), { block }));
      await one.run(100);
      for (const [index, { deleted, foreground }] of drawn.entries()) if (deleted) await drop(one, `o${index}`, { propagationPolicy: foreground ? 'Foreground' : 'Background' }).catch(() => undefined);
      await one.run(5000);
      const alive = new Set<number>();
      for (const [index, { owners, deleted }] of drawn.entries()) {
        const real = owners.filter((owner) => owner < index);
        if (!deleted && (real.length === 0 || real.some((owner) => alive.has(owner)))) alive.add(index);
      }
      expect(await left(one)).toEqual([...alive].map((index) => `o${index}`).sort());
      await one.cluster.stop();
    }), { numRuns: 40 });
  });
});
