// Goal: manifests are read as kubectl reads them, and broken ones get a place. Method: what the Go parser takes and the library
// alone does not, what neither takes, and JSON values written and read back.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { readYamlDocuments } from '../../src/yaml/documents.ts';

test('a quoted scalar that closes at the indentation of its key', () => {
  const read = readYamlDocuments('spec:\n  config: \'{\n    "type": "sriov",\n    "ipam": {}\n  }\'\nkind: X\n');
  expect(read).toEqual({ ok: true, value: [{ spec: { config: '{ "type": "sriov", "ipam": {} }' }, kind: 'X' }] });
});

test('several documents, empty ones left out', () => {
  expect(readYamlDocuments('# nothing\n---\na: 1\n---\n---\nb: 2\n')).toEqual({ ok: true, value: [{ a: 1 }, { b: 2 }] });
  expect(readYamlDocuments('')).toEqual({ ok: true, value: [] });
});

test.each([
  ['a: [1, 2', 1],
  ['a: 1\n\tb: 2\n', 2],
  ['a: \'never closed\nb: 2\n', 3],
])('%j is refused with its line', (text, line) => {
  expect(readYamlDocuments(text)).toMatchObject({ ok: false, error: { line } });
});

test('aliases are not expanded without end', () => {
  const levels = 'bcdefghij'.split('').map((name, index) => `${name}: &${name} [${`*${index === 0 ? 'a' : 'bcdefghij'[index - 1]},`.repeat(9)}]`);
  expect(readYamlDocuments(`a: &a [x, x]\n${levels.join('\n')}\n`)).toMatchObject({ ok: false, error: { cause: expect.stringMatching(/alias/i) } });
});

test('values written are read back', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.jsonValue({ maxDepth: 3 })), (value) => {
      // A key "<<" is no key in YAML 1.1 but a merge, and the library does not quote it.
      fc.pre(!JSON.stringify(value).includes('"<<":'));
      const read = readYamlDocuments(stringify(value, { version: '1.1' }));
      // Through JSON on both sides, which knows no −0.
      expect(JSON.parse(JSON.stringify(read))).toEqual({ ok: true, value: [JSON.parse(JSON.stringify(value))] });
    }),
  );
});

test.each<[string, unknown]>([
  ['52:54:00:12:34:56', '52:54:00:12:34:56'], ['1:30', '1:30'], ['190:20:30.5', '190:20:30.5'], ['2024-01-02', '2024-01-02'], ['2024-01-02T03:04:05Z', '2024-01-02T03:04:05Z'], ['!!binary QUI=', 'AB'],
  ['0o17', 15], ['-0o17', -15], ['017', 15], ['0x1F', 31], ['0b101', 5], ['1_000', 1000], ['yes', true], ['off', false], ['~', null], ['.5', 0.5],
])('the scalar %s is what Go\'s library makes of it', (text, value) => {
  expect(readYamlDocuments(`a: ${text}\n`)).toEqual({ ok: true, value: [{ a: value }] });
});
