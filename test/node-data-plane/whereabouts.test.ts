// Goal: addresses of the whole cluster are given once, whoever asks at once, dies or loses the API server on the way, and DEL gives all back.
// Method: the plugin on the embedded API server with objects of whereabouts' form; a fault at every write in turn; a hundred at once; then what
// another implementation may have left in the pools.
import { createIpam } from '@vfleet/controllers';
import type { Ipam, IpamRequest } from '@vfleet/controllers';
import { MemFiles, SeededRandom, SimClock } from '@vfleet/core';
import { ipPools, ipReservations } from '@vfleet/controllers/ipam/whereabouts.ts';
import { customResourceDefinitionResource, namespaces, pods } from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim';
import { describe, expect, test } from 'vitest';
import { lossyKubeOf } from './lossy-kube.ts';
import type { Fault } from './lossy-kube.ts';
import { whereaboutsDefinitions } from './whereabouts-definitions.ts';

/** Asked before each write: an error instead of it, after it, or nothing. */
async function world(fault: { of: Fault } = { of: () => undefined }) {
  const clock = new SimClock();
  const random = new SeededRandom('whereabouts');
  const server = createApiServer({ clock, random });
  const kube = server.client();
  for (const definition of whereaboutsDefinitions()) await kube.create(customResourceDefinitionResource, definition);
  await kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x' } });
  await clock.run(5_000);
  const { lossyKube, writes } = lossyKubeOf(kube, fault);
  const ipam = createIpam(new MemFiles(), undefined, { kube: lossyKube, clock, random });
  const wait = async <Value>(promise: Promise<Value>): Promise<Value> => {
    let over = false;
    void promise.finally(() => (over = true)).catch(() => undefined);
    await clock.runUntil(() => over, 600_000);
    return promise;
  };
  const pools = async () => Object.fromEntries((await kube.list(ipPools)).items.map(({ metadata, spec }) => [metadata.name, spec.allocations]));
  const reservations = async () => (await kube.list(ipReservations)).items.map(({ metadata }) => metadata.name).toSorted();
  const run = (name: string) => kube.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'x', name }, spec: { containers: [{ name: 'app', image: 'app' }] } });
  return { kube, ipam, wait, run, pools, reservations, writes };
}

const request = (pod: string, config: object = { range: '10.1.0.0/24' }): IpamRequest => ({
  containerId: pod, ifname: 'net1', pod: { namespace: 'x', name: pod, uid: `u-${pod}` }, network: 'net', config: { type: 'whereabouts', ...config }, requestedIps: [],
});
const addresses = async (given: ReturnType<Ipam['allocate']>) => {
  const result = await given;
  return result.ok ? result.value.ips.map(({ address }) => address) : result.error;
};

