import type { FleetSpec } from './fleet-spec.ts';
import { parseFleet } from './parse.ts';

/** A uniform fleet for benches and tests; throws on an unknown personality or more PFs than a node takes. */
export function fleetOf(options: { readonly nodes: number; readonly personality: string; readonly pfsPerNode: number; readonly name?: string }): FleetSpec {
  const pfs = Array.from({ length: options.pfsPerNode }, () => ({ personality: options.personality }));
  const parsed = parseFleet({ nodes: [{ name: options.name ?? 'node', count: options.nodes, pfs }] });
  if (!parsed.ok) throw new RangeError(parsed.error.map(({ path, cause, remedy }) => `${path} ${cause}: ${remedy}`).join('; '));
  return parsed.value;
}
