import { explanations } from '../../packages/core/src/errors/explanations.ts';
import { explanationsByDriver } from '../../packages/core/src/errors/by-driver.ts';
import type { Generator } from './generator.ts';

type Rows = Readonly<Record<string, { readonly code: string; readonly cause: string; readonly remedy: string } | undefined>>;

const INTRODUCTION = `<!-- Written by \`npm run generate\` from packages/core/src/errors: change it there. -->
# Errors of the hardware

What the kernel answers to a change of a NIC, and what vfleet says of it: in \`status.lastSyncError\` of the node state, in Events, in logs and in CNI's answers. The driver's own meaning
counts first, then that of what was attempted, then the general one. Words instead of an error number are failures that no system call reports.
`;

/** docs/reference/errors.md: causes and remedies of all errors of the hardware. */
export const errorReference: Generator = {
  name: 'error reference',
  outputs: () => new Map([['docs/reference/errors.md', [
    INTRODUCTION,
    '## Whatever was attempted\n', table(explanations.general),
    '## By what was attempted\n', ...Object.entries(explanations.byOperation).flatMap(([operation, rows]) => [`### ${operation}\n`, table(rows)]),
    '## By driver\n', ...Object.entries(explanationsByDriver).flatMap(([driver, operations]) => Object.entries(operations).flatMap(([operation, rows]) => [`### ${driver}, ${operation}\n`, table(rows)])),
  ].join('\n')]]),
};

function table(rows: Rows): string {
  const lines = Object.entries(rows).flatMap(([answer, row]) => (row === undefined ? [] : [`| \`${answer}\` | ${row.code} | ${cell(row.cause)} | ${cell(row.remedy)} |`]));
  return ['| answer | kind | cause | what to do |', '|---|---|---|---|', ...lines, ''].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
