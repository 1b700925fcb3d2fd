import { lexer, walkTokens } from 'marked';
import type { Token, Tokens } from 'marked';

/** A place in a page that leads somewhere. */
export interface Link {
  readonly href: string;
  readonly line: number;
}

/** A fenced block of a shell's language, or of what is seen on a terminal. */
export interface ShellBlock {
  readonly line: number;
  readonly language: 'sh' | 'console';
  readonly text: string;
  /** Why it is not run, from the comment above it. */
  readonly notRun?: string;
  /** Lines that begin so are not run, and why. */
  readonly exceptions: readonly { readonly prefix: string; readonly why: string }[];
}

export interface Page {
  /** From the root of the checkout. */
  readonly path: string;
  readonly text: string;
  readonly title: string;
  /** As GitHub makes them of headings, and ids of HTML. */
  readonly anchors: ReadonlySet<string>;
  readonly links: readonly Link[];
  readonly shellBlocks: readonly ShellBlock[];
}

const SHELLS: Readonly<Record<string, ShellBlock['language']>> = { sh: 'sh', bash: 'sh', shell: 'sh', zsh: 'sh', console: 'console', 'shell-session': 'console' };
const MARK = /^<!--\s*(?:shown, )?not run(?:\s+`([^`]+)`)?:\s*(.+?)\s*-->$/s;

export function readPage(path: string, text: string): Page {
  const tokens = lexer(text);
  const slugs = new Slugs();
  const anchors = new Set<string>();
  const links: Link[] = [];
  let title = '';
  const lineOf = lineFinder(text);
  const visit = (token: Token) => {
    if (token.type === 'heading') {
      const heading = plainText(token as Tokens.Heading);
      if (title === '') title = heading;
      anchors.add(slugs.next(heading));
    }
    if (token.type === 'html') for (const [, id] of token.raw.matchAll(/\b(?:id|name)="([^"]+)"/g)) anchors.add(id!);
    if (token.type === 'link' || token.type === 'image') links.push({ href: (token as Tokens.Link).href, line: lineOf(token.raw) });
  };
  // In the order of the text, so that headings of the same words are numbered as they are there.
  walkTokens(tokens, visit);
  return { path, text, title: title === '' ? path : title, anchors, links, shellBlocks: shellBlocks(tokens, lineOf) };
}

/** The text of a heading as it is read, without its marks. */
export function plainText({ tokens = [], text }: { readonly tokens?: Token[]; readonly text: string }): string {
  if (tokens.length === 0) return unescaped(text);
  return tokens.map((token) => ('tokens' in token && token.tokens !== undefined && token.tokens.length > 0 ? plainText(token as Tokens.Strong) : token.type === 'html' ? '' : 'text' in token ? unescaped(String(token.text)) : '')).join('');
}

function unescaped(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&');
}

/** Anchors of headings as GitHub makes them: lower case, without punctuation, spaces as dashes, numbered where two are the same. */
export class Slugs {
  readonly #seen = new Map<string, number>();

  next(heading: string): string {
    const slug = heading.toLowerCase().trim().replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '').replaceAll(' ', '-');
    const count = this.#seen.get(slug) ?? 0;
    this.#seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  }
}

function shellBlocks(tokens: readonly Token[], lineOf: (raw: string) => number): readonly ShellBlock[] {
  const blocks: ShellBlock[] = [];
  let marks: string[] = [];
  const visit = (token: Token) => {
    if (token.type === 'space') return;
    if (token.type === 'html') {
      marks.push(...token.raw.split(/(?<=-->)/).map((one) => one.trim()).filter((one) => one !== ''));
      return;
    }
    if (token.type === 'code' && token.raw.trimStart().startsWith('`')) {
      const { lang = '', text, raw } = token as Tokens.Code;
      const language = lang.split(/\s/)[0] ?? '';
      if (Object.hasOwn(SHELLS, language)) blocks.push(block(SHELLS[language]!, text, lineOf(raw), marks));
    }
    marks = [];
    // Lists and quotes have blocks too.
    if (token.type === 'list') for (const item of (token as Tokens.List).items) item.tokens.forEach(visit);
    if (token.type === 'blockquote') (token as Tokens.Blockquote).tokens.forEach(visit);
  };
  tokens.forEach(visit);
  return blocks;
}

function block(language: ShellBlock['language'], text: string, line: number, marks: readonly string[]): ShellBlock {
  const read = marks.flatMap((mark) => {
    const [, prefix, why = ''] = MARK.exec(mark) ?? [];
    return why === '' ? [] : [{ prefix, why }];
  });
  const whole = read.find(({ prefix }) => prefix === undefined);
  return { line, language, text, ...(whole === undefined ? {} : { notRun: whole.why }), exceptions: read.flatMap(({ prefix, why }) => (prefix === undefined ? [] : [{ prefix, why }])) };
}

/** Line numbers of pieces that are asked for in the order of the text; blocks of the same words at different places are told apart that way. */
function lineFinder(text: string): (raw: string) => number {
  const from = new Map<string, number>();
  return (raw) => {
    const piece = raw.trim().split('\n')[0]!;
    const at = text.indexOf(piece, from.get(piece) ?? 0);
    if (at >= 0) from.set(piece, at + 1);
    return text.slice(0, Math.max(at, 0)).split('\n').length;
  };
}

/** What is typed: every line of a `sh` block, and of a `console` block what follows a prompt, with its continuations. */
export function commandsOf({ language, text, exceptions }: ShellBlock): readonly string[] {
  const lines = text.split('\n').reduce<string[]>((joined, line) => {
    const last = joined.at(-1);
    if (last?.endsWith('\\') === true) joined[joined.length - 1] = `${last}\n${line}`;
    else joined.push(line);
    return joined;
  }, []);
  const typed = language === 'sh' ? lines : lines.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2));
  return typed.filter((line) => line.trim() !== '' && !line.trim().startsWith('#') && !exceptions.some(({ prefix }) => line.startsWith(prefix)));
}
