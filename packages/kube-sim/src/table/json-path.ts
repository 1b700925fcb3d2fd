import { getOwn, isObject } from '../values/json.ts';

/** Reads the values that a path leads to; none where a step leads nowhere. */
export type JsonPath = (root: unknown) => readonly unknown[];

type Step = (values: readonly unknown[]) => readonly unknown[];

const TOKEN = /^(?:\.([A-Za-z_$@][\w$-]*|\*)(?=[.[]|$)|\.?\[(-?\d+)\]|\.?\[\*\]|\.?\['((?:[^'\\]|\\.)*)'\]|\.?\["((?:[^"\\]|\\.)*)"\]|\[\?\(\s*@\.?([\w.$-]+)\s*(==|!=)\s*(?:"([^"]*)"|'([^']*)'|([\w.-]+))\s*\)\]|((?:\.(?:\\.|[^.[\]\\*])+)))/;

/**
 * The part of JSONPath that printer columns use: fields (dots escaped by a backslash), indices, wildcards and filters by
 * equality, `.status.conditions[?(@.type=="Ready")].status`. Undefined when the text is something else.
 */
export function compileJsonPath(text: string): JsonPath | undefined {
  const steps: Step[] = [];
  let rest = text.trim().replace(/^\{(.*)\}$/, '$1').replace(/^\$/, '');
  if (!rest.startsWith('.') && !rest.startsWith('[')) rest = `.${rest}`;
  while (rest !== '') {
    if (rest === '.') break;
    const match = TOKEN.exec(rest);
    if (match === null) return undefined;
    steps.push(stepOf(match));
    rest = rest.slice(match[0].length);
  }
  return (root) => steps.reduce<readonly unknown[]>((values, step) => step(values), [root]).filter((value) => value !== undefined);
}

function stepOf(match: RegExpExecArray): Step {
  const [whole, field, index, single, double, filterField, operator, textA, textB, word, escaped] = match;
  if (filterField !== undefined) {
    const wanted = textA ?? textB ?? word!;
    const path = filterField.split('.');
    return (values) => values.flatMap((value) => (Array.isArray(value) ? value : [])).filter((item) => (String(path.reduce(readField, item)) === wanted) === (operator === '=='));
  }
  if (index !== undefined) return (values) => values.map((value) => (Array.isArray(value) ? value.at(Number(index)) : undefined));
  if (field === '*' || whole!.endsWith('[*]')) return (values) => values.flatMap((value) => (Array.isArray(value) ? value : isObject(value) ? Object.values(value) : []));
  const name = field ?? single ?? double ?? escaped!.slice(1).replace(/\\(.)/g, '$1');
  return (values) => values.map((value) => readField(value, name));
}

function readField(value: unknown, name: string): unknown {
  return isObject(value) ? getOwn(value, name) : undefined;
}
