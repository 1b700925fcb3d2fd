// Goal: label selectors are parsed and matched as apimachinery does. Method: tables of accepted and refused texts (the syntax
// of pkg/labels/selector.go), and properties: formatting then parsing changes nothing, and each operator agrees with its
// definition on generated labels.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LabelRequirement } from '../../src/selectors/index.ts';
import { formatLabelSelector, labelRequirementsOf, matchesLabels, parseLabelSelector } from '../../src/selectors/index.ts';

function parsed(text: string) {
  const result = parseLabelSelector(text);
  if (!result.ok) throw new Error(result.error.cause);
  return result.value;
}

const selects = (text: string, labels: Record<string, string>) => matchesLabels(parsed(text), labels);

describe('label selector syntax', () => {
  test.each([
    ['', ''],
    ['a', 'a'],
    ['!a', '!a'],
    [' ! a ', '!a'],
    ['b=1, a = 2', 'a=2,b=1'],
    ['a==x', 'a==x'],
    ['a!=x', 'a!=x'],
    ['a=', 'a='],
    ['a=,b', 'a=,b'],
    ['a in (z,y,z)', 'a in (y,z)'],
    ['a notin(y , x)', 'a notin (x,y)'],
    ['a in ()', 'a in ()'],
    ['a in (,x)', 'a in (,x)'],
    ['a in (x,)', 'a in (,x)'],
    ['in in (in,notin)', 'in in (in,notin)'],
    ['notin', 'notin'],
    ['x<0,example.com/a.b_c-d>5', 'example.com/a.b_c-d>5,x<0'],
  ])('%j is read as %j', (text, canonical) => {
    expect(formatLabelSelector(parsed(text))).toBe(canonical);
  });

  test.each([
    ',', 'a,', ',a', 'a b', 'a=b c', '!', '!!a', '!a=b', 'a in', 'a in x', 'a in (x', 'a in (x y)', 'a in x)', 'a=!b', 'a=(b)', '=b', '(a)', 'a ! b',
    'a===b', 'a=>b', 'a>', 'a>x', 'a<1.5', 'a>9223372036854775808', '-a', 'a-', 'a/b/c', '/a', 'a/', 'A.B/c', 'a=-x', 'a=x-', `a=${'x'.repeat(64)}`, 'x'.repeat(64), 'a=é', 'a notin',
  ])('%j is refused with a cause and a remedy', (text) => {
    const result = parseLabelSelector(text);
    expect(result).toEqual({ ok: false, error: { selector: text, cause: expect.stringMatching(/./), remedy: expect.stringContaining('key=value') } });
  });
});

describe('label selector matching', () => {
  test('integers compare as integers, and other values never match', () => {
    expect(selects('n>9', { n: '10' })).toBe(true);
    expect(selects('n<10', { n: '9' })).toBe(true);
    expect(selects('n>9', { n: '9' })).toBe(false);
    expect(selects('n>9', { n: 'ten' })).toBe(false);
    expect(selects('n>9', {})).toBe(false);
    expect(selects('n>9223372036854775806', { n: '9223372036854775807' })).toBe(true);
  });

  test('an absent label meets the negative operators only', () => {
    expect(['a!=x', 'a notin (x)', '!a'].map((text) => selects(text, {}))).toEqual([true, true, true]);
    expect(['a=x', 'a in (x)', 'a', 'a=', 'a in ()'].map((text) => selects(text, {}))).toEqual([false, false, false, false, false]);
    expect(['a=', 'a in ()', 'a'].map((text) => selects(text, { a: '' }))).toEqual([true, true, true]);
  });

  test('labels named like members of Object are labels like any other', () => {
    expect(selects('constructor', {})).toBe(false);
    expect(selects('!toString', {})).toBe(true);
  });

  test('no labels at all are no labels', () => {
    expect(matchesLabels(parsed('!a'), undefined)).toBe(true);
    expect(matchesLabels(parsed('a'), undefined)).toBe(false);
  });
});

const key = fc.constantFrom('a', 'b', 'in', 'example.com/c');
const value = fc.constantFrom('', '0', '1', '2', '10', 'x', 'in');
const requirement: fc.Arbitrary<LabelRequirement> = fc.oneof(
  fc.record({ key, operator: fc.constantFrom('=', '==', '!='), values: value.map((one) => [one]) }),
  fc.record({ key, operator: fc.constantFrom('in', 'notin'), values: fc.uniqueArray(value, { minLength: 1 }).map((some) => some.sort()) }),
  fc.record({ key, operator: fc.constantFrom('exists', '!'), values: fc.constant([]) }),
  fc.record({ key, operator: fc.constantFrom('gt', 'lt'), values: fc.constantFrom('0', '1', '10').map((one) => [one]) }),
);
const labels = fc.dictionary(key, value);

test('formatting and parsing are inverse up to the order of keys', () => {
  fc.assert(
    fc.property(fc.array(requirement), (requirements) => {
      const sorted = requirements.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
      expect(parsed(formatLabelSelector(requirements))).toEqual(sorted);
    }),
  );
});

test('every operator means what its definition says, and terms are ANDed', () => {
  const holds = ({ key: name, operator, values }: LabelRequirement, given: Record<string, string>): boolean => {
    const has = Object.keys(given).includes(name);
    const listed = has && values.includes(given[name]!);
    if (operator === 'exists' || operator === '!') return has === (operator === 'exists');
    if (operator === 'gt' || operator === 'lt') {
      const isNumber = has && /^\d+$/.test(given[name]!);
      return isNumber && (operator === 'gt' ? Number(given[name]) > Number(values[0]) : Number(given[name]) < Number(values[0]));
    }
    return operator === 'notin' || operator === '!=' ? !listed : listed;
  };
  fc.assert(
    fc.property(fc.array(requirement, { maxLength: 4 }), labels, (requirements, given) => {
      expect(matchesLabels(requirements, given)).toBe(requirements.every((one) => holds(one, given)));
    }),
  );
});

test('no text makes the parser throw, and what it accepts it also accepts in canonical form', () => {
  const unit = fc.constantFrom('a', 'b', '=', '!', ',', '(', ')', '<', '>', ' ', 'in', '\t', '/', '.', '-', 'é', '\u0000');
  fc.assert(
    fc.property(fc.string({ unit }), (text) => {
      const result = parseLabelSelector(text);
      expect(result).toEqual(result.ok ? parseLabelSelector(formatLabelSelector(result.value)) : result);
    }),
  );
});

describe('metav1.LabelSelector objects', () => {
  test('an empty one matches everything; labels and expressions are ANDed', () => {
    const empty = labelRequirementsOf({});
    expect(empty.ok && matchesLabels(empty.value, undefined)).toBe(true);
    const both = labelRequirementsOf({ matchLabels: { b: '1' }, matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['x'] }, { key: 'c', operator: 'DoesNotExist' }, { key: 'd', operator: 'Exists' }] });
    expect(both.ok && formatLabelSelector(both.value)).toBe('a notin (x),b=1,!c,d');
  });

  test.each([
    { matchExpressions: [{ key: 'a', operator: 'in', values: ['x'] }] },
    { matchExpressions: [{ key: 'a', operator: 'In' }] },
    { matchExpressions: [{ key: 'a', operator: 'In', values: [] }] },
    { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['x'] }] },
    { matchExpressions: [{ key: 'a', operator: 'toString' }] },
    { matchLabels: { 'not a key': 'x' } },
    { matchLabels: { a: 'not a value' } },
  ])('%j is refused', (selector) => {
    expect(labelRequirementsOf(selector).ok).toBe(false);
  });
});
