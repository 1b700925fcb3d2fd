import type { Cursor } from '../../builtin/validation/cursor.ts';
import { fieldPathOf } from '../../cel/field-path.ts';
import { duplicate, tooMany } from '../../errors/field-error.ts';
import type { JsonSchema } from '@vfleet/core';
import { compileSchema } from '../../schema/structural.ts';

const COLUMN_TYPES: readonly string[] = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS: readonly string[] = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];
const SELECTABLE_TYPES: readonly unknown[] = ['string', 'boolean', 'integer'];
const SELECTABLE_MAX = 8;
const WARNING_MAX_BYTES = 256;

/** The paths of the scale subresource. */
export function checkSubresources(subresources: Cursor): void {
  const scale = subresources.at('scale');
  if (!scale.isSet) return;
  checkScalePath(scale.at('specReplicasPath'), ['.spec.'], 'should be a json path under .spec');
  checkScalePath(scale.at('statusReplicasPath'), ['.status.'], 'should be a json path under .status');
  const selector = scale.at('labelSelectorPath');
  if (selector.text !== '') checkScalePath(selector, ['.spec.', '.status.'], 'should be a json path under either .spec or .status');
}

function checkScalePath(path: Cursor, prefixes: readonly string[], sentence: string): void {
  if (path.text === '') path.required();
  else if (!checkSimplePath(path) && !prefixes.some((prefix) => path.text.startsWith(prefix))) path.invalid(sentence);
}

/** Whether there was a fault. */
function checkSimplePath(path: Cursor): boolean {
  if (path.text.startsWith('.')) return false;
  path.invalid('must be a simple json path starting with .');
  return true;
}

export function checkColumn(column: Cursor): void {
  if (column.at('name').text === '') column.at('name').required();
  const type = column.at('type');
  const oneOfTypes = `must be one of ${COLUMN_TYPES.join(',')}`;
  if (type.text === '') type.required(oneOfTypes);
  else if (!COLUMN_TYPES.includes(type.text)) type.invalid(oneOfTypes);
  const format = column.at('format');
  if (format.text !== '' && !COLUMN_FORMATS.includes(format.text)) format.invalid(`must be one of ${COLUMN_FORMATS.join(',')}`);
  // The path's name is that of Go's field.
  const path = column.at('jsonPath').shownAt(`${column.path}.JSONPath`);
  if (path.text === '') path.required();
  else checkSimplePath(path);
}

export function checkDeprecation(version: Cursor): void {
  const warning = version.at('deprecationWarning');
  if (!warning.isSet) return;
  if (version.at('deprecated').value !== true) return warning.invalid('can only be set for deprecated versions');
  if (new TextEncoder().encode(warning.text).length > WARNING_MAX_BYTES) warning.invalid(`must be <= ${WARNING_MAX_BYTES} characters long`);
  if (warning.text === '') warning.invalid('must not be an empty string');
  const odd = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.exec(warning.text);
  if (odd !== null) warning.invalid(`must only contain printable UTF-8 characters; non-printable character found at index ${new TextEncoder().encode(warning.text.slice(0, odd.index)).length}`);
}

/** KEP-4358: at most eight scalar fields, outside metadata. */
export function checkSelectableFields(fields: Cursor, schema: JsonSchema): void {
  const root = compileSchema(schema);
  const seen = new Set<string>();
  for (const field of fields.items) {
    const path = field.at('jsonPath');
    if (path.text === '') {
      path.required();
      continue;
    }
    const found = fieldPathOf(path.text, root, false);
    if (!found.ok) {
      path.invalid(`is an invalid path: ${found.problem}`);
      continue;
    }
    if (/^metadata(\.|\[|$)/.test(found.path)) path.invalid('must not point to fields in metadata');
    if (!SELECTABLE_TYPES.includes(found.schema.schema.type)) path.invalid('must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.');
    if (seen.has(found.path)) path.errors.push(duplicate(path.path, path.text));
    seen.add(found.path);
  }
  if (seen.size > SELECTABLE_MAX) fields.errors.push(tooMany(fields.path, seen.size, SELECTABLE_MAX));
}
