import { isEmpty, valueAt } from './chart-objects.ts';

/** What a template sees. */
export interface Scope {
  readonly Values: unknown;
  readonly Release: { readonly Namespace: string };
  readonly Chart: { readonly AppVersion: string };
}

/**
 * Renders the language that the chart's templates keep to: text, `if`/`else`/`end`, `define`/`include`, `ne`, `default`, `toJson`. No library that
 * renders Go templates in JavaScript knows helm's functions and its white space; this much is a page, and helm itself is the judge of it
 * wherever it is there (test/cluster/chart.test.ts). Anything else throws.
 */
export function createRenderer(helpers: string): (template: string, scope: Scope) => string {
  const defined = new Map<string, readonly Node[]>();
  parse(tokens(helpers), defined);
  return (template, scope) => print(parse(tokens(template), defined), scope, defined);
}

type Token = { readonly text: string } | { readonly action: string };
type Node = { readonly text: string } | { readonly expression: string } | { readonly condition: string; readonly then: readonly Node[]; readonly otherwise: readonly Node[] };

/** `{{-` and `-}}` take the white space beside them away (text/template, "Text and spaces"). */
function tokens(template: string): Token[] {
  const found: Token[] = [];
  let from = 0;
  let trims = false;
  for (const match of template.matchAll(/\{\{(-)?\s*((?:"(?:\\.|[^"\\])*"|[^"}])*?)\s*(-)?\}\}/g)) {
    const text = template.slice(from, match.index);
    const left = trims ? text.trimStart() : text;
    found.push({ text: match[1] === undefined ? left : left.trimEnd() }, { action: match[2] ?? '' });
    trims = match[3] !== undefined;
    from = match.index + match[0].length;
  }
  const rest = template.slice(from);
  return [...found, { text: trims ? rest.trimStart() : rest }];
}

function parse(queue: Token[], defined: Map<string, readonly Node[]>): readonly Node[] {
  const nodes: Node[] = [];
  for (let token = queue.shift(); token !== undefined; token = queue.shift()) {
    if ('text' in token) {
      nodes.push(token);
      continue;
    }
    const [word = '', ...rest] = token.action.split(' ');
    if (word === 'end' || word === 'else') {
      queue.unshift(token);
      return nodes;
    }
    if (word === 'define') defined.set(JSON.parse(rest.join(' ')) as string, body(queue, defined).then);
    else if (word === 'if') nodes.push({ condition: rest.join(' '), ...body(queue, defined) });
    else nodes.push({ expression: token.action });
  }
  return nodes;
}

function body(queue: Token[], defined: Map<string, readonly Node[]>): { readonly then: readonly Node[]; readonly otherwise: readonly Node[] } {
  const then = parse(queue, defined);
  const next = queue.shift();
  if (next === undefined) throw new SyntaxError('a block of a template has no end');
  if ('action' in next && next.action === 'end') return { then, otherwise: [] };
  const otherwise = parse(queue, defined);
  if (queue.shift() === undefined) throw new SyntaxError('a block of a template has no end');
  return { then, otherwise };
}

function print(nodes: readonly Node[], scope: Scope, defined: ReadonlyMap<string, readonly Node[]>): string {
  return nodes.map((node) => {
    if ('text' in node) return node.text;
    if ('expression' in node) return String(evaluate(node.expression, scope, defined));
    return print(isEmpty(evaluate(node.condition, scope, defined)) ? node.otherwise : node.then, scope, defined);
  }).join('');
}

function evaluate(expression: string, scope: Scope, defined: ReadonlyMap<string, readonly Node[]>): unknown {
  const [first = '', ...functions] = expression.split(' | ');
  return functions.reduce<unknown>((value, call) => {
    if (call === 'toJson') return JSON.stringify(value);
    const fallback = /^default (\S+)$/.exec(call)?.[1];
    if (fallback === undefined) throw new SyntaxError(`the templates are to do without ${call}`);
    return isEmpty(value) ? evaluate(fallback, scope, defined) : value;
  }, term(first, scope, defined));
}

function term(text: string, scope: Scope, defined: ReadonlyMap<string, readonly Node[]>): unknown {
  if (/^"[^"]*"$/.test(text)) return JSON.parse(text);
  if (/^(?:\.\w+)+$/.test(text)) return valueAt(scope, text.slice(1));
  const included = /^include "([^"]+)" \.$/.exec(text)?.[1];
  if (included !== undefined && defined.has(included)) return print(defined.get(included)!, scope, defined);
  const compared = /^ne (\S+) (\S+)$/.exec(text);
  if (compared !== null) return evaluate(compared[1]!, scope, defined) !== evaluate(compared[2]!, scope, defined);
  throw new SyntaxError(`the templates are to do without ${text}`);
}