describe('the objects', () => {
  test('are those of whereabouts, by name and content', async () => {
    const { ipam, wait, pools, reservations, kube } = await world();
    const config = { range: '10.1.0.9/24', gateway: '10.1.0.1', routes: [{ dst: '0.0.0.0/0' }], ipRanges: [{ range: 'fd00::/64' }] };
    expect(await wait(ipam.allocate(request('a', config)))).toEqual({ ok: true, value: { ips: [{ address: '10.1.0.2/24', gateway: '10.1.0.1' }, { address: 'fd00::1/64' }], routes: [{ dst: '0.0.0.0/0' }], dns: {} } });
    const mine = { id: 'a', podref: 'x/a', ifname: 'net1' };
    expect(await pools()).toEqual({ '10.1.0.0-24': { 2: mine }, 'fd00---64': { 1: mine } });
    expect((await kube.get(ipPools, { namespace: 'kube-system', name: 'fd00---64' })).spec.range).toBe('fd00::/64');
    expect(await reservations()).toEqual(['10.1.0.2', 'fd00--1']);
    expect((await kube.get(ipReservations, { namespace: 'kube-system', name: 'fd00--1' })).spec).toEqual({ containerid: 'a', podref: 'x/a', ifname: 'net1' });
    expect(await wait(ipam.check(request('a', config)))).toEqual({ ok: true, value: undefined });
    expect(await wait(ipam.release(request('a', config)))).toEqual({ ok: true, value: undefined });
    expect([await pools(), await reservations()]).toEqual([{ '10.1.0.0-24': {}, 'fd00---64': {} }, []]);
    expect(await wait(ipam.check(request('a', config)))).toMatchObject({ ok: false, error: { code: 'notReserved' } });
  });

  test('of networks with names are their own, and without unique addresses there are no reservations', async () => {
    const { ipam, wait, pools, reservations } = await world();
    await wait(ipam.allocate(request('a', { range: '10.1.0.0/24', network_name: 'blue', enable_overlapping_ranges: false })));
    expect([Object.keys(await pools()), await reservations()]).toEqual([['blue-10.1.0.0-24'], []]);
  });

  test('the lowest free address, past what is excluded, taken or the gateway', async () => {
    const { ipam, wait, run } = await world();
    const config = { range: '10.1.0.0/24', range_start: '10.1.0.4', range_end: '10.1.0.10', gateway: '10.1.0.8', exclude: ['10.1.0.4/31', '10.1.0.7'] };
    for (const pod of ['a', 'b', 'c', 'd']) await run(pod);
    const given: unknown[] = [];
    for (const pod of ['a', 'b', 'c']) given.push(await addresses(wait(ipam.allocate(request(pod, config)))));
    await wait(ipam.release(request('a', config)));
    for (const pod of ['d', 'e']) given.push(await addresses(wait(ipam.allocate(request(pod, config)))));
    expect(given).toEqual([['10.1.0.6/24'], ['10.1.0.9/24'], ['10.1.0.10/24'], ['10.1.0.6/24'], expect.objectContaining({ code: 'exhausted' })]);
  });

  test('a huge exclusion costs nothing', async () => {
    const { ipam, wait } = await world();
    expect(await addresses(wait(ipam.allocate(request('a', { range: 'fd00::/64', exclude: ['fd00::/65'] }))))).toEqual(['fd00::8000:0:0:0/64']);
  });

  test('an address that another range of the cluster has is passed over, and nothing is left of the try', async () => {
    const { ipam, wait, pools } = await world();
    await wait(ipam.allocate(request('a', { range: '10.1.0.0/24' })));
    expect(await addresses(wait(ipam.allocate(request('b', { range: '10.1.0.0/16', range_start: '10.1.0.1' }))))).toEqual(['10.1.0.2/16']);
    expect(Object.keys((await pools())['10.1.0.0-16']!)).toEqual(['2']);
  });

  test('what others wrote is respected: entries without interface, foreign pods, offsets that are none', async () => {
    const { ipam, wait, kube, pools } = await world();
    await kube.create(ipPools, {
      apiVersion: 'whereabouts.cni.cncf.io/v1alpha1', kind: 'IPPool', metadata: { namespace: 'kube-system', name: '10.1.0.0-24' },
      spec: { range: '10.1.0.0/24', allocations: { 1: { id: 'other', podref: 'x/other' }, 2: { id: 'a', podref: 'x/a' }, nonsense: { id: 'z', podref: 'x/z' } } },
    });
    expect(await addresses(wait(ipam.allocate(request('a'))))).toEqual(['10.1.0.2/24']);
    expect(await addresses(wait(ipam.allocate(request('b'))))).toEqual(['10.1.0.3/24']);
    await wait(ipam.release(request('a')));
    expect(Object.keys((await pools())['10.1.0.0-24']!)).toEqual(['1', '3', 'nonsense']);
  });
});

