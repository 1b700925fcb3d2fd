/** Go's own limit (encoding/json maxNestingDepth). */
const DEPTH_MAX = 10_000;

const LITERALS: Readonly<Record<string, string>> = { t: 'true', f: 'false', n: 'null' };
const ESCAPES = 'bfnrt\\/"';

/** Leaves the reading at the first fault; never escapes this file. */
class Fault extends Error {}

/**
 * What Go's encoding/json says of a text that is not JSON, or that is nested too deeply. It follows that package's scanner state
 * by state; the text is known to be faulty, so speed does not matter.
 */
export function goJsonError(text: string, depthMax = DEPTH_MAX): string {
  try {
    new Reader(text, depthMax).read();
    return 'unexpected end of JSON input';
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

class Reader {
  readonly #text: string;
  readonly #depthMax: number;
  #at = 0;

  constructor(text: string, depthMax: number) {
    this.#text = text;
    this.#depthMax = depthMax;
  }

  read(): void {
    const open: ('object' | 'array')[] = [];
    this.#value(open);
    while (open.length > 0) this.#next(open);
    this.#blanks();
    if (this.#at < this.#text.length) throw this.#fault('after top-level value');
  }

  /** Reads a scalar, or the start of a container, which `open` remembers. */
  #value(open: ('object' | 'array')[]): void {
    const character = this.#peek();
    if (character === '{' || character === '[') {
      if (open.length === this.#depthMax) throw this.#fault('exceeded max depth');
      this.#at++;
      this.#open(open, character === '{' ? 'object' : 'array');
    } else if (character === '"') this.#string();
    else if (character === '-' || isDigit(character)) this.#number();
    else if (LITERALS[character] !== undefined) this.#literal(LITERALS[character]);
    else throw this.#fault('looking for beginning of value');
  }

  #open(open: ('object' | 'array')[], kind: 'object' | 'array'): void {
    const closing = kind === 'object' ? '}' : ']';
    if (this.#peek() === closing) {
      this.#at++;
      return;
    }
    open.push(kind);
    if (kind === 'object') this.#key();
    this.#value(open);
  }

  /** What follows a value within the innermost container. */
  #next(open: ('object' | 'array')[]): void {
    const kind = open.at(-1)!;
    const character = this.#peek();
    if (character === ',') {
      this.#at++;
      if (kind === 'object') this.#key();
      this.#value(open);
    } else if (character === (kind === 'object' ? '}' : ']')) {
      this.#at++;
      open.pop();
    } else throw this.#fault(kind === 'object' ? 'after object key:value pair' : 'after array element');
  }

  #key(): void {
    if (this.#peek() !== '"') throw this.#fault('looking for beginning of object key string');
    this.#string();
    if (this.#peek() !== ':') throw this.#fault('after object key');
    this.#at++;
  }

  #string(): void {
    this.#at++;
    for (;;) {
      const character = this.#current();
      if (character < ' ') throw this.#fault('in string literal');
      this.#at++;
      if (character === '"') return;
      if (character === '\\') this.#escape();
    }
  }

  #escape(): void {
    const character = this.#current();
    if (character !== 'u' && !ESCAPES.includes(character)) throw this.#fault('in string escape code');
    this.#at++;
    if (character !== 'u') return;
    for (let digit = 0; digit < 4; digit++, this.#at++) if (!/[0-9A-Fa-f]/.test(this.#current())) throw this.#fault('in \\u hexadecimal character escape');
  }

  #number(): void {
    if (this.#text[this.#at] === '-') {
      this.#at++;
      if (!isDigit(this.#current())) throw this.#fault('in numeric literal');
    }
    if (this.#text[this.#at] === '0') this.#at++;
    else this.#digits();
    if (this.#text[this.#at] === '.') {
      this.#at++;
      if (!isDigit(this.#current())) throw this.#fault('after decimal point in numeric literal');
      this.#digits();
    }
    if (/[eE]/.test(this.#text[this.#at] ?? '')) {
      this.#at++;
      if (/[+-]/.test(this.#current())) this.#at++;
      if (!isDigit(this.#current())) throw this.#fault('in exponent of numeric literal');
      this.#digits();
    }
  }

  #digits(): void {
    while (isDigit(this.#text[this.#at] ?? '')) this.#at++;
  }

  #literal(word: string): void {
    this.#at++;
    for (const expected of word.slice(1)) {
      if (this.#current() !== expected) throw this.#fault(`in literal ${word} (expecting '${expected}')`);
      this.#at++;
    }
  }

  #blanks(): void {
    while (' \t\r\n'.includes(this.#text[this.#at] ?? 'x')) this.#at++;
  }

  #peek(): string {
    this.#blanks();
    return this.#current();
  }

  #current(): string {
    const character = this.#text[this.#at];
    if (character === undefined) throw new Fault('unexpected end of JSON input');
    return character;
  }

  #fault(where: string): Fault {
    return new Fault(`invalid character ${goCharacter(this.#text.charAt(this.#at))} ${where}`);
  }
}

function isDigit(character: string): boolean {
  return character >= '0' && character <= '9' && character.length === 1;
}

/** A character as Go's scanner quotes it. */
function goCharacter(character: string): string {
  if (character === "'") return "'\\''";
  if (character === '"') return `'"'`;
  const escaped: Readonly<Record<string, string>> = { '\n': '\\n', '\t': '\\t', '\r': '\\r', '\\': '\\\\' };
  if (escaped[character] !== undefined) return `'${escaped[character]}'`;
  return character < ' ' || character === '\x7f' ? `'\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}'` : `'${character}'`;
}
