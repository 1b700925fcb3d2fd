import type { Cursor } from '../../builtin/validation/cursor.ts';
import { dns1035LabelProblems } from '../../values/names.ts';

/** Names that a spec must have, beyond the form that names have everywhere. */
export function checkRequiredNames(names: Cursor): void {
  for (const name of ['plural', 'singular', 'kind', 'listKind']) if (names.at(name).text === '') names.at(name).required();
}

/** The form of the names of a definition, in its spec and in its status. */
export function checkNames(names: Cursor): void {
  for (const name of ['plural', 'singular']) checkLabel(names.at(name));
  for (const name of ['kind', 'listKind']) checkKind(names.at(name));
  for (const shortName of names.at('shortNames').items) checkLabel(shortName, true);
  const listKind = names.at('listKind');
  if (names.at('kind').text !== '' && names.at('kind').text === listKind.text) listKind.invalid('kind and listKind may not be the same');
  for (const category of names.at('categories').items) checkLabel(category, true);
}

/** All that is wrong with a label is one fault here. */
export function checkLabel(label: Cursor, isNeeded = false): void {
  const problems = dns1035LabelProblems(label.text);
  if ((isNeeded || label.text !== '') && problems.length > 0) label.invalid(problems.join(','), label.text);
}

function checkKind(kind: Cursor): void {
  const problems = dns1035LabelProblems(kind.text.toLowerCase());
  if (kind.text !== '' && problems.length > 0) kind.invalid(`may have mixed case, but should otherwise match: ${problems.join(',')}`);
}
