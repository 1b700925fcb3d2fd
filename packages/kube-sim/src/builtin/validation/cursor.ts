import { duplicate, forbiddenField, GoText, invalid, notFound, notSupported, required, tooLong } from '../../errors/field-error.ts';
import type { FieldError } from '../../errors/field-error.ts';
import { getOwn, isObject } from '../../values/json.ts';
import type { JsonObject } from '../../values/json.ts';

/** A place in an object that is being validated: its value, its path, and where its faults are collected. */
export class Cursor {
  readonly value: unknown;
  readonly path: string;
  readonly errors: FieldError[];

  constructor(value: unknown, path: string, errors: FieldError[] = []) {
    this.value = value;
    this.path = path;
    this.errors = errors;
  }

  at(key: string): Cursor {
    return new Cursor(isObject(this.value) ? getOwn(this.value, key) : undefined, this.path === '' ? key : `${this.path}.${key}`, this.errors);
  }

  /** An entry of a map, as messages write it: `data[key]`. */
  key(key: string): Cursor {
    return new Cursor(isObject(this.value) ? getOwn(this.value, key) : undefined, `${this.path}[${key}]`, this.errors);
  }

  /** The same value, reported under another path. */
  shownAt(path: string): Cursor {
    return new Cursor(this.value, path, this.errors);
  }

  index(index: number): Cursor {
    return new Cursor(Array.isArray(this.value) ? (this.value as readonly unknown[])[index] : undefined, `${this.path}[${index}]`, this.errors);
  }

  get items(): readonly Cursor[] {
    return Array.isArray(this.value) ? this.value.map((_, index) => this.index(index)) : [];
  }

  get keys(): readonly string[] {
    return isObject(this.value) ? Object.keys(this.value).sort() : [];
  }

  get isSet(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  get text(): string {
    return typeof this.value === 'string' ? this.value : '';
  }

  get number(): number | undefined {
    return typeof this.value === 'number' ? this.value : undefined;
  }

  get object(): JsonObject {
    return isObject(this.value) ? this.value : {};
  }

  required(detail = ''): void {
    this.errors.push(required(this.path, detail));
  }

  invalid(detail: string, value: unknown = this.value): void {
    this.errors.push(invalid(this.path, value, detail));
  }

  /** A faulty struct, printed with its fields in the order given. */
  invalidStruct(detail: string, fields: JsonObject): void {
    this.errors.push(invalid(this.path, new GoText(fields), detail));
  }

  notSupported(supported: readonly string[], value: unknown = this.value): void {
    this.errors.push(notSupported(this.path, value, supported));
  }

  /** As {@link notSupported}, for a struct whose fields are printed in the order given. */
  notSupportedStruct(supported: readonly string[], fields: JsonObject): void {
    this.errors.push(notSupported(this.path, new GoText(fields), supported));
  }

  /** For faults that no single value has. */
  invalidWithoutValue(detail: string): void {
    this.errors.push({ reason: 'FieldValueInvalid', field: this.path, body: `Invalid value: ${detail}` });
  }

  duplicate(value: unknown = this.value): void {
    this.errors.push(duplicate(this.path, value));
  }

  /** As {@link duplicate}, for a struct whose fields are printed in the order given. */
  duplicateStruct(detail: string, fields: JsonObject): void {
    const found = duplicate(this.path, new GoText(fields));
    this.errors.push(detail === '' ? found : { ...found, body: `${found.body}: ${detail}` });
  }

  forbidden(detail: string): void {
    this.errors.push(forbiddenField(this.path, detail));
  }

  notFound(): void {
    this.errors.push(notFound(this.path, this.value));
  }

  tooLong(maxBytes: number): void {
    this.errors.push(tooLong(this.path, maxBytes));
  }

  /** One fault for each sentence that `problems` finds. */
  check(problems: (text: string) => readonly string[]): void {
    for (const problem of problems(this.text)) this.invalid(problem, this.text);
  }

  notNegative(): void {
    if (this.number !== undefined && this.number < 0) this.invalid('must be greater than or equal to 0');
  }

  between(min: number, max: number): void {
    if (this.number !== undefined && (this.number < min || this.number > max)) this.invalid(`must be between ${min} and ${max}, inclusive`);
  }

  /** Unset is required; anything but the given values is unsupported. */
  oneOf(supported: readonly string[]): void {
    if (this.text === '') this.required();
    else if (!supported.includes(this.text)) this.notSupported(supported);
  }
}

/** Runs a validation over an object and gives what it found. */
export function faults(object: unknown, path: string, validate: (cursor: Cursor) => void): readonly FieldError[] {
  const cursor = new Cursor(object, path);
  validate(cursor);
  return cursor.errors;
}