describe('a range that is full', () => {
  const config = { range: '10.1.0.0/29' };
  const all = ['a', 'b', 'c', 'd', 'e', 'f'];

  test('is freed of what pods had that are gone, and of nothing else', async () => {
    const { ipam, wait, run, kube, pools, reservations } = await world();
    for (const pod of [...all, 'new', 'newer', 'newest']) await run(pod);
    for (const pod of all) await wait(ipam.allocate(request(pod, config)));
    expect(await addresses(wait(ipam.allocate(request('new', config))))).toMatchObject({ code: 'exhausted' });
    for (const pod of ['b', 'e']) await kube.delete(pods, { namespace: 'x', name: pod });
    await wait(Promise.resolve());
    expect((await pools())['10.1.0.0-29']).toHaveProperty('2');
    const given = [];
    for (const pod of ['new', 'newer', 'newest']) given.push(await addresses(wait(ipam.allocate(request(pod, config)))));
    expect(given).toEqual([['10.1.0.2/29'], ['10.1.0.5/29'], expect.objectContaining({ code: 'exhausted' })]);
    expect(Object.values((await pools())['10.1.0.0-29']!).map(({ id }) => id)).toEqual(['a', 'new', 'c', 'd', 'newer', 'f']);
    expect(await reservations()).toEqual(['10.1.0.1', '10.1.0.2', '10.1.0.3', '10.1.0.4', '10.1.0.5', '10.1.0.6']);
  });

  test('keeps what names no pod', async () => {
    const { ipam, wait, kube, pools } = await world();
    const allocations = Object.fromEntries(['', 'x', '/', 'x/', 'x/y/z', '/y'].map((podref, index) => [index + 1, { id: `c${index}`, podref }]));
    await kube.create(ipPools, { apiVersion: 'whereabouts.cni.cncf.io/v1alpha1', kind: 'IPPool', metadata: { namespace: 'kube-system', name: '10.1.0.0-29' }, spec: { range: '10.1.0.0/29', allocations } });
    expect(await addresses(wait(ipam.allocate(request('new', config))))).toMatchObject({ code: 'exhausted' });
    expect((await pools())['10.1.0.0-29']).toEqual(allocations);
  });

  test('gives each address once, however many find it full at once', async () => {
    const { ipam, wait, pools } = await world();
    for (const pod of all) await wait(ipam.allocate(request(pod, config)));
    // No pod of theirs was ever there.
    const given = await wait(Promise.all(['g', 'h', 'i', 'j'].map((pod) => addresses(ipam.allocate(request(pod, config))))));
    const addressesGiven = given.filter((one) => Array.isArray(one)).flat();
    expect(new Set(addressesGiven).size).toBe(addressesGiven.length);
    expect(addressesGiven.length).toBeGreaterThan(0);
    expect(Object.keys((await pools())['10.1.0.0-29']!).length).toBeLessThanOrEqual(6);
  });

  test('an answer that is lost while it is freed costs nobody else an address', async () => {
    for (const at of ['before', 'after'] as const) {
      for (let nth = 1; nth < 12; nth++) {
        let from = Infinity;
        const { ipam, wait, run, kube, pools, reservations, writes } = await world({ of: (write) => (write === from ? at : undefined) });
        for (const pod of [...all, 'new']) await run(pod);
        for (const pod of all) await wait(ipam.allocate(request(pod, config)));
        await kube.delete(pods, { namespace: 'x', name: 'c' });
        from = writes() + nth;
        await wait(ipam.allocate(request('new', config)));
        if (writes() < from) break;
        expect([at, nth, await addresses(wait(ipam.allocate(request('new', config))))]).toEqual([at, nth, ['10.1.0.3/29']]);
        expect(Object.values((await pools())['10.1.0.0-29']!).map(({ id }) => id)).toEqual(['a', 'b', 'new', 'd', 'e', 'f']);
        expect(await reservations()).toHaveLength(6);
      }
    }
  });
});

