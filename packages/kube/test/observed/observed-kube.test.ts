// Goal: every request is told once, with what it was and how it ended, and callers see no difference. Method: an API that answers,
// refuses, or breaks, under a clock that moves by one with each look.
import { KubeError } from '@vfleet/core';
import type { Kube, KubeObject, WatchSink } from '@vfleet/core';
import { expect, test } from 'vitest';
import { ObservedKube, nodeStates, nodes, pods } from '../../src/index.ts';
import type { ApiCall } from '../../src/index.ts';

function observed(answer: () => unknown) {
  let now = 0;
  const calls: ApiCall[] = [];
  const sinks: WatchSink<KubeObject>[] = [];
  let stopped = 0;
  const respond = async () => answer() as never;
  const api: Kube = {
    get: respond, list: respond, create: respond, update: respond, patch: respond, delete: respond, evict: respond, bind: respond,
    watch: (_resource, _options, sink) => {
      sinks.push(sink as unknown as WatchSink<KubeObject>);
      return { stop: () => void stopped++ };
    },
  };
  return { kube: new ObservedKube(api, { monotonicMs: () => now++ }, (call) => calls.push(call)), calls, sinks, stopped: () => stopped };
}

const key = { namespace: 'n', name: 'x' };
const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'x' } } as const;

test('every kind of request is told with its verb, subresource and code', async () => {
  const { kube, calls } = observed(() => node);
  await kube.get(nodes, key);
  await kube.list(nodes);
  await kube.create(nodes, node);
  await kube.update(nodes, node, { subresource: 'status' });
  await kube.patch(nodeStates, key, { type: 'merge', patch: {} }, { subresource: 'status' });
  await kube.patch(nodeStates, key, { type: 'apply', patch: {}, fieldManager: 'f' });
  await kube.delete(nodes, key);
  await kube.evict(key);
  await kube.bind(key, 'node');
  expect(calls.map(({ verb, resource, subresource, code, tookMs }) => `${verb} ${resource.plural}/${subresource} ${code} ${tookMs}`)).toEqual([
    'get nodes/ 2xx 1', 'list nodes/ 2xx 1', 'create nodes/ 2xx 1', 'update nodes/status 2xx 1', 'patch sriovnetworknodestates/status 2xx 1', 'apply sriovnetworknodestates/ 2xx 1',
    'delete nodes/ 2xx 1', 'create pods/eviction 2xx 1', 'create pods/binding 2xx 1',
  ]);
});

test.each([
  ['a refusal', new KubeError('Conflict', 409, 'newer'), '409'],
  ['no answer', new KubeError('Unreachable', 0, 'gone'), 'none'],
  ['a mistake in the program', new TypeError('oops'), 'none'],
])('%s is told and passed on as it is', async (_name, error, code) => {
  const { kube, calls } = observed(() => {
    throw error;
  });
  await expect(kube.get(pods, key)).rejects.toBe(error);
  expect(calls.map((call) => call.code)).toEqual([code]);
});

test('a watch is told once, when it ends, by whichever side', () => {
  const { kube, calls, sinks, stopped } = observed(() => node);
  const seen: unknown[] = [];
  const sink = { event: (event: unknown) => void seen.push(event), end: (error?: KubeError) => void seen.push(error?.code ?? 'end') };
  const first = kube.watch(pods, {}, sink);
  kube.watch(pods, {}, sink);
  sinks[0]!.event({ type: 'BOOKMARK', resourceVersion: '7' });
  expect(calls).toEqual([]);
  first.stop();
  first.stop();
  sinks[0]!.end();
  sinks[1]!.end(new KubeError('Gone', 410, 'too old'));
  expect(calls.map(({ verb, code }) => `${verb} ${code}`)).toEqual(['watch 2xx', 'watch 410']);
  expect(seen).toEqual([{ type: 'BOOKMARK', resourceVersion: '7' }, 'end', 410]);
  expect(stopped()).toBe(2);
});
