import { fleetFileSchema, personalities } from '@vfleet/hw-sim';
import type { Personality } from '@vfleet/hw-sim';
import { fields, table } from './field-table.ts';
import type { Generator } from './generator.ts';

const INTRODUCTION = `<!-- Written by \`npm run generate\` from packages/hw-sim: change it there. -->
# Fleet files

What \`vfleet up --fleet FILE\` reads: one YAML document. \`[]\` is an item of a list. Mistakes are reported with their path in the file.
`;

/** docs/reference/fleet.md: the fields of fleet files, and every NIC personality with the source of each of its values. */
export const fleetReference: Generator = {
  name: 'fleet reference',
  outputs: () => new Map([['docs/reference/fleet.md', [INTRODUCTION, table(fields(fleetFileSchema.json, 'fleet')), '# NIC personalities\n', ...personalities.map(section)].join('\n')]]),
};

function section(personality: Personality): string {
  const lines = Object.entries(personality).map(([name, sourced]: [string, unknown]) => row(name, sourced));
  return [`## ${personality.name.value}\n`, '| what | value | source |', '|---|---|---|', ...lines, ''].join('\n');
}

function row(name: string, sourced: unknown): string {
  const { value, source } = sourced as { readonly value: unknown; readonly source: string };
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return `| ${name} | ${cell(text)} | ${cell(source)} |`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ').replaceAll('<', '&lt;');
}
