import { labelTokens } from '@vfleet/kube/selectors/label-lexer.ts';
import type { LabelToken } from '@vfleet/kube/selectors/label-lexer.ts';
import { goQuote } from '../errors/field-error.ts';
import { labelValueProblems, qualifiedNameProblems } from '../values/names.ts';

/** Leaves the reading at the first fault; never escapes this file. */
class Fault extends Error {}

const OPERATORS: readonly string[] = ['in', 'notin', '=', '==', '!=', '>', '<'];

/** What the real server says of a label selector that does not parse (apimachinery pkg/labels/selector.go). Undefined when it does. */
export function labelSelectorRefusal(text: string): string | undefined {
  try {
    new Reader(labelTokens(text)).read();
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

class Reader {
  readonly #tokens: readonly LabelToken[];
  #at = 0;

  constructor(tokens: readonly LabelToken[]) {
    this.#tokens = tokens;
  }

  read(): void {
    for (;;) {
      const token = this.#token;
      if (token.kind === 'end') return;
      if (token.kind !== 'word' && token.text !== '!') throw new Fault(`found '${token.text}', expected: !, identifier, or 'end of string'`);
      this.#requirement();
      const next = this.#take();
      if (next.kind === 'end') return;
      if (next.text !== ',') throw new Fault(`found '${next.text}', expected: ',' or 'end of string'`);
      const after = this.#token;
      if (after.kind !== 'word' && after.text !== '!') throw new Fault(`found '${after.text}', expected: identifier after ','`);
    }
  }

  get #token(): LabelToken {
    return this.#tokens[this.#at]!;
  }

  #take(): LabelToken {
    const token = this.#token;
    if (token.kind !== 'end') this.#at++;
    return token;
  }

  #requirement(): void {
    const isNegated = this.#token.text === '!' && this.#token.kind === 'symbol';
    if (isNegated) this.#take();
    const key = this.#take();
    if (key.kind !== 'word') throw unparsed(`found '${key.text}', expected: identifier`);
    for (const problem of qualifiedNameProblems(key.text)) throw unparsed(`<nil>: Invalid value: ${goQuote(key.text)}: ${problem}`);
    const next = this.#token;
    if (isNegated || next.kind === 'end' || next.text === ',') return;
    this.#take();
    if (!OPERATORS.includes(next.text)) throw unparsed(`found '${next.text}', expected: in, notin, =, ==, !=, gt, lt`);
    const values = next.text === 'in' || next.text === 'notin' ? this.#set() : this.#exact();
    if (next.text === '>' || next.text === '<') checkInteger(values[0] ?? '');
    values.forEach((value, index) => {
      for (const problem of labelValueProblems(value)) throw unparsed(`values[${index}][${key.text}]: Invalid value: ${goQuote(value)}: ${problem}`);
    });
  }

  #exact(): readonly string[] {
    const next = this.#token;
    if (next.kind === 'end' || next.text === ',') return [''];
    this.#take();
    if (next.kind !== 'word') throw unparsed(`found '${next.text}', expected: identifier`);
    return [next.text];
  }

  #set(): readonly string[] {
    const open = this.#take();
    if (open.text !== '(') throw unparsed(`found '${open.text}' expected: '('`);
    const values: string[] = [];
    const first = this.#token;
    if (first.text === ')') {
      this.#take();
      return [''];
    }
    if (first.kind !== 'word' && first.text !== ',') throw unparsed(`found '${first.text}', expected: ',', ')' or identifier`);
    for (;;) {
      const token = this.#take();
      if (token.kind === 'word') {
        values.push(token.text);
        const next = this.#token;
        if (next.text === ')') break;
        if (next.text !== ',') throw unparsed(`found '${next.text}', expected: ',' or ')'`);
      } else if (token.text === ',') {
        if (this.#token.text === ')') break;
        if (this.#token.text === ',') this.#take();
      } else throw unparsed(`found '${token.text}', expected: ',', or identifier`);
    }
    this.#take();
    return [...new Set(values)].sort();
  }
}

function checkInteger(value: string): void {
  if (!/^[+-]?\d+$/.test(value)) throw unparsed(`values[0]: Invalid value: ${goQuote(value)}: for 'Gt', 'Lt' operators, the value must be an integer`);
}

function unparsed(text: string): Fault {
  return new Fault(`unable to parse requirement: ${text}`);
}

/** What is wrong with a field selector (apimachinery pkg/fields/selector.go). */
export function fieldSelectorRefusal(text: string): string {
  for (const term of text.match(/(\\.|[^,\\]|\\$)+/gs) ?? []) {
    const match = /^.*?(?:!=|==|=)(.*)$/s.exec(term);
    if (match === null) return `invalid selector: '${text}'; can't understand '${term}'`;
    const rest = match[1]!.replace(/\\[\\,=]/g, '');
    const escape = /\\(.?)/s.exec(rest);
    const bare = rest.indexOf('=');
    if (escape !== null && (bare < 0 || escape.index < bare)) return `invalid field selector: invalid escape sequence: \\${escape[1]!}`;
    if (bare >= 0) return 'invalid field selector: unescaped character in value: =';
  }
  return `invalid selector: '${text}'; can't understand '${text}'`;
}
