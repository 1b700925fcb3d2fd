import type { LabelSelector, Result } from '@vfleet/core';
import { fail, ok } from '@vfleet/core';
import type { LabelToken } from './label-lexer.ts';
import { labelTokens } from './label-lexer.ts';
import { labelValueProblem, qualifiedNameProblem } from './names.ts';
import type { SelectorError } from './selector-error.ts';

export type LabelOperator = 'in' | 'notin' | '=' | '==' | '!=' | 'exists' | '!' | 'gt' | 'lt';

/** One term of a label selector. `values` is sorted and without duplicates; empty for `exists` and `!`. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  readonly values: readonly string[];
}

/** All of them must hold; none at all matches everything. */
export type LabelRequirements = readonly LabelRequirement[];

export type Labels = Readonly<Record<string, string>>;

const BINARY: Readonly<Record<string, LabelOperator>> = { '=': '=', '==': '==', '!=': '!=', '>': 'gt', '<': 'lt' };
const REMEDY = 'Write terms like key=value, key!=value, key in (a,b), key notin (a,b), key or !key, separated by commas.';
const INTEGER = /^[+-]?[0-9]+$/;

/**
 * Parses `a=b,c in (d,e),!f` (apimachinery pkg/labels/selector.go: the whole syntax, `>` and `<` included). Requirements
 * come back sorted by key, as the Go parser returns them, so that equal selectors format equally.
 */
export function parseLabelSelector(text: string): Result<LabelRequirements, SelectorError> {
  try {
    return ok(new Parser(text).parse());
  } catch (error) {
    if (error instanceof Refusal) return fail({ selector: text, cause: error.message, remedy: REMEDY });
    throw error;
  }
}

/** Turns a metav1.LabelSelector object into requirements. An empty object matches everything. */
export function labelRequirementsOf(selector: LabelSelector): Result<LabelRequirements, SelectorError> {
  try {
    const exact = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => requirement(key, '=', [value]));
    const expressions = (selector.matchExpressions ?? []).map(({ key, operator, values }) => {
      const known = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' } as const;
      if (!Object.hasOwn(known, operator)) throw new Refusal(`"${operator}" is not a valid label selector operator`);
      return requirement(key, known[operator as keyof typeof known], values ?? []);
    });
    return ok([...exact, ...expressions].sort(byKey));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return fail({ selector: JSON.stringify(selector), cause: error.message, remedy: 'Operators are In and NotIn (with values), Exists and DoesNotExist (without).' });
  }
}

/** Whether an object's labels meet every requirement. Absent labels are no labels. */
export function matchesLabels(requirements: LabelRequirements, labels: Labels | undefined): boolean {
  return requirements.every((one) => meets(one, labels !== undefined && Object.hasOwn(labels, one.key) ? labels[one.key] : undefined));
}

/** The canonical text: what {@link parseLabelSelector} parses to the same requirements. */
export function formatLabelSelector(requirements: LabelRequirements): string {
  return requirements.map(formatRequirement).join(',');
}

function formatRequirement({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case 'exists': return key;
    case '!': return `!${key}`;
    case 'in':
    case 'notin': return `${key} ${operator} (${values.join(',')})`;
    case 'gt': return `${key}>${values[0]}`;
    case 'lt': return `${key}<${values[0]}`;
    default: return `${key}${operator}${values[0]}`;
  }
}

function meets({ operator, values }: LabelRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'exists': return value !== undefined;
    case '!': return value === undefined;
    case 'in':
    case '=':
    case '==': return value !== undefined && values.includes(value);
    case 'notin':
    case '!=': return value === undefined || !values.includes(value);
    case 'gt':
    case 'lt': {
      if (value === undefined || !isInt64(value)) return false;
      return operator === 'gt' ? int(value) > int(values[0]!) : int(value) < int(values[0]!);
    }
  }
}

function isInt64(text: string): boolean {
  return INTEGER.test(text) && BigInt.asIntN(64, int(text)) === int(text);
}

