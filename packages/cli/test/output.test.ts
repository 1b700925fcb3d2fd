// Goal: what the command line prints can be read by people and machines, and cannot be forged by what objects hold.
// Method: tables from drawn cells, documents read back, control characters planted in names.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { renderDocument } from '../src/output/document.ts';
import { printable, renderTable } from '../src/output/table.ts';

describe('tables', () => {
  test('columns line up, numbers stand right, empty cells are dashes', () => {
    const table = renderTable(
      [
        { heading: 'node', cell: (row: { name: string; count: number; note: string }) => row.name },
        { heading: 'vfs', cell: (row) => String(row.count), align: 'right' },
        { heading: 'note', cell: (row) => row.note },
        { heading: 'hidden', cell: () => 'x', wide: true },
      ],
      [{ name: 'node-a', count: 4, note: '' }, { name: 'n', count: 128, note: 'ok' }],
    );
    expect(table).toBe(['NODE     VFS   NOTE', 'node-a     4   -', 'n        128   ok'].join('\n'));
  });

  test('any cells: one line a row, the second column starts at one place', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ maxLength: 12 }), fc.constantFrom('x', 'yy')), { maxLength: 8 }), (rows) => {
        const lines = renderTable([{ heading: 'a', cell: (row: [string, string]) => row[0] }, { heading: 'b', cell: (row) => row[1] }], rows).split('\n');
        expect(lines).toHaveLength(rows.length + 1);
        const starts = rows.map(([, second], index) => [...lines[index + 1]!].length - second.length);
        expect(new Set(starts).size).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('control characters are shown, not obeyed', () => {
    expect(printable('a\u001b[2Jb\nc')).toBe('a\\x1b[2Jb\\x0ac');
  });
});

test('documents read back as they were', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(renderDocument(value, 'json'))).toEqual(JSON.parse(JSON.stringify(value)));
      // Through JSON, which knows no −0.
      expect(JSON.parse(JSON.stringify(parse(renderDocument(value, 'yaml'))))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});