test('a hundred at once get a hundred addresses', async () => {
  const { ipam, wait, pools, reservations } = await world();
  const given = await wait(Promise.all(Array.from({ length: 100 }, (_, index) => addresses(ipam.allocate(request(`p${index}`))))));
  expect(new Set(given.map((one) => JSON.stringify(one))).size).toBe(100);
  expect([Object.keys((await pools())['10.1.0.0-24']!).length, (await reservations()).length]).toEqual([100, 100]);
});

test('an answer that is lost at any write: the repeated call gives one address, and DEL leaves nothing', async () => {
  for (const at of ['before', 'after'] as const) {
    for (let nth = 1; nth < 20; nth++) {
      const fault: { of: Fault } = { of: (write) => (write === nth ? at : undefined) };
      const { ipam, wait, pools, reservations, writes } = await world(fault);
      const config = { range: '10.1.0.0/24', ipRanges: [{ range: 'fd00::/64' }] };
      const first = await wait(ipam.allocate(request('a', config)));
      if (!first.ok) expect(first.error).toMatchObject({ code: 'tryAgain', cause: expect.stringContaining('connection') as string });
      const again = await addresses(wait(ipam.allocate(request('a', config))));
      const given = Array.isArray(again) ? again : await addresses(wait(ipam.allocate(request('a', config))));
      expect(given).toEqual(['10.1.0.1/24', 'fd00::1/64']);
      const released = await wait(ipam.release(request('a', config)));
      if (!released.ok) await wait(ipam.release(request('a', config)));
      expect([at, nth, await pools(), await reservations()]).toEqual([at, nth, { '10.1.0.0-24': {}, 'fd00---64': {} }, []]);
      if (writes() < nth) break;
    }
  }
});

test('a cluster without the definitions of whereabouts says so', async () => {
  const clock = new SimClock();
  const random = new SeededRandom('none');
  const ipam = createIpam(new MemFiles(), undefined, { kube: createApiServer({ clock, random }).client(), clock, random });
  expect(await ipam.allocate(request('a'))).toMatchObject({ ok: false, error: { code: 'storage', remedy: 'Install the custom resource definitions of whereabouts.' } });
});

test.each([
  [{}, 'neither "range" nor "ipRanges"'], [{ range: '10.1.0.0' }, 'no address with a prefix length'], [{ range: '10.1.0.0/32' }, 'too small'], [{ range: '10.1.0.0/24', range_start: '10.2.0.1' }, '10.2.0.1 is not in 10.1.0.0/24'],
  [{ range: '10.1.0.9-10.1.0.3/24' }, 'is below'], [{ ipRanges: ['10.1.0.0/24'] }, '"ipRanges" must be a list'], [{ ipRanges: [{ range: '10.1.0.0/24' }, { range: 'x' }] }, 'range 2'], [{ range: '10.1.0.0/24', exclude: ['x'] }, 'exclude'],
  [{ range: '10.1.0.0/24', gateway: 'x' }, 'gateway'], [{ range: '10.1.0.0/24', network_name: '../x' }, 'network_name'], [{ range: '10.1.0.0/24', enable_overlapping_ranges: 'no' }, 'true or false'],
  [{ range: '10.1.0.0/24', node_slice_size: '/23' }, 'larger than the range'], [{ range: '10.1.0.0/24', node_slice_size: '/31' }, 'no address to give out'], [{ range: '10.0.0.0/8', node_slice_size: '/28' }, 'more than 4096 slices'],
  [{ range: '10.1.0.0/24', node_slice_size: 'x' }, 'no prefix length'], [{ range: '10.1.0.0/24', node_slice_size: '28', ipRanges: [{ range: 'fd00::/64' }] }, 'one range only'],
])('%j is refused', async (config, says) => {
  const { ipam } = await world();
  expect(await ipam.allocate(request('a', config))).toMatchObject({ ok: false, error: { code: 'invalidConfig', cause: expect.stringContaining(says) as string } });
});
