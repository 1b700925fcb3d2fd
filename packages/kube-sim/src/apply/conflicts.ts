import { StatusError } from '../errors/status.ts';
import { pathText } from './field-set.ts';
import type { ManagerEntry } from './managed-fields.ts';

/** A field that an apply would change and another manager has. */
export interface FieldConflict {
  readonly entry: ManagerEntry;
  readonly path: readonly string[];
}

/** 409 with one cause a field (managedfields conflict.go). */
export function conflictError(conflicts: readonly FieldConflict[]): StatusError {
  const causes = conflicts.map(({ entry, path }) => ({ reason: 'FieldManagerConflict', message: `conflict with ${managerText(entry)}`, field: pathText(path) }));
  return new StatusError('Conflict', 409, message(conflicts), { causes });
}

function message(conflicts: readonly FieldConflict[]): string {
  const [first] = conflicts;
  if (conflicts.length === 1) return `Apply failed with 1 conflict: conflict with ${managerText(first!.entry)}: ${pathText(first!.path)}`;
  const byManager = Map.groupBy(conflicts, ({ entry }) => entry);
  const blocks = [...byManager].sort(([a], [b]) => (identifier(a) < identifier(b) ? -1 : 1))
    .map(([entry, found]) => [`conflicts with ${managerText(entry)}:`, ...found.map(({ path }) => `- ${pathText(path)}`)].join('\n'));
  return `Apply failed with ${conflicts.length} conflicts: ${blocks.join('\n')}`;
}

function identifier({ manager, operation, apiVersion, subresource }: ManagerEntry): string {
  // What is empty is left out, which decides the order.
  return JSON.stringify({ manager: manager || undefined, operation, apiVersion: operation === 'Apply' ? undefined : apiVersion, subresource: subresource || undefined });
}

function managerText({ manager, operation, apiVersion, subresource }: ManagerEntry): string {
  const name = `${JSON.stringify(manager)}${subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`}`;
  return operation === 'Update' ? `${name} using ${apiVersion}` : name;
}
