// Goal: patches, field sets and tokens keep the laws of their specifications for every document. Method: fast-check draws documents
// that collide, names of Object.prototype among them; a reference of a few lines from the RFC, laws, and any input at all.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { difference, EMPTY_SET, forEachMember, hasPath, intersection, setOfPath, union } from '@vfleet/kube-sim/apply/field-set.ts';
import type { FieldSet } from '@vfleet/kube-sim/apply/field-set.ts';
import { applyJsonPatch, JsonPatchError, parseJsonPatch } from '@vfleet/kube-sim/patch/json-patch.ts';
import { applyMergePatch } from '@vfleet/kube-sim/patch/merge-patch.ts';
import { unknownMergeSchema } from '@vfleet/kube-sim/patch/merge-schema.ts';
import { applyStrategicMerge, StrategicMergeError } from '@vfleet/kube-sim/patch/strategic-merge.ts';
import { decodeContinue, encodeContinue } from '@vfleet/kube-sim/store/continue-token.ts';
import { equalJson } from '@vfleet/kube-sim/values/json.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
const names = fc.constantFrom('a', 'b', 'c', 'toString', '__proto__', 'a/b', 'm~n', '');
const { value: documents } = fc.letrec<{ value: Json; object: { [key: string]: Json } }>((tie) => ({
  object: fc.dictionary(names, tie('value') as fc.Arbitrary<Json>, { maxKeys: 4 }) as fc.Arbitrary<{ [key: string]: Json }>,
  value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, fc.constantFrom<Json>(null, true, 0, 1, 'x', 'y'), fc.array(tie('value') as fc.Arbitrary<Json>, { maxLength: 3 }), tie('object') as fc.Arbitrary<Json>),
}));
const objects = fc.dictionary(names, documents, { maxKeys: 4 });

const isObject = (value: unknown): value is { [key: string]: Json } => typeof value === 'object' && value !== null && !Array.isArray(value);
const own = (value: { [key: string]: Json }, key: string): Json | undefined => (Object.hasOwn(value, key) ? value[key] : undefined);

/** MergePatch of RFC 7396, section 2, with entries, so that no name is special. */
function mergeReference(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else result.set(name, mergeReference(result.get(name), value));
  }
  return Object.fromEntries(result);
}

describe('merge patch', () => {
  test('is RFC 7396', () => {
    fc.assert(fc.property(documents, documents, (target, patch) => {
      expect(equalJson(applyMergePatch(target, patch), mergeReference(target, patch))).toBe(true);
    }), { numRuns: 500 });
  });

  test('twice is once, and the target stays as it was', () => {
    fc.assert(fc.property(documents, documents, (target, patch) => {
      const before = JSON.stringify(target);
      const once = applyMergePatch(target, patch);
      expect(equalJson(applyMergePatch(once, patch), once)).toBe(true);
      expect(JSON.stringify(target)).toBe(before);
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    }));
  });
});

const pointer = (...path: readonly (string | number)[]) => path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

