// Goal: with node_slice_size each node gives addresses of its own part of a range out, in the objects of whereabouts, whether its controller
// runs or not, and whatever answer is lost. Method: several nodes' IPAM over one embedded API server in virtual time, with the definitions
// of both kinds of releases: status as a subresource, and as a plain field.
import type { IpamRequest } from '@vfleet/controllers/ipam/index.ts';
import { createIpam } from '@vfleet/controllers/ipam/index.ts';
import { nodeSlicePools, slicesOf } from '@vfleet/controllers/ipam/node-slices.ts';
import { ipPools } from '@vfleet/controllers/ipam/whereabouts.ts';
import { formatPrefix, parsePrefix, prefixContains } from '@vfleet/controllers/ipam/ip.ts';
import { MemFiles, SeededRandom, SimClock } from '@vfleet/core';
import { customResourceDefinitionResource, nodes } from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lossyKubeOf } from './lossy-kube.ts';
import type { Fault } from './lossy-kube.ts';
import { whereaboutsDefinitions } from './whereabouts-definitions.ts';

async function world({ statusIsSubresource = true, fault = { of: (() => undefined) as Fault } } = {}) {
  const [clock, random] = [new SimClock(), new SeededRandom('slices')];
  const kube = createApiServer({ clock, random }).client();
  for (const definition of whereaboutsDefinitions({ statusIsSubresource })) await kube.create(customResourceDefinitionResource, definition);
  await clock.run(5_000);
  const { lossyKube, writes } = lossyKubeOf(kube, fault);
  const ipamOf = (nodeName: string) => createIpam(new MemFiles(), undefined, { kube: lossyKube, clock, random, nodeName });
  const wait = async <Value>(promise: Promise<Value>): Promise<Value> => {
    let over = false;
    void promise.finally(() => (over = true)).catch(() => undefined);
    await clock.runUntil(() => over, 600_000);
    return promise;
  };
  const held = async () => Object.fromEntries(((await kube.get(nodeSlicePools, { namespace: 'kube-system', name: 'net' })).status?.allocations ?? []).filter(({ nodeName }) => nodeName !== '').map(({ nodeName, sliceRange }) => [nodeName, sliceRange]));
  const pools = async () => Object.fromEntries((await kube.list(ipPools)).items.map(({ metadata, spec }) => [metadata.name, [spec.range, Object.keys(spec.allocations)]]));
  const add = async (node: string, pod: string, config = CONFIG) => {
    const result = await wait(ipamOf(node).allocate(request(pod, config)));
    return result.ok ? result.value.ips.map(({ address }) => address) : result.error;
  };
  return { kube, ipamOf, wait, held, pools, add, writes };
}

const CONFIG: object = { range: '10.1.0.0/24', node_slice_size: '/28' };
const request = (pod: string, config: object = CONFIG): IpamRequest => ({ containerId: pod, ifname: 'net1', pod: { namespace: 'x', name: pod, uid: `u-${pod}` }, network: 'net', config: { type: 'whereabouts', ...config }, requestedIps: [] });

