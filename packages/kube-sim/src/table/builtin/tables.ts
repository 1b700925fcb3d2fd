import published from '../../schemas/kubernetes-tables.json' with { type: 'json' };
import type { TableColumn, TableDefinition } from '../definition.ts';
import { plainTable } from '../plain.ts';
import { builtinCells } from './cells.ts';
import { podRowConditions } from './pod.ts';

const columns: Readonly<Record<string, readonly TableColumn[]>> = published.tables;

/** The table of a built-in kind: the columns that the real server publishes, and the cells that its printers write. */
export function builtinTable(group: string, version: string, kind: string): TableDefinition {
  const key = `${group}/${version}/${kind}`;
  const cells = builtinCells[key];
  if (cells === undefined || columns[key] === undefined) return plainTable;
  return { columns: columns[key], cells, ...(key === '/v1/Pod' ? { conditions: podRowConditions } : {}) };
}