describe('JSON patch', () => {
  test('what was added is there, what is removed again leaves the document as it was', () => {
    fc.assert(fc.property(objects, names, documents, (document, name, value) => {
      const added = applyJsonPatch(document, [{ op: 'add', path: pointer(name), value }]) as { [key: string]: Json };
      expect(equalJson(own(added, name), value)).toBe(true);
      const removed = applyJsonPatch(added, [{ op: 'remove', path: pointer(name) }]) as { [key: string]: Json };
      expect(Object.hasOwn(removed, name)).toBe(false);
      const { [name]: _, ...others } = document;
      expect(equalJson(removed, others)).toBe(true);
    }));
  });

  test('an operation test succeeds on what is there and stops a patch on anything else', () => {
    fc.assert(fc.property(objects, names, documents, (document, name, value) => {
      const attempt = () => applyJsonPatch(document, [{ op: 'test', path: pointer(name), value }, { op: 'add', path: pointer('done'), value: true }]) as { [key: string]: Json };
      if (Object.hasOwn(document, name) && equalJson(document[name], value)) expect(attempt()['done']).toBe(true);
      else if (Object.hasOwn(document, name) || value !== null) expect(attempt).toThrow(JsonPatchError);
    }));
  });

  test('moving there and back changes nothing; a copy leaves its source', () => {
    fc.assert(fc.property(objects, names, names, (document, from, to) => {
      fc.pre(Object.hasOwn(document, from) && !Object.hasOwn(document, to));
      const back = applyJsonPatch(document, [{ op: 'move', from: pointer(from), path: pointer(to) }, { op: 'move', from: pointer(to), path: pointer(from) }]);
      expect(equalJson(back, document)).toBe(true);
      const copied = applyJsonPatch(document, [{ op: 'copy', from: pointer(from), path: pointer(to) }]) as { [key: string]: Json };
      expect(equalJson(own(copied, to), own(document, from)) && equalJson(own(copied, from), own(document, from))).toBe(true);
    }));
  });

  test('any operations apply or are refused as a JsonPatchError, and never change the document', () => {
    const path = fc.oneof(fc.array(fc.oneof(names, fc.constantFrom('0', '1', '-', '01', '99')), { maxLength: 3 }).map((parts) => pointer(...parts)), fc.string({ maxLength: 5 }));
    const operation = fc.record({ op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'nothing'), path, from: path, value: documents }, { requiredKeys: [] });
    fc.assert(fc.property(documents, fc.array(operation, { maxLength: 4 }), (document, operations) => {
      const before = JSON.stringify(document);
      try {
        applyJsonPatch(document, operations as never);
      } catch (error) {
        expect(error).toBeInstanceOf(JsonPatchError);
      }
      expect(JSON.stringify(document)).toBe(before);
    }), { numRuns: 500 });
  });

  test('what is no list of operations is refused', () => {
    fc.assert(fc.property(fc.anything(), (value) => {
      try {
        expect(Array.isArray(parseJsonPatch(value))).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(JsonPatchError);
      }
    }));
  });
});

describe('strategic merge patch', () => {
  test('without a schema is a merge of objects: twice is once, or it is refused', () => {
    fc.assert(fc.property(objects, objects, (target, patch) => {
      // A null in a new list is dropped, in a list that replaces another it stays (apimachinery pkg/util/strategicpatch, mergeMap).
      fc.pre(!hasNullInList(patch));
      const before = JSON.stringify(target);
      try {
        const once = applyStrategicMerge(target, patch, unknownMergeSchema);
        expect(equalJson(applyStrategicMerge(once, patch, unknownMergeSchema), once)).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(StrategicMergeError);
      }
      expect(JSON.stringify(target)).toBe(before);
    }));
  });
});

function hasNullInList(value: Json, inList = false): boolean {
  if (value === null) return inList;
  if (Array.isArray(value)) return value.some((item) => hasNullInList(item, true));
  return isObject(value) && Object.values(value).some((item) => hasNullInList(item, inList));
}

const paths = fc.array(fc.constantFrom('f:a', 'f:b', 'f:toString', 'v:1'), { minLength: 1, maxLength: 3 });
const setsOfPaths = fc.array(paths, { maxLength: 6 });
const setOf = (all: readonly (readonly string[])[]): FieldSet => all.map(setOfPath).reduce(union, EMPTY_SET);

function membersOf(set: FieldSet): readonly string[] {
  const members: string[] = [];
  forEachMember(set, (path) => void members.push(path.join('|')));
  return members.sort();
}

describe('field sets', () => {
  test('are sets of paths: union, intersection and difference are those of sets', () => {
    fc.assert(fc.property(setsOfPaths, setsOfPaths, (a, b) => {
      const [left, right] = [new Set(a.map((path) => path.join('|'))), new Set(b.map((path) => path.join('|')))];
      expect(membersOf(setOf(a))).toEqual([...left].sort());
      expect(membersOf(union(setOf(a), setOf(b)))).toEqual([...new Set([...left, ...right])].sort());
      expect(membersOf(intersection(setOf(a), setOf(b)))).toEqual([...left].filter((path) => right.has(path)).sort());
      expect(membersOf(difference(setOf(a), setOf(b)))).toEqual([...left].filter((path) => !right.has(path)).sort());
      for (const path of [...a, ...b]) expect(hasPath(setOf(a), path)).toBe(left.has(path.join('|')));
    }), { numRuns: 300 });
  });
});

describe('continue tokens', () => {
  test('come back; any other text is none', () => {
    fc.assert(fc.property(fc.integer({ min: -1 }), fc.string({ minLength: 1 }), (revision, startKey) => {
      expect(decodeContinue(encodeContinue({ revision, startKey }))).toEqual({ revision, startKey });
    }));
    fc.assert(fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
      const token = decodeContinue(text);
      if (token !== undefined) expect(token.startKey).not.toBe('');
    }));
  });
});
