// Goal: a sandbox counts as gone by evidence only; what cannot be known is told once, with a remedy. Method: the witness over every combination of what the node and
// the cluster can say, compared with the rule written down in one line.
import { KubeError, silentLog } from '@vfleet/core';
import type { KubeObject, Log } from '@vfleet/core';
import { pods } from '@vfleet/kube';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SandboxWitness } from '../../src/cni/namespaces.ts';
import type { NamespaceSight } from '../../src/cni/namespaces.ts';
import { FakeKube } from '../node-fakes/fake-kube.ts';

const UNKNOWN: NamespaceSight = { kind: 'unknown', cause: 'there is nothing at /run/netns/a', remedy: 'Mount it.' };
const POD = { namespace: 'default', name: 'a', uid: 'uid-a' };
const sandbox = { containerId: 'c1', netns: '/run/netns/a', identity: 'now', pod: POD };

type Api = 'same' | 'other' | 'mirror' | 'none' | 'outage';

function kubeWith(api: Api): FakeKube {
  const kube = new FakeKube();
  if (api === 'outage') kube.outage = new KubeError('ServiceUnavailable', 503, 'away');
  const put = (uid: string, annotations = {}) => kube.get = (async () => ({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name: 'a', uid, annotations } })) as unknown as FakeKube['get'];
  if (api === 'same') put('uid-a');
  if (api === 'other') put('uid-b');
  if (api === 'mirror') put('uid-m', { 'kubernetes.io/config.hash': 'uid-a' });
  return kube;
}

function witness(sight: NamespaceSight, areInterfacesBack: boolean, api: Api, log: Log = silentLog): SandboxWitness {
  return new SandboxWitness({ namespaces: { identify: async () => 'now', look: async () => sight }, kube: kubeWith(api), log, areInterfacesBack: async () => areInterfacesBack });
}

test('what the node can see counts; else interfaces that are back, or a pod that is no more; else it is unknown', async () => {
  await fc.assert(fc.asyncProperty(
    fc.constantFrom<NamespaceSight>({ kind: 'present' }, { kind: 'gone', evidence: 'the node has booted since' }, UNKNOWN), fc.boolean(), fc.constantFrom<Api>('same', 'other', 'mirror', 'none', 'outage'), fc.boolean(),
    async (sight, back, api, named) => {
      const { pod, ...nameless } = sandbox;
      const seen = await witness(sight, back, api).look(named ? { ...nameless, pod } : nameless);
      const isPodGone = named && (api === 'none' || api === 'other');
      expect(seen.kind).toBe(sight.kind !== 'unknown' ? sight.kind : back || isPodGone ? 'gone' : 'unknown');
      if (seen.kind === 'gone') expect(seen.evidence).not.toBe('');
    },
  ));
});

test('a pod whose name or uid the runtime did not say is not looked for', async () => {
  for (const lacks of [{ name: '' }, { uid: '' }]) expect((await witness(UNKNOWN, false, 'none').look({ ...sandbox, pod: { ...POD, ...lacks } })).kind).toBe('unknown');
});

test('without anybody to ask every namespace is present', async () => {
  expect(await new SandboxWitness({ log: silentLog, areInterfacesBack: async () => true }).look(sandbox)).toEqual({ kind: 'present' });
});

test('what is unknown is told once for each cause, listed until it is known, and forgotten with a DEL', async () => {
  const told: string[] = [];
  const log = { ...silentLog, warn: (message: string, fields?: Readonly<Record<string, unknown>>) => void told.push(`warn ${message} ${String(fields?.['remedy'])}`), info: (message: string) => void told.push(`info ${message}`) } as Log;
  let sight: NamespaceSight = UNKNOWN;
  const one = new SandboxWitness({ namespaces: { identify: async () => undefined, look: async () => sight }, log, areInterfacesBack: async () => false });
  await one.look(sandbox);
  await one.look(sandbox);
  expect([told.length, [...one.unknown.keys()], told[0]!.endsWith('Mount it.')]).toEqual([1, ['c1'], true]);
  sight = { ...UNKNOWN, cause: 'it cannot be looked at: EACCES' };
  await one.look(sandbox);
  expect(told).toHaveLength(2);
  sight = { kind: 'present' };
  await one.look(sandbox);
  expect([told.length, one.unknown.size]).toEqual([3, 0]);
  sight = UNKNOWN;
  await one.look(sandbox);
  one.forget('c1');
  expect(one.unknown.size).toBe(0);
});

test('the API is asked for the pod by its name, and only where nothing else says it', async () => {
  const kube = new FakeKube();
  kube.put(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name: 'a' } } as KubeObject);
  let sight: NamespaceSight = { kind: 'present' };
  const one = new SandboxWitness({ namespaces: { identify: async () => undefined, look: async () => sight }, kube, log: silentLog, areInterfacesBack: async () => false });
  await one.look(sandbox);
  expect(kube.gets).toBe(0);
  sight = UNKNOWN;
  expect((await one.look({ ...sandbox, pod: { ...POD, uid: 'uid-pods/default/a' } })).kind).toBe('unknown');
  expect(kube.gets).toBe(1);
});
