import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compilePools, hasLabels, labelPredicate, poolOfNode, resolveMaxUnavailable } from '../../src/index.ts';

// Goal: pools, label selectors and maxUnavailable mean what Kubernetes users expect of them.
// Method: tables for the rules, a property for the rounding.

const selects = (selector: Parameters<typeof labelPredicate>[0], labels: Record<string, string>) => {
  const predicate = labelPredicate(selector);
  return predicate.ok ? predicate.value(labels) : predicate.error;
};

test.each([
  [{}, {}, true],
  [{ matchLabels: { a: '1' } }, { a: '1', b: '2' }, true],
  [{ matchLabels: { a: '1' } }, { a: '2' }, false],
  [{ matchLabels: { a: '' } }, {}, false],
  [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['1', '2'] }] }, { a: '2' }, true],
  [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['1'] }] }, {}, false],
  [{ matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['1'] }] }, {}, true],
  [{ matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['1'] }] }, { a: '1' }, false],
  [{ matchExpressions: [{ key: 'a', operator: 'Exists' }] }, { a: '' }, true],
  [{ matchExpressions: [{ key: 'a', operator: 'DoesNotExist' }] }, { a: '' }, false],
  [{ matchLabels: { a: '1' }, matchExpressions: [{ key: 'b', operator: 'Exists' }] }, { a: '1' }, false],
])('selector %j on labels %j: %s', (selector, labels, expected) => expect(selects(selector, labels)).toBe(expected));

test.each([
  { matchExpressions: [{ key: 'a', operator: 'in', values: ['1'] }] },
  { matchExpressions: [{ key: 'a', operator: 'In' }] },
  { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['1'] }] },
])('malformed selector %j is a sentence', (selector) => expect(selects(selector, {})).toMatch(/"a"|operator/));

test('a map of labels must be there in full', () => {
  expect(hasLabels({}, {})).toBe(true);
  expect(hasLabels({ a: '1' }, { a: '1', b: '' })).toBe(true);
  expect(hasLabels({ a: '1', b: '1' }, { a: '1' })).toBe(false);
});

test('a node is in the default pool, in one, or in conflict', () => {
  const { pools, problems } = compilePools([
    { name: 'z', spec: { nodeSelector: { matchLabels: { zone: 'z' } } } },
    { name: 'a', spec: { nodeSelector: { matchLabels: { rack: 'a' } } } },
    { name: 'offload', spec: { ovsHardwareOffloadConfig: { name: 'x' } } },
    { name: 'bad', spec: { nodeSelector: { matchExpressions: [{ key: 'k', operator: '~' }] } } },
  ]);
  expect(poolOfNode(pools, {})).toEqual({ kind: 'default' });
  expect(poolOfNode(pools, { zone: 'z' })).toMatchObject({ kind: 'pool', pool: { name: 'z' } });
  expect(poolOfNode(pools, { zone: 'z', rack: 'a' })).toMatchObject({ kind: 'conflict', pools: [{ name: 'a' }, { name: 'z' }] });
  expect([...problems.keys()]).toEqual(['bad']);
});

test('a pool without a selector has every node', () => {
  expect(poolOfNode(compilePools([{ name: 'all', spec: { maxUnavailable: 2 } }]).pools, { any: 'thing' })).toMatchObject({ kind: 'pool', pool: { name: 'all' } });
});

test.each([
  [undefined, 10, Number.POSITIVE_INFINITY], [0, 10, 0], [3, 10, 3], [30, 10, 30], ['50%', 5, 2], ['10%', 5, 1], ['1%', 0, 1], ['100%', 7, 7],
])('maxUnavailable %j of %i nodes is %d', (value, size, expected) => expect(resolveMaxUnavailable(value, size)).toEqual({ ok: true, value: expected }));

test.each([
  [-1, 'negative'], [1.5, 'notAnInteger'], ['5', 'notAPercentage'], ['five%', 'notAPercentage'], ['0%', 'percentageOutOfRange'], ['101%', 'percentageOutOfRange'],
  ['-5%', 'notAPercentage'], ['', 'notAPercentage'], ['%', 'notAPercentage'], ['5.5%', 'notAPercentage'],
])('maxUnavailable %j is refused: %s', (value, kind) => expect(resolveMaxUnavailable(value, 10)).toMatchObject({ ok: false, error: { kind } }));

test('a percentage is between one node and the whole pool', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 10_000 }), (percent, size) => {
      const resolved = resolveMaxUnavailable(`${percent}%`, size);
      if (!resolved.ok) throw new Error(resolved.error.cause);
      expect(resolved.value).toBeGreaterThanOrEqual(1);
      expect(resolved.value).toBeLessThanOrEqual(size);
      expect(resolved.value * 100).toBeLessThanOrEqual(Math.max(100, size * percent));
    }),
  );
});
