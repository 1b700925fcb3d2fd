import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DrainProgress, DrainRequest, NamedPool } from '@vfleet/core';
import { compilePools, poolOfNode, resolveMaxUnavailable } from '@vfleet/core';
import { DEFAULT_POOL, PoolLedger } from '../../src/operator/pools/pool-ledger.ts';
import type { DrainView } from '../../src/operator/pools/pool-ledger.ts';

// Goal: the ledger, which is kept up incrementally, always says what a count from scratch would say, and never gives more places
// than a pool has.
// Method: drawn operations against a naive model; then the rules about order and places one by one.

const POOLS: readonly NamedPool[] = [
  { name: 'a', spec: { nodeSelector: { matchLabels: { pool: 'a' } }, maxUnavailable: 2 } },
  { name: 'b', spec: { nodeSelector: { matchLabels: { pool: 'b' } }, maxUnavailable: '50%' } },
  { name: 'all', spec: { nodeSelector: {} } },
  { name: 'bad', spec: { nodeSelector: { matchLabels: { pool: 'b' } }, maxUnavailable: 'x' } },
];

const view = fc.record<DrainView>({
  wants: fc.constantFrom<DrainRequest>('Idle', 'Drain_Required', 'Reboot_Required'),
  progress: fc.constantFrom<DrainProgress>('Idle', 'Idle', 'Draining', 'DrainComplete'),
  external: fc.constantFrom(false, false, true),
});
const name = fc.constantFrom('n1', 'n2', 'n3', 'n4', 'n5', 'n6');
const operation = fc.oneof(
  fc.record({ kind: fc.constant('node' as const), name, pool: fc.constantFrom('a', 'b', '') }),
  fc.record({ kind: fc.constant('delete' as const), name }),
  fc.record({ kind: fc.constant('drain' as const), name, view }),
  fc.record({ kind: fc.constant('reserve' as const), name }),
  fc.record({ kind: fc.constant('release' as const), name }),
  fc.record({ kind: fc.constant('pools' as const), pools: fc.subarray([...POOLS]) }),
);

interface Model {
  labels: Record<string, string>;
  view: DrainView;
  reserved: boolean;
}

test('the ledger agrees with a count from scratch', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const ledger = new PoolLedger();
      const nodes = new Map<string, Model>();
      let pools: readonly NamedPool[] = [];
      for (const step of operations) {
        if (step.kind === 'pools') {
          ({ pools } = step);
          ledger.setPools(pools);
        } else if (step.kind === 'node') {
          const labels: Record<string, string> = step.pool === '' ? {} : { pool: step.pool };
          ledger.setNode(step.name, labels);
          const known = nodes.get(step.name);
          if (known === undefined) nodes.set(step.name, { labels, view: { wants: 'Idle', progress: 'Idle', external: false }, reserved: false });
          else known.labels = labels;
        } else if (step.kind === 'delete') {
          ledger.deleteNode(step.name);
          nodes.delete(step.name);
        } else if (step.kind === 'drain') {
          ledger.setDrain(step.name, step.view);
          const known = nodes.get(step.name);
          if (known !== undefined) {
            known.view = step.view;
            if (step.view.progress !== 'Idle') known.reserved = false;
          }
        } else if (step.kind === 'release') {
          ledger.release(step.name);
          const known = nodes.get(step.name);
          if (known !== undefined) known.reserved = false;
        } else {
          const [pool] = ledger.poolsOf(step.name);
          const before = pool === undefined ? 0 : ledger.unavailable(pool);
          const had = ledger.isReserved(step.name);
          const got = ledger.reserve(step.name);
          const known = nodes.get(step.name);
          if (got === 'reserved' && !had) {
            const limit = ledger.limit(pool!);
            expect(limit.ok && before < limit.value).toBe(true);
            known!.reserved = true;
          }
        }
        check(ledger, nodes, pools);
      }
    }),
    { numRuns: 300 },
  );
});