describe.each([true, false])('status as a subresource: %s', (statusIsSubresource) => {
  test('a node takes a slice, and gives addresses of it out with the prefix of the range', async () => {
    const { add, held, pools, ipamOf, wait, kube } = await world({ statusIsSubresource });
    expect([await add('a', 'p1'), await add('b', 'p2'), await add('a', 'p3')]).toEqual([['10.1.0.1/24'], ['10.1.0.17/24'], ['10.1.0.2/24']]);
    expect(await held()).toEqual({ a: '10.1.0.0/28', b: '10.1.0.16/28' });
    expect(await pools()).toEqual({ 'a-10.1.0.0-28': ['10.1.0.0/28', ['1', '2']], 'b-10.1.0.16-28': ['10.1.0.16/28', ['1']] });
    expect((await kube.get(nodeSlicePools, { namespace: 'kube-system', name: 'net' })).spec).toEqual({ range: '10.1.0.0/24', sliceSize: '/28' });
    expect(await wait(ipamOf('a').check(request('p3')))).toEqual({ ok: true, value: undefined });
    expect(await wait(ipamOf('a').release(request('p1')))).toEqual({ ok: true, value: undefined });
    expect(await wait(ipamOf('a').release(request('p1')))).toEqual({ ok: true, value: undefined });
    expect(await wait(ipamOf('a').check(request('p1')))).toMatchObject({ ok: false, error: { code: 'notReserved' } });
    expect(await add('a', 'p4')).toEqual(['10.1.0.1/24']);
  });

  test('what the controller of whereabouts has dealt out counts', async () => {
    const { add, kube, pools } = await world({ statusIsSubresource });
    const pool = await kube.create(nodeSlicePools, { apiVersion: 'whereabouts.cni.cncf.io/v1alpha1', kind: 'NodeSlicePool', metadata: { namespace: 'kube-system', name: 'blue' }, spec: { range: '10.1.0.0/24', sliceSize: '28' } });
    await kube.update(nodeSlicePools, { ...pool, status: { allocations: [{ nodeName: '', sliceRange: '10.1.0.0/28' }, { nodeName: 'a', sliceRange: '10.1.0.32/28' }] } }, statusIsSubresource ? { subresource: 'status' } : {});
    expect(await add('a', 'p', { ...CONFIG, network_name: 'blue', exclude: ['10.1.0.33/32'] })).toEqual(['10.1.0.34/24']);
    expect(await pools()).toEqual({ 'blue-a-10.1.0.32-28': ['10.1.0.32/28', ['2']] });
    expect(await add('a', 'q', { range: '10.1.0.0/24', node_slice_size: '/27', network_name: 'blue' })).toMatchObject({ code: 'invalidConfig', cause: expect.stringContaining('divides 10.1.0.0/24 by 28') as string });
  });

  test('when all are taken, that of a node which is no more', async () => {
    const { add, kube, held } = await world({ statusIsSubresource });
    const config = { range: '10.1.0.0/29', node_slice_size: '/30' };
    for (const name of ['a', 'b']) await kube.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name } });
    expect([await add('a', 'p1', config), await add('b', 'p2', config)]).toEqual([['10.1.0.1/29'], ['10.1.0.5/29']]);
    expect(await add('c', 'p3', config)).toMatchObject({ code: 'exhausted' });
    await kube.delete(nodes, { name: 'a' });
    // The reservation that the lost node's pod left keeps its address from being given out twice.
    expect(await add('c', 'p3', config)).toEqual(['10.1.0.2/29']);
    expect(await held()).toEqual({ c: '10.1.0.0/30', b: '10.1.0.4/30' });
  });

  test('an answer that is lost at any write', async () => {
    for (const at of ['before', 'after'] as const) {
      for (let nth = 1; nth < 20; nth++) {
        const { add, ipamOf, wait, held, pools, writes } = await world({ statusIsSubresource, fault: { of: (write) => (write === nth ? at : undefined) } });
        await add('a', 'p');
        const again = await add('a', 'p');
        const given = Array.isArray(again) ? again : await add('a', 'p');
        expect([at, nth, given, await held()]).toEqual([at, nth, ['10.1.0.1/24'], { a: '10.1.0.0/28' }]);
        const released = await wait(ipamOf('a').release(request('p')));
        if (!released.ok) await wait(ipamOf('a').release(request('p')));
        expect([at, nth, await pools()]).toEqual([at, nth, { 'a-10.1.0.0-28': ['10.1.0.0/28', []] }]);
        if (writes() < nth) break;
      }
    }
  });
});

test('a hundred at once on ten nodes: a hundred addresses, each of its node\'s slice', async () => {
  const { ipamOf, wait, held } = await world();
  const all = Array.from({ length: 100 }, (_, index) => ({ node: `n${index % 10}`, pod: `p${index}` }));
  const ipams = new Map(all.map(({ node }) => [node, ipamOf(node)]));
  const given = await wait(Promise.all(all.map(async ({ node, pod }) => ({ node, result: await ipams.get(node)!.allocate(request(pod)) }))));
  const slices = await held();
  expect(Object.keys(slices)).toHaveLength(10);
  const addresses = given.map(({ node, result }) => {
    if (!result.ok) throw new Error(result.error.cause);
    const address = parsePrefix(result.value.ips[0]!.address);
    const slice = parsePrefix(slices[node]!);
    expect(address.ok && slice.ok && prefixContains(slice.value, address.value.address)).toBe(true);
    return result.value.ips[0]!.address;
  });
  expect(new Set(addresses).size).toBe(100);
});

test('slices divide the range: in order, without gaps, none beyond', () => {
  fc.assert(
    fc.property(fc.integer({ min: 8, max: 30 }), fc.integer({ min: 0, max: 10 }), fc.boolean(), (length, deeper, isSix) => {
      const range = parsePrefix(isSix ? `fd00::/${length + 90}` : `10.0.0.0/${length}`);
      const sliceLength = length + deeper + (isSix ? 90 : 0);
      const slices = slicesOf(range.ok ? range.value : (undefined as never), sliceLength);
      if (!slices.ok) {
        expect(sliceLength).toBeGreaterThan(isSix ? 126 : 30);
        return;
      }
      expect(slices.value).toHaveLength(2 ** deeper);
      slices.value.forEach((slice, index) => {
        expect(range.ok && prefixContains(range.value, slice.address)).toBe(true);
        if (index > 0) expect(slice.address.value - slices.value[index - 1]!.address.value).toBe(1n << BigInt((isSix ? 128 : 32) - sliceLength));
      });
      expect(formatPrefix(slices.value[0]!)).toBe(`${isSix ? 'fd00::' : '10.0.0.0'}/${sliceLength}`);
    }),
  );
});

test('without the name of a node, or with a network that cannot name an object', async () => {
  const { kube, ipamOf } = await world();
  const nameless = createIpam(new MemFiles(), undefined, { kube, clock: new SimClock(), random: new SeededRandom('x') });
  expect(await nameless.allocate(request('p'))).toMatchObject({ ok: false, error: { code: 'invalidConfig', cause: expect.stringContaining('daemon of a node') as string } });
  expect(await ipamOf('a').allocate({ ...request('p'), network: 'My_Net' })).toMatchObject({ ok: false, error: { code: 'invalidConfig', cause: expect.stringContaining('network_name') as string } });
});
