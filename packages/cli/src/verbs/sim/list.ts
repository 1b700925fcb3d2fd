import { catalog, faultCatalog, faultNames, properties } from '@vfleet/sim';
import type { CliContext } from '../../context.ts';
import { renderDocument } from '../../output/document.ts';
import type { OutputFormat } from '../../output/document.ts';
import { renderTable } from '../../output/table.ts';

/** Prints scenarios, faults or oracles. */
export function list(options: { readonly faults?: boolean; readonly oracles?: boolean; readonly output: OutputFormat }, { terminal }: CliContext): number {
  const rows = options.faults === true
    ? faultNames.map((name) => ({ name, says: faultCatalog[name].says }))
    : options.oracles === true
      ? properties.map(({ name, property }) => ({ name, says: property }))
      : catalog.map(({ name, summary }) => ({ name, says: summary }));
  const { output } = options;
  terminal.out(output === 'json' || output === 'yaml' ? renderDocument(rows, output) : `${renderTable([{ heading: 'name', cell: ({ name }) => name }, { heading: 'says', cell: ({ says }) => says }], rows)}\n`);
  return 0;
}
