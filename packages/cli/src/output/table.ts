/** A column of a table for people: a heading and how a row's cell reads. */
export interface Column<Row> {
  readonly heading: string;
  readonly cell: (row: Row) => string;
  /** Numbers read better against the right edge. */
  readonly align?: 'left' | 'right';
  /** Shown with `-o wide` only. */
  readonly wide?: boolean;
}

/** Columns separated by three spaces, headings in capitals, as kubectl prints them; an empty cell is `-`. No trailing spaces. */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], options: { readonly wide?: boolean } = {}): string {
  const shown = columns.filter((column) => options.wide === true || column.wide !== true);
  const cells = [shown.map((column) => column.heading.toUpperCase()), ...rows.map((row) => shown.map((column) => printable(column.cell(row)) || '-'))];
  const widths = shown.map((_, index) => Math.max(...cells.map((line) => displayWidth(line[index]!))));
  return cells
    .map((line) =>
      line
        .map((cell, index) => {
          const gap = ' '.repeat(widths[index]! - displayWidth(cell));
          return shown[index]!.align === 'right' ? gap + cell : cell + gap;
        })
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}

/** Text from an API object may hold anything; control characters would move the cursor or forge lines. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function displayWidth(text: string): number {
  return [...text].length;
}
