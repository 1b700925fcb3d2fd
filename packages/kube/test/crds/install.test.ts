// Goal: installing definitions writes what is needed and nothing else, and never touches Multus' own. Method: against a small
// API server that establishes definitions some time after they are written.
import { KubeError } from '@vfleet/core';
import { describe, expect, test } from 'vitest';
import type { CustomResourceDefinition } from '../../src/index.ts';
import { customResourceDefinitionResource as crds, customResourceDefinitions, installCrds, networkAttachmentDefinitionCrd } from '../../src/index.ts';
import { simulation } from '../support/simulation.ts';

const ours = customResourceDefinitions().map(({ metadata }) => metadata.name);
const nad = networkAttachmentDefinitionCrd();
const established = (definition: CustomResourceDefinition): CustomResourceDefinition => ({ ...definition, status: { conditions: [{ type: 'Established', status: 'True' }] } });

/** A server that, as the real one, fills in a default and establishes a definition 100 ms after it was written, `except` some. */
function server(except: readonly string[] = []) {
  const world = simulation();
  const establish = () => {
    for (const name of [...ours, nad.metadata.name]) {
      const stored = world.kube.peek(crds, { name });
      if (stored === undefined || stored.status !== undefined || except.includes(name)) continue;
      world.kube.put(crds, established({ ...stored, spec: { ...stored.spec, conversion: { strategy: 'None' } } }));
    }
    world.clock.setTimer(100, establish);
  };
  world.clock.setTimer(100, establish);
  const install = async (timeoutMs = 5_000) => {
    const installing = installCrds(world, timeoutMs);
    const settled = installing.then((value) => ({ value }), (error: unknown) => ({ error }));
    await world.clock.run(timeoutMs + 1_000);
    return settled;
  };
  const writes = () => world.kube.calls.filter(({ verb }) => ['create', 'update', 'patch', 'delete'].includes(verb)).map(({ verb, key }) => `${verb} ${key}`);
  return { ...world, install, writes };
}

describe('installing', () => {
  test('creates all, returns when they are established, and writes nothing the second time', async () => {
    const { kube, install, writes } = server();
    expect(await install()).toEqual({ value: { ok: true, value: { created: [...ours, nad.metadata.name], updated: [], unchanged: [] } } });
    expect(kube.openWatches).toBe(0);
    const before = writes().length;
    expect(await install()).toEqual({ value: { ok: true, value: { created: [], updated: [], unchanged: [...ours, nad.metadata.name] } } });
    expect(writes().length).toBe(before);
  });

  test('updates what differs, keeping what the server and others added', async () => {
    const { kube, install } = server();
    const wanted = customResourceDefinitions()[0]!;
    kube.put(crds, established({ ...wanted, metadata: { ...wanted.metadata, labels: { theirs: 'x' } }, spec: { ...wanted.spec, conversion: { strategy: 'None' }, versions: [{ ...wanted.spec.versions[0]!, additionalPrinterColumns: [] }] } }));
    const done = await install();
    expect(done).toMatchObject({ value: { ok: true, value: { updated: [wanted.metadata.name] } } });
    const stored = kube.peek(crds, { name: wanted.metadata.name })!;
    expect([stored.spec.versions, stored.spec.conversion, stored.metadata.labels]).toEqual([wanted.spec.versions, { strategy: 'None' }, { theirs: 'x' }]);
  });

  test('a NetworkAttachmentDefinition that is there stays as it is, however it looks', async () => {
    const { kube, install } = server();
    const theirs = kube.put(crds, established({ ...nad, spec: { ...nad.spec, names: { ...nad.spec.names, shortNames: ['other'] } } }));
    expect(await install()).toMatchObject({ value: { ok: true, value: { unchanged: [nad.metadata.name] } } });
    expect(kube.peek(crds, { name: nad.metadata.name })).toBe(theirs);
  });

  test('another replica that creates at the same moment is no error', async () => {
    const { kube, install } = server();
    kube.fault = ({ verb, key }) => {
      if (verb === 'create' && kube.peek(crds, { name: key! }) === undefined) kube.put(crds, customResourceDefinitions().find(({ metadata }) => metadata.name === key) ?? nad);
      return undefined;
    };
    expect(await install()).toMatchObject({ value: { ok: true, value: { created: [], unchanged: [...ours, nad.metadata.name] } } });
  });

  test('a definition that is not established in time is named, with what to do', async () => {
    const { install, kube } = server([ours[3]!]);
    const done = await install();
    expect(done).toMatchObject({ value: { ok: false, error: { code: 'notEstablished', names: [ours[3]] } } });
    expect('value' in done && !done.value.ok && done.value.error.remedy).toContain(`kubectl describe crd ${ours[3]}`);
    expect(kube.openWatches).toBe(0);
  });

  test('a refusal is thrown', async () => {
    const { install, kube } = server();
    kube.fault = ({ verb }) => (verb === 'create' ? { kind: 'refuse', error: new KubeError('Forbidden', 403, 'no') } : undefined);
    expect(await install()).toEqual({ error: new KubeError('Forbidden', 403, 'no') });
  });
});
