import type { Registry } from '../registry/registry.ts';
import type { CrdSpec } from './crd-types.ts';

/** Why the names of a definition cannot be accepted: another resource of its group has one of them. */
export function nameConflict(registry: Registry, { group, names }: CrdSpec): { readonly reason: string; readonly message: string } | undefined {
  const others = registry.all().filter((other) => other.group === group && other.plural !== names.plural);
  const taken = new Set(others.flatMap((other) => [other.plural, other.singular, ...other.shortNames]));
  const kinds = new Set(others.flatMap((other) => [other.kind, other.listKind]));
  if (taken.has(names.plural)) return { reason: 'PluralConflict', message: `"${names.plural}" is already in use` };
  if (names.singular !== undefined && taken.has(names.singular)) return { reason: 'SingularConflict', message: `"${names.singular}" is already in use` };
  for (const shortName of names.shortNames ?? []) if (taken.has(shortName)) return { reason: 'ShortNamesConflict', message: `"${shortName}" is already in use` };
  if (kinds.has(names.kind)) return { reason: 'KindConflict', message: `"${names.kind}" is already in use` };
  if (names.listKind !== undefined && kinds.has(names.listKind)) return { reason: 'ListKindConflict', message: `"${names.listKind}" is already in use` };
  return undefined;
}
