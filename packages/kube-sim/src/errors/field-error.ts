/** What is wrong with one field, in the words of apimachinery's pkg/util/validation/field. */
export interface FieldError {
  readonly reason:
    | 'FieldValueNotFound' | 'FieldValueRequired' | 'FieldValueDuplicate' | 'FieldValueInvalid' | 'FieldValueNotSupported'
    | 'FieldValueForbidden' | 'FieldValueTooLong' | 'FieldValueTooMany' | 'FieldValueTypeInvalid' | 'InternalError';
  /** Path of the field: `spec.containers[0].name`; `<nil>` for the object itself. */
  readonly field: string;
  /** The message without the field. */
  readonly body: string;
}

const TITLES: Readonly<Record<FieldError['reason'], string>> = {
  FieldValueNotFound: 'Not found',
  FieldValueRequired: 'Required value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  FieldValueTypeInvalid: 'Invalid value',
  InternalError: 'Internal error',
};

function make(reason: FieldError['reason'], field: string, body: string, detail: string): FieldError {
  return { reason, field: field === '' ? '<nil>' : field, body: detail === '' ? body : `${body}: ${detail}` };
}

function withValue(reason: FieldError['reason'], field: string, value: unknown, detail: string): FieldError {
  return make(reason, field, `${TITLES[reason]}: ${goValue(value)}`, detail);
}

/** A value whose fields are printed in the order they have here: that of a Go struct. */
export class GoText {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

/** A bad value as Go prints it: strings with %q, the rest as JSON. */
export function goValue(value: unknown): string {
  if (value instanceof GoText) return escapedLikeGo(JSON.stringify(value.value));
  if (typeof value === 'string') return goQuote(value);
  if (value === undefined) return 'null';
  return goJson(value);
}

/** JSON as Go's encoding/json writes it: keys of maps sorted, &, < and > escaped. */
export function goJson(value: unknown): string {
  return escapedLikeGo(JSON.stringify(value, (_key, inner: unknown) => sortedKeys(inner)) ?? 'null');
}

function escapedLikeGo(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function sortedKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const source = value as Record<string, unknown>;
  return Object.fromEntries(Object.keys(source).sort().map((key) => [key, source[key]]));
}

/** A text in Go's %q: like JSON for what is printable, with \x and \u escapes for the rest. */
export function goQuote(text: string): string {
  let quoted = '"';
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (character === '"' || character === '\\') quoted += `\\${character}`;
    else if (character === '\n') quoted += '\\n';
    else if (character === '\t') quoted += '\\t';
    else if (character === '\r') quoted += '\\r';
    else if (code < 0x20 || code === 0x7f) quoted += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character)) quoted += character;
    else quoted += code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  }
  return `${quoted}"`;
}

export function required(field: string, detail = ''): FieldError {
  return make('FieldValueRequired', field, TITLES.FieldValueRequired, detail);
}

export function invalid(field: string, value: unknown, detail: string): FieldError {
  return withValue('FieldValueInvalid', field, value, detail);
}

export function typeInvalid(field: string, value: unknown, detail: string): FieldError {
  return withValue('FieldValueTypeInvalid', field, value, detail);
}

export function duplicate(field: string, value: unknown): FieldError {
  return withValue('FieldValueDuplicate', field, value, '');
}

export function notFound(field: string, value: unknown): FieldError {
  return withValue('FieldValueNotFound', field, value, '');
}

export function notSupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  return withValue('FieldValueNotSupported', field, value, supported.length === 0 ? '' : `supported values: ${supported.map(goQuote).join(', ')}`);
}

export function forbiddenField(field: string, detail: string): FieldError {
  return make('FieldValueForbidden', field, TITLES.FieldValueForbidden, detail);
}

export function tooLong(field: string, maxBytes: number): FieldError {
  return make('FieldValueTooLong', field, TITLES.FieldValueTooLong, `may not be more than ${maxBytes} ${maxBytes === 1 ? 'byte' : 'bytes'}`);
}

export function tooMany(field: string, actual: number, max: number): FieldError {
  return withValue('FieldValueTooMany', field, actual, `must have at most ${max} ${max === 1 ? 'item' : 'items'}`);
}

export function formatFieldError(error: FieldError): string {
  return `${error.field}: ${error.body}`;
}

/** Several errors as one text: duplicates once, brackets only around more than one (apimachinery ErrorList.ToAggregate). */
export function aggregate(messages: readonly string[]): string {
  const unique = [...new Set(messages)];
  return unique.length === 1 ? unique[0]! : `[${unique.join(', ')}]`;
}