/** BigInt() refuses a leading plus, which Go's ParseInt takes. */
function int(text: string): bigint {
  return BigInt(text.startsWith('+') ? text.slice(1) : text);
}

function byKey(a: LabelRequirement, b: LabelRequirement): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

function requirement(key: string, operator: LabelOperator, values: readonly string[]): LabelRequirement {
  const problem = qualifiedNameProblem(key);
  if (problem !== undefined) throw new Refusal(problem);
  const distinct = [...new Set(values)].sort();
  if ((operator === 'in' || operator === 'notin') && distinct.length === 0) throw new Refusal(`"${key} ${operator}" needs at least one value`);
  if ((operator === 'exists' || operator === '!') && distinct.length > 0) throw new Refusal(`"${key}": no values may be given with Exists and DoesNotExist`);
  if ((operator === 'gt' || operator === 'lt') && !isInt64(distinct[0]!)) throw new Refusal(`"${key}" is compared with "${distinct[0]}", which is no integer`);
  for (const value of distinct) {
    const invalid = labelValueProblem(value);
    if (invalid !== undefined) throw new Refusal(invalid);
  }
  return { key, operator, values: distinct };
}

/** Leaves the recursive descent; never escapes this file. */
class Refusal extends Error {}

class Parser {
  readonly #tokens: readonly LabelToken[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = labelTokens(text);
  }

  parse(): LabelRequirements {
    const found: LabelRequirement[] = [];
    if (this.#peek().kind === 'end') return found;
    for (;;) {
      found.push(this.#requirement());
      const token = this.#take();
      if (token.kind === 'end') return found.sort(byKey);
      if (!isSymbol(token, ',')) throw expected(token, "',' or the end");
    }
  }

  #requirement(): LabelRequirement {
    const negated = isSymbol(this.#peek(), '!');
    if (negated) this.#take();
    const key = this.#take();
    if (key.kind !== 'word') throw expected(key, 'a label key');
    if (negated) return requirement(key.text, '!', []);
    const next = this.#peek();
    if (next.kind === 'end' || isSymbol(next, ',')) return requirement(key.text, 'exists', []);
    this.#take();
    if (next.kind === 'word' && (next.text === 'in' || next.text === 'notin')) return requirement(key.text, next.text, this.#set());
    const operator = next.kind === 'symbol' ? BINARY[next.text] : undefined;
    if (operator === undefined) throw expected(next, 'one of = == != in notin < >');
    return requirement(key.text, operator, [this.#exact()]);
  }

  /** What follows an equality: nothing at all is the empty value. */
  #exact(): string {
    const next = this.#peek();
    if (next.kind === 'end' || isSymbol(next, ',')) return '';
    this.#take();
    if (next.kind !== 'word') throw expected(next, 'a value');
    return next.text;
  }

  /** `(a,b)`. An empty place between commas is the empty value, and so is `()` as a whole. */
  #set(): readonly string[] {
    const open = this.#take();
    if (!isSymbol(open, '(')) throw expected(open, "'('");
    const values: string[] = [];
    for (;;) {
      const next = this.#peek();
      if (next.kind === 'word') values.push(this.#take().text);
      else if (isSymbol(next, ',') || isSymbol(next, ')')) values.push('');
      else throw expected(next, "a value, ',' or ')'");
      const after = this.#take();
      if (isSymbol(after, ')')) return values;
      if (!isSymbol(after, ',')) throw expected(after, "',' or ')'");
    }
  }

  #peek(): LabelToken {
    return this.#tokens[this.#at]!;
  }

  /** The `end` token is never consumed, so that there is always one to look at. */
  #take(): LabelToken {
    const token = this.#tokens[this.#at]!;
    if (token.kind !== 'end') this.#at++;
    return token;
  }
}

function isSymbol(token: LabelToken, symbol: string): boolean {
  return token.kind === 'symbol' && token.text === symbol;
}

function expected(found: LabelToken, what: string): Refusal {
  return new Refusal(`found ${found.kind === 'end' ? 'the end' : `'${found.text}'`}, expected ${what}`);
}
