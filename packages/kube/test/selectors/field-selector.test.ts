// Goal: field selectors are parsed and matched as apimachinery does. Method: tables, and the property that any value survives
// formatting (with its escapes) and parsing.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fieldText, formatFieldSelector, isSelectableField, matchesFields, parseFieldSelector } from '../../src/selectors/index.ts';

function parsed(text: string) {
  const result = parseFieldSelector(text);
  if (!result.ok) throw new Error(result.error.cause);
  return result.value;
}

describe('field selector syntax', () => {
  test.each([
    ['', []],
    [',,', []],
    ['a.b=c', [{ field: 'a.b', operator: '=', value: 'c' }]],
    ['a==c', [{ field: 'a', operator: '=', value: 'c' }]],
    ['a!=c,d=', [{ field: 'a', operator: '!=', value: 'c' }, { field: 'd', operator: '=', value: '' }]],
    ['a=b\\,c\\=d\\\\', [{ field: 'a', operator: '=', value: 'b,c=d\\' }]],
    ['a = b', [{ field: 'a ', operator: '=', value: ' b' }]],
  ])('%j', (text, requirements) => {
    expect(parsed(text)).toEqual(requirements);
  });

  test.each(['a', 'a=b,c', 'a=b=c', 'a===b', 'a=b\\x', 'a=b\\', 'a>b'])('%j is refused', (text) => {
    expect(parseFieldSelector(text)).toMatchObject({ ok: false, error: { selector: text } });
  });

  test('any value survives formatting and parsing', () => {
    const requirement = fc.record({ field: fc.constantFrom('metadata.name', 'spec.nodeName'), operator: fc.constantFrom('=', '!='), value: fc.string({ unit: fc.constantFrom('a', ',', '=', '\\', '!', ' ') }) });
    fc.assert(fc.property(fc.array(requirement), (requirements) => {
      expect(parsed(formatFieldSelector(requirements))).toEqual(requirements);
    }));
  });
});

describe('fields of objects', () => {
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'n' }, spec: { nodeName: 'node-1' }, status: { phase: 'Running' } };

  test('terms are ANDed; absent fields are empty; left-out booleans are "false"', () => {
    const read = (field: string) => fieldText(pod, field);
    expect(matchesFields(parsed('metadata.name=p,metadata.namespace=n,spec.nodeName=node-1,status.phase!=Failed'), read)).toBe(true);
    expect(matchesFields(parsed('metadata.name=p,spec.nodeName='), read)).toBe(false);
    expect(matchesFields(parsed('status.podIP='), read)).toBe(true);
    expect(matchesFields(parsed('spec.hostNetwork=false'), read)).toBe(true);
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'x' }, spec: { unschedulable: true } };
    expect(fieldText(node, 'spec.unschedulable')).toBe('true');
  });

  test('only declared fields are selectable', () => {
    const pods = { group: '', plural: 'pods', namespaced: true };
    expect(isSelectableField(pods, 'spec.nodeName')).toBe(true);
    expect(isSelectableField(pods, 'spec.containers')).toBe(false);
    expect(isSelectableField({ group: 'x', plural: 'ys', namespaced: true }, 'metadata.name')).toBe(true);
    expect(isSelectableField({ group: 'x', plural: 'ys', namespaced: true }, 'spec.nodeName')).toBe(false);
  });
});
