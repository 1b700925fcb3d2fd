import type { ApiObject } from '../values/json.ts';
import { isObject, objectAt } from '../values/json.ts';
import type { CrdNames, CrdSpec } from './crd-types.ts';

/** Which names of a definition are accepted, and what stands against the others (apiextensions-apiserver pkg/controller/status/naming_controller.go). */
export interface NamesDecision {
  readonly accepted: Partial<CrdNames>;
  /** The last one found. */
  readonly conflict?: { readonly reason: string; readonly message: string };
}

/** `others` are the definitions of the same group: what they were granted is taken. */
export function decideNames(spec: CrdSpec, granted: Partial<CrdNames>, others: readonly ApiObject[]): NamesDecision {
  const taken = others.map((other) => objectAt(objectAt(other, 'status'), 'acceptedNames')).filter(isObject).map((names) => names as unknown as Partial<CrdNames>);
  const resources = new Set(taken.flatMap(({ plural, singular, shortNames = [] }) => [plural, singular, ...shortNames]));
  const kinds = new Set(taken.flatMap(({ kind, listKind }) => [kind, listKind]));
  const { names } = spec;
  const accepted: { -readonly [Name in keyof CrdNames]?: CrdNames[Name] } = { ...granted };
  let conflict: NamesDecision['conflict'];
  const one = (name: 'plural' | 'singular' | 'kind' | 'listKind', among: ReadonlySet<string | undefined>, reason: string) => {
    const wanted = names[name];
    if (wanted === undefined || wanted === granted[name] || !among.has(wanted)) {
      if (wanted !== undefined) accepted[name] = wanted;
    } else conflict = { reason, message: inUse([wanted]) };
  };
  one('plural', resources, 'PluralConflict');
  one('singular', resources, 'SingularConflict');
  const clashing = (names.shortNames ?? []).filter((name) => granted.shortNames?.includes(name) !== true && resources.has(name));
  if (clashing.length > 0) conflict = { reason: 'ShortNamesConflict', message: inUse(clashing) };
  else if (names.shortNames === undefined) delete accepted.shortNames;
  else accepted.shortNames = names.shortNames;
  one('kind', kinds, 'KindConflict');
  one('listKind', kinds, 'ListKindConflict');
  if (names.categories === undefined) delete accepted.categories;
  else accepted.categories = names.categories;
  return { accepted, ...(conflict && { conflict }) };
}

function inUse(names: readonly string[]): string {
  const said = names.map((name) => `"${name}" is already in use`);
  return said.length === 1 ? said[0]! : `[${said.join(', ')}]`;
}
