import { fail, ok } from './result.ts';
import type { Result } from './result.ts';

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** Where and why a text is not JSON (RFC 8259). */
export interface JsonError {
  /** Characters before the error, from 0. */
  readonly offset: number;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** What was expected there, as a sentence. */
  readonly cause: string;
}

/** Arrays and objects in one another; beyond this a text is refused, before the engine's own stack is in danger. */
export const JSON_DEPTH_MAX = 100;

/** Like JSON.parse, but the failure is a value that says where; the engine's own messages differ between versions and often do not. */
export function parseJson(text: string): Result<JsonValue, JsonError> {
  const scanner = new Scanner(text);
  try {
    scanner.document();
  } catch (error) {
    if (!(error instanceof Unexpected)) throw error;
    return fail(located(text, error));
  }
  return ok(JSON.parse(text) as JsonValue);
}

export function isJsonObject(value: JsonValue): value is { readonly [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function located(text: string, error: Unexpected): JsonError {
  const before = text.slice(0, error.offset);
  const line = before.split('\n').length;
  return { offset: error.offset, line, column: error.offset - before.lastIndexOf('\n'), cause: error.message };
}

class Unexpected extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const UNICODE_ESCAPE = /u[0-9a-fA-F]{4}/y;
const SPACE = /[ \t\n\r]*/y;

/** Walks a text by the grammar of RFC 8259 and throws at the first character that does not fit. */
class Scanner {
  readonly #text: string;
  #offset = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    this.#value();
    this.#space();
    if (this.#offset < this.#text.length) this.#refuse('the end');
  }

  #value(): void {
    this.#space();
    const first = this.#text[this.#offset];
    if (first === '{') this.#members('}', () => this.#member());
    else if (first === '[') this.#members(']', () => this.#value());
    else if (first === '"') this.#string();
    else if (first !== undefined && (first === '-' || (first >= '0' && first <= '9'))) this.#number();
    else if (!['true', 'false', 'null'].some((word) => this.#word(word))) this.#refuse('a value');
  }

  #members(close: string, item: () => void): void {
    if (++this.#depth > JSON_DEPTH_MAX) throw new Unexpected(this.#offset, `nested deeper than ${JSON_DEPTH_MAX} levels`);
    this.#offset++;
    this.#space();
    if (!this.#take(close)) {
      for (;;) {
        item();
        this.#space();
        if (this.#take(close)) break;
        if (!this.#take(',')) this.#refuse(`"," or "${close}"`);
      }
    }
    this.#depth--;
  }

  #member(): void {
    this.#space();
    if (this.#text[this.#offset] !== '"') this.#refuse('a key in double quotes');
    this.#string();
    this.#space();
    if (!this.#take(':')) this.#refuse('":"');
    this.#value();
  }

  /** A loop and no pattern: a long string would exhaust the pattern engine's backtracking stack. */
  #string(): void {
    const text = this.#text;
    this.#offset++;
    for (; this.#offset < text.length; this.#offset++) {
      const code = text.charCodeAt(this.#offset);
      if (code === QUOTE) {
        this.#offset++;
        return;
      }
      if (code < 0x20) throw new Unexpected(this.#offset, 'a line break or control character inside a string');
      if (code === BACKSLASH) this.#escape();
    }
    this.#refuse('a closing double quote');
  }

  /** Leaves the offset at the last character of the escape sequence. */
  #escape(): void {
    const start = this.#offset++;
    const letter = this.#text[this.#offset];
    if (letter === undefined) this.#refuse('a closing double quote');
    if ('"\\/bfnrt'.includes(letter)) return;
    if (!this.#match(UNICODE_ESCAPE)) throw new Unexpected(start, 'unknown escape sequence in a string');
    this.#offset--;
  }

  #number(): void {
    if (!this.#match(NUMBER)) this.#refuse('a digit after "-"');
  }

  #word(word: string): boolean {
    if (!this.#text.startsWith(word, this.#offset)) return false;
    this.#offset += word.length;
    return true;
  }

  #take(character: string): boolean {
    if (this.#text[this.#offset] !== character) return false;
    this.#offset++;
    return true;
  }

  #space(): void {
    this.#match(SPACE);
  }

  #match(pattern: RegExp): boolean {
    pattern.lastIndex = this.#offset;
    if (!pattern.test(this.#text)) return false;
    this.#offset = pattern.lastIndex;
    return true;
  }

  #refuse(expected: string): never {
    const found = this.#text[this.#offset];
    throw new Unexpected(this.#offset, `expected ${expected}, found ${found === undefined ? 'the end of the text' : JSON.stringify(found)}`);
  }
}
