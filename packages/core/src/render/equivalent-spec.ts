import type { NodeStateSpec } from '../api/node-state.ts';
import { comparePciAddresses } from '../domain/pci.ts';

/**
 * Whether two specs want the same of a node. The Go operator writes `bridges: {}` and `system: {}`, leaves out what is zero, and orders PFs
 * otherwise: none of that is worth a new generation. A spec without `interfaces` was never rendered, and equals none.
 */
export function areEquivalentSpecs(stored: NodeStateSpec, rendered: NodeStateSpec): boolean {
  return stored.interfaces !== undefined && canonical(stored) === canonical(rendered);
}

function canonical({ interfaces = [], bridges, system }: NodeStateSpec): string {
  const sorted = interfaces.toSorted((a, b) => comparePciAddresses(a.pciAddress, b.pciAddress));
  // In the maps of bridges an empty text is a value.
  return JSON.stringify([reduced(sorted, ['', 0, false]), reduced(bridges, []), reduced(system, [''])].map((part) => part ?? null));
}

/** Without nulls, `zeros` and what then holds nothing, names in order; undefined where nothing is left. */
function reduced(value: unknown, zeros: readonly unknown[]): unknown {
  if (value === null || value === undefined || zeros.includes(value)) return undefined;
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((item: unknown) => reduced(item, zeros) ?? null);
  if (typeof value !== 'object') return value;
  const kept = Object.entries(value).flatMap(([name, inner]) => {
    const content = reduced(inner, zeros);
    return content === undefined ? [] : [[name, content] as const];
  });
  return kept.length === 0 ? undefined : kept.sort(([a], [b]) => (a < b ? -1 : 1));
}
