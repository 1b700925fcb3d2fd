import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

/** One TypeScript file of the project, with comments and string contents blanked for rules about code. */
export interface SourceFile {
  /** Relative to the root, with `/`. */
  readonly path: string;
  readonly text: string;
  /** Same length and lines as `text`; comments and the insides of strings are spaces. */
  readonly code: string;
  /** Module specifiers of static and dynamic imports and re-exports. */
  readonly imports: readonly { readonly specifier: string; readonly typeOnly: boolean; readonly line: number }[];
}

const SKIPPED = new Set(['node_modules', '.git', '.nx', '.vfleet', 'dist', 'coverage']);

export function sourceFiles(root: string, folders: readonly string[]): readonly SourceFile[] {
  return folders.flatMap((folder) => walk(join(root, folder))).filter((path) => path.endsWith('.ts')).sort().map((path) => load(root, path));
}

function walk(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    SKIPPED.has(entry.name) ? [] : entry.isDirectory() ? walk(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}

function load(root: string, path: string): SourceFile {
  const text = readFileSync(path, 'utf8');
  return { path: relative(root, path).replaceAll('\\', '/'), text, code: blank(text), imports: importsOf(text) };
}

const IMPORT = /^[ \t]*(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|import\(\s*'([^']+)'\s*\)/gm;

function importsOf(text: string): SourceFile['imports'] {
  return [...text.matchAll(IMPORT)].map((match) => ({
    specifier: match[2] ?? match[3]!,
    typeOnly: match[1] !== undefined,
    line: lineAt(text, match.index),
  }));
}

export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < index; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

/** Blanks comments, quoted strings and the literal parts of templates; `${…}` stays code. Regular expressions are left as they are. */
export function blank(text: string): string {
  const out = [...text];
  const templateDepths: number[] = [];
  let braces = 0;
  let index = 0;
  const erase = (from: number, to: number) => {
    for (let at = from; at < to && at < out.length; at++) if (out[at] !== '\n') out[at] = ' ';
  };
  const skipTemplate = (from: number): number => {
    let at = from;
    while (at < out.length && text[at] !== '`' && !(text[at] === '$' && text[at + 1] === '{')) at += text[at] === '\\' ? 2 : 1;
    erase(from, at);
    if (text[at] === '`') return at + 1;
    templateDepths.push(braces);
    return at + 2;
  };
  while (index < text.length) {
    const two = text.slice(index, index + 2);
    const one = text[index]!;
    if (two === '//' || two === '/*') {
      const found = two === '//' ? text.indexOf('\n', index) : text.indexOf('*/', index + 2) + 2;
      const end = found < index + 2 ? text.length : found;
      erase(index, end);
      index = end;
    } else if (one === "'" || one === '"') {
      let end = index + 1;
      while (end < text.length && text[end] !== one && text[end] !== '\n') end += text[end] === '\\' ? 2 : 1;
      erase(index + 1, end);
      index = end + 1;
    } else if (one === '`') {
      index = skipTemplate(index + 1);
    } else if (one === '/' && isRegExpStart(text, index)) {
      index = regExpEnd(text, index);
    } else if (one === '{') {
      braces++;
      index++;
    } else if (one === '}') {
      if (templateDepths.at(-1) === braces) {
        templateDepths.pop();
        index = skipTemplate(index + 1);
      } else {
        braces--;
        index++;
      }
    } else {
      index++;
    }
  }
  return out.join('');
}

function isRegExpStart(text: string, index: number): boolean {
  const before = text.slice(Math.max(0, index - 40), index).trimEnd();
  return before === '' || /(?:[(,=:[!&|?{};+]|\b(?:return|typeof|case|of|in))$/.test(before);
}

function regExpEnd(text: string, start: number): number {
  let inClass = false;
  for (let at = start + 1; at < text.length && text[at] !== '\n'; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '[') inClass = true;
    else if (text[at] === ']') inClass = false;
    else if (text[at] === '/' && !inClass) return at + 1;
  }
  return start + 1;
}
