// Goal: a scenario file is taken as it is meant, and each mistake is answered with its path. Method: a good file, then one mistake each.
import { describe, expect, test } from 'vitest';
import { runScenario } from '../../src/run/run-scenario.ts';
import { catalog } from '../../src/scenarios/catalog.ts';
import { parseScenario } from '../../src/scenarios/parse.ts';

const good = {
  name: 'mine', summary: 'One node.', fleet: { nodes: [{ name: 'n', pfs: [{ personality: 'X710' }] }] },
  objects: [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'mine' } }],
  steps: [{ atMs: 1000, do: 'cordon', node: 'n' }, { atMs: 2000, do: 'uncordon', node: 'n' }, { atMs: 3000, do: 'patch', kind: 'Node', name: 'n', patch: { metadata: { labels: { a: 'b' } } } }],
  faults: { forMs: 1000, allow: ['kube', 'node.reboot'], deny: ['kube.outage'] },
  convergeWithinMs: 60_000, quietMs: 1000,
};

test('a scenario from plain data runs', async () => {
  const parsed = parseScenario(good);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const report = await runScenario(parsed.value, 1);
  expect(report.violations).toEqual([]);
});

test.each([
  ['an unknown fault', { faults: { ...good.faults, deny: ['kube.nonsense'] } }, 'faults.deny[0]'],
  ['an unknown family', { faults: { ...good.faults, allow: ['kubes'] } }, 'faults.allow[0]'],
  ['a NIC that is not simulated', { fleet: { nodes: [{ name: 'n', pfs: [{ personality: 'X71' }] }] } }, 'fleet.nodes[0].pfs[0].personality'],
  ['no fleet', { fleet: undefined }, 'fleet'],
  ['an unknown action', { steps: [{ atMs: 1, do: 'explode' }] }, 'steps[0].do'],
  ['an action that lacks something', { steps: [{ atMs: 1, do: 'cordon' }] }, 'steps[0].node'],
  ['an action with too much', { steps: [{ atMs: 1, do: 'cordon', node: 'n', forMs: 3 }] }, 'steps[0].forMs'],
  ['an object of a strange kind', { objects: [{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } }] }, 'objects[0].kind'],
  ['an object without name', { objects: [{ apiVersion: 'v1', kind: 'Pod', metadata: {} }] }, 'objects[0].metadata.name'],
  ['an unknown field', { speed: 3 }, 'speed'],
  ['a time that is none', { quietMs: 'long' }, 'quietMs'],
])('%s is refused at its path', (_, wrong, path) => {
  const parsed = parseScenario({ ...good, ...wrong });
  expect(parsed.ok ? [] : parsed.error.map((problem) => problem.path)).toEqual([path]);
});

describe('the catalog', () => {
  test('has at least twelve stories with names of their own', () => {
    expect(new Set(catalog.map(({ name }) => name)).size).toBe(catalog.length);
    expect(catalog.length).toBeGreaterThanOrEqual(12);
  });
});
