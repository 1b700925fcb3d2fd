/** Tokens of the label selector syntax (apimachinery pkg/labels/selector.go). A word is whatever is neither blank nor a symbol. */
export type LabelToken = { readonly kind: 'word' | 'symbol' | 'end'; readonly text: string };

const TOKEN = /(==|!=|[=!(),<>])|([^ \t\r\n=!(),<>]+)/g;

/** Splits a selector; the last token is always `end`. Every text splits: what is wrong is for the parser to say. */
export function labelTokens(text: string): readonly LabelToken[] {
  const tokens = [...text.matchAll(TOKEN)].map(([token, symbol]): LabelToken => ({ kind: symbol === undefined ? 'word' : 'symbol', text: token }));
  return [...tokens, { kind: 'end', text: '' }];
}
