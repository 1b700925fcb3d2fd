/** Where verbs write: lines for people on `err` (progress) and results on `out`, so that `-o json` can be piped. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Colours are welcome: the stream is a terminal and NO_COLOR is unset. */
  readonly colours: boolean;
}

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

export function paint(terminal: Pick<Terminal, 'colours'>, colour: keyof typeof CODES, text: string): string {
  return terminal.colours ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;
}