function check(ledger: PoolLedger, nodes: ReadonlyMap<string, Model>, pools: readonly NamedPool[]): void {
  const compiled = compilePools(pools).pools;
  const membersOf = new Map<string, string[]>();
  for (const [node, { labels }] of nodes) {
    const membership = poolOfNode(compiled, labels);
    const keys = membership.kind === 'default' ? [DEFAULT_POOL] : membership.kind === 'pool' ? [membership.pool.name] : membership.pools.map((pool) => pool.name);
    expect(ledger.poolsOf(node)).toEqual(keys);
    for (const key of keys) membersOf.set(key, [...(membersOf.get(key) ?? []), node]);
  }
  for (const key of [DEFAULT_POOL, ...pools.map((pool) => pool.name)]) {
    const members = membersOf.get(key) ?? [];
    expect(ledger.size(key)).toBe(members.length);
    expect(ledger.unavailable(key)).toBe(members.filter((node) => nodes.get(node)!.reserved || nodes.get(node)!.view.progress !== 'Idle').length);
    const waits = (node: string) => {
      const { view: seen, reserved, labels } = nodes.get(node)!;
      return seen.wants !== 'Idle' && seen.progress === 'Idle' && !seen.external && !reserved && poolOfNode(compiled, labels).kind !== 'conflict';
    };
    const limit = key === DEFAULT_POOL ? 1 : resolveMaxUnavailable(pools.find((pool) => pool.name === key)!.spec.maxUnavailable, members.length);
    const room = typeof limit === 'number' ? limit : limit.ok ? limit.value : 0;
    const startable = ledger.startable(key, 100);
    expect(startable).toHaveLength(Math.max(0, Math.min(members.filter(waits).length, room - ledger.unavailable(key))));
    expect(startable.every(waits)).toBe(true);
    const first = ledger.firstWaiting(key);
    expect(first !== undefined && waits(first)).toBe(members.some(waits));
    for (const node of members.filter(waits)) {
      const waitsFor = ledger.waitsFor(node);
      // Whoever is named is another node that waits, or one that takes a place.
      if (waitsFor.kind === 'next') expect(waitsFor.node !== node && waits(waitsFor.node)).toBe(true);
      else expect([node, waitsFor.nodes.length]).toEqual([first, ledger.unavailable(key)]);
    }
  }
}

const WANTS: DrainView = { wants: 'Drain_Required', progress: 'Idle', external: false };

test('who asked first is first, and goes on waiting in its place when its labels change', () => {
  const ledger = new PoolLedger();
  for (const node of ['n3', 'n1', 'n2']) {
    ledger.setNode(node, {});
    ledger.setDrain(node, WANTS);
  }
  ledger.setNode('n3', { some: 'label' });
  ledger.setDrain('n3', { ...WANTS, wants: 'Reboot_Required' });
  expect(ledger.startable(DEFAULT_POOL, 1)).toEqual(['n3']);
  expect(ledger.startable(DEFAULT_POOL, 1, (node) => node !== 'n3')).toEqual(['n1']);
});

test('a place is kept while it is unknown whether the drain began', () => {
  const ledger = new PoolLedger();
  for (const node of ['n1', 'n2']) {
    ledger.setNode(node, {});
    ledger.setDrain(node, WANTS);
  }
  expect(ledger.reserve('n1')).toBe('reserved');
  expect(ledger.reserve('n1')).toBe('reserved');
  expect(ledger.reserve('n2')).toBe('atCapacity');
  ledger.setDrain('n1', { ...WANTS, wants: 'Idle' });
  expect(ledger.reserve('n2')).toBe('atCapacity');
  ledger.release('n1');
  expect(ledger.reserve('n2')).toBe('reserved');
});

test('nobody gets a place in a pool that cannot be read, or in two', () => {
  const ledger = new PoolLedger();
  ledger.setPools([{ name: 'a', spec: { nodeSelector: { matchLabels: { pool: 'a' } }, maxUnavailable: -1 } }, { name: 'b', spec: { nodeSelector: { matchLabels: { two: 'yes' } } } }]);
  ledger.setNode('n1', { pool: 'a' });
  ledger.setNode('n2', { pool: 'a', two: 'yes' });
  for (const node of ['n1', 'n2']) ledger.setDrain(node, WANTS);
  expect([ledger.reserve('n1'), ledger.reserve('n2'), ledger.reserve('nobody')]).toEqual(['limitUnreadable', 'inTwoPools', 'notWaiting']);
  expect(ledger.conflicts('a')).toEqual(['n2']);
});
