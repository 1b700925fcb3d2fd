/** What an expression says of series: names with the labels that they are matched by, and labels that it groups or joins by. */
export interface ReadExpression {
  readonly selectors: readonly { readonly metric: string; readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[] }[];
  readonly labels: readonly string[];
}

const FUNCTIONS = new Set(['rate', 'increase', 'histogram_quantile', 'time', 'vector', 'absent']);
const AGGREGATIONS = new Set(['sum', 'max', 'min', 'count', 'avg']);
const LABEL_LISTS = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);
const OPERATORS = new Set(['and', 'or', 'unless', 'bool']);

const TOKEN = /\s+|(?<duration>\d+[smhdwy])|(?<number>\d+(?:\.\d+)?)|(?<word>[a-zA-Z_:][a-zA-Z0-9_:]*)|(?<text>"(?:[^"\\]|\\.)*")|(?<sign>=~|!~|!=|==|>=|<=|[-+*/%^(){}[\],=<>])/y;

interface Token {
  readonly kind: 'duration' | 'number' | 'word' | 'text' | 'sign';
  readonly text: string;
}

function tokens(expression: string): readonly Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < expression.length) {
    const at = TOKEN.lastIndex;
    const groups = TOKEN.exec(expression)?.groups;
    if (groups === undefined) throw new Error(`no PromQL at ${at}: ${expression.slice(at)}`);
    const [kind, text] = Object.entries(groups).find(([, value]) => value !== undefined) ?? [];
    if (kind !== undefined) found.push({ kind: kind as Token['kind'], text: text! });
  }
  return found;
}

/** Reads the part of PromQL that rules and panels use; anything else, and brackets that do not close, throws. */
export function readPromql(expression: string): ReadExpression {
  const all = tokens(expression);
  const selectors: { metric: string; matchers: { label: string; operator: string; value: string }[] }[] = [];
  const labels: string[] = [];
  const open: string[] = [];
  let at = 0;
  const next = (wanted?: string): Token => {
    const token = all[at++];
    if (token === undefined || (wanted !== undefined && token.text !== wanted)) throw new Error(`${wanted ?? 'more'} expected after ${all.slice(0, at - 1).map(({ text }) => text).join(' ')}`);
    return token;
  };
  while (at < all.length) {
    const { kind, text } = next();
    if (kind === 'word' && LABEL_LISTS.has(text)) {
      next('(');
      for (let token = next(); token.text !== ')'; token = next()) if (token.text !== ',') labels.push(token.text);
    } else if (kind === 'word' && (FUNCTIONS.has(text) || AGGREGATIONS.has(text))) {
      const follows = all[at]?.text;
      if (follows !== '(' && !(AGGREGATIONS.has(text) && LABEL_LISTS.has(follows ?? ''))) throw new Error(`${text} is called with nothing`);
    } else if (kind === 'word' && !OPERATORS.has(text)) {
      selectors.push({ metric: text, matchers: [] });
      if (all[at]?.text !== '{') continue;
      at++;
      for (let token = next(); token.text !== '}'; token = next()) {
        if (token.text === ',') continue;
        const operator = next().text;
        const value = next();
        if (token.kind !== 'word' || !['=', '!=', '=~', '!~'].includes(operator) || value.kind !== 'text') throw new Error(`no matcher of labels: ${token.text}${operator}${value.text}`);
        selectors.at(-1)!.matchers.push({ label: token.text, operator, value: JSON.parse(value.text) as string });
      }
    } else if (text === '[') {
      if (next().kind !== 'duration') throw new Error('a range needs a duration');
      next(']');
    } else if (text === '(') open.push(text);
    else if (text === ')' && open.pop() === undefined) throw new Error('a bracket closes that was not open');
  }
  if (open.length > 0) throw new Error('a bracket stays open');
  return { selectors, labels };
}
