// Goal: a merge patch says exactly the difference. Method: the examples of RFC 7386, appendix A, and the property that applying
// the patch between two documents to the first gives the second, and that equal documents need none.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyMergePatch, equalJson, mergePatchOf } from '../../src/index.ts';

test.each([
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [['a', 'b'], ['c', 'd'], ['c', 'd']],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
])('%j patched with %j is %j', (target, patch, result) => {
  expect(applyMergePatch(target, patch)).toEqual(result);
});

const leaf = fc.oneof(fc.string({ maxLength: 3 }), fc.integer(), fc.boolean(), fc.array(fc.nat(3), { maxLength: 3 }));
const name = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor');
const document = fc.letrec<{ tree: Record<string, unknown> }>((tie) => ({ tree: fc.dictionary(name, fc.oneof({ maxDepth: 3 }, leaf, tie('tree')), { maxKeys: 4, noNullPrototype: true }) })).tree;

test('the patch between two documents leads from one to the other, and is the smallest: equal documents need none', () => {
  fc.assert(
    fc.property(document, document, (before, after) => {
      const patch = mergePatchOf(before, after);
      expect(equalJson(applyMergePatch(before, patch ?? {}), after)).toBe(true);
      expect(patch === undefined).toBe(equalJson(before, after));
      expect(mergePatchOf(after, structuredClone(after))).toBeUndefined();
    }),
    { numRuns: 500 },
  );
});

test('undefined properties are absent; untouched parts are shared, nothing is changed in place', () => {
  expect(mergePatchOf({ a: 1, b: undefined }, { a: 1, c: undefined })).toBeUndefined();
  expect(mergePatchOf({ a: 1, b: 2 }, { a: 1, b: undefined })).toEqual({ b: null });
  const before = Object.freeze({ spec: Object.freeze({ x: 1 }), status: Object.freeze({ y: 1 }) });
  const after = applyMergePatch(before, { status: { y: 2 } }) as typeof before;
  expect(after).toEqual({ spec: { x: 1 }, status: { y: 2 } });
  expect(after.spec).toBe(before.spec);
});

test('a document cannot reach the prototype of anything', () => {
  const evil = JSON.parse('{"__proto__": {"polluted": true}}') as object;
  applyMergePatch({}, evil);
  mergePatchOf({}, evil);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});
