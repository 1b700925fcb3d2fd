// Goal: a pattern that Go's RE2 would not compile is refused with Go's words, and one that it compiles is taken. Method: patterns
// with the sentences of regexp/syntax, and drawn texts, none of which may throw or take long.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { patternProblem } from '../../src/schema/re2.ts';

describe('patterns', () => {
  test.each([
    ['^[a-z]+$'], ['a{2,5}?'], ['(?i)abc|d'], ['(?P<name>x)(?<other>y)'], ['(?:a|b)*'], ['[[:alnum:]_-]'], ['[]a]'], ['[^]]'], [String.raw`\Q(\E\.\d\pL\p{Greek}\x{1F600}`], ['a|'], [''], ['{'], ['a{,5}'], [String.raw`[\d-z]`],
  ])('%s is one', (pattern) => expect(patternProblem(pattern)).toBeUndefined());

  test.each([
    ['(', 'missing closing ): `(`'], [')', 'unexpected ): `)`'], ['[a', 'missing closing ]: `[a`'], ['*a', 'missing argument to repetition operator: `*`'], ['a**', 'invalid nested repetition operator: `**`'],
    ['a{1001}', 'invalid repeat count: `{1001}`'], ['a{3,2}', 'invalid repeat count: `{3,2}`'], ['[z-a]', 'invalid character class range: `z-a`'], ['(?=a)', 'invalid or unsupported Perl syntax: `(?=`'],
    ['(?<!a)', 'invalid named capture: `(?<!a)`'], ['(?', 'invalid or unsupported Perl syntax: `(?`'], ['(?-', 'invalid or unsupported Perl syntax: `(?-`'], ['(?i', 'invalid or unsupported Perl syntax: `(?i`'], [String.raw`[a-\d]`, 'invalid escape sequence: `\\d`'], ['a|*', 'missing argument to repetition operator: `*`'], [String.raw`(a)\1`, 'invalid escape sequence: `\\1`'], ['a\\', 'trailing backslash at end of expression: ``'], ['[[:nope:]]', 'invalid character class range: `[:nope:]`'],
    [String.raw`\p{Nope}`, 'invalid character class range: `\\p{Nope}`'], ['(?P<a b>x)', 'invalid named capture: `(?P<a b>`'],
  ])('%s is none', (pattern, why) => expect(patternProblem(pattern)).toBe(`error parsing regexp: ${why}`));

  test('any text is judged', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[()[\]{}*+?|\\a-c^$.:,0-9-]{0,40}$/)), (text) => {
      const problem = patternProblem(text);
      expect(problem === undefined || problem.startsWith('error parsing regexp: ')).toBe(true);
    }));
  });
});
