import { fail, ok } from '@vfleet/core';
import type { Result } from '@vfleet/core';
import { changeArguments, tokens } from './kernel-arguments.ts';
import type { ArgumentChange } from './kernel-arguments.ts';

/**
 * `/etc/default/grub`: shell assignments that grub-mkconfig reads (GRUB manual, "Simple configuration handling"). GRUB_CMDLINE_LINUX is
 * what every entry gets, also those for recovery.
 */
const VARIABLE = 'GRUB_CMDLINE_LINUX';
/** `"$GRUB_CMDLINE_LINUX …`: what was there before, and more. */
const ITSELF = new RegExp(`^"\\$(?:${VARIABLE}|\\{${VARIABLE}\\}) `);
const ASSIGNMENT = new RegExp(`^[ \\t]*(?:export[ \\t]+)?${VARIABLE}(\\+?=)(.*)$`);

interface Assignment {
  /** The number of its line. */
  readonly line: number;
  /** What stands before the value: the variable anew, more of it, or itself with something behind. */
  readonly head: string;
  readonly appends: boolean;
  /** Its value; undefined when only a shell could tell (expansions, continued lines). */
  readonly value: string | undefined;
  /** What stands behind the value: a comment. */
  readonly tail: string;
}

/** The arguments that the file gives as far as they are written out in it. */
export function grubArguments(text: string): readonly string[] {
  return assignments(text.split('\n')).reduce<readonly string[]>((all, { appends, value }) => [...(appends ? all : []), ...tokens(value ?? '')], []);
}

/** The file with the change made; fails when an argument to be removed may be in a value that only a shell could read. */
export function changeGrubFile(text: string, { add, remove }: ArgumentChange): Result<string, string> {
  const lines = text.split('\n');
  const all = assignments(lines);
  const isReadable = all.every(({ value }) => value !== undefined);
  const hidden = isReadable ? [] : remove.filter((argument) => lines.some((line, number) => !/^\s*#/.test(line) && !all.some((one) => one.line === number && one.value !== undefined) && line.includes(argument)));
  if (hidden.length > 0) return fail(`${hidden.join(' ')} is set where only a shell can read it`);
  for (const one of all) rewrite(lines, one, { add: [], remove });
  const there = new Set(grubArguments(lines.join('\n')));
  const missing = [...new Set(add)].filter((argument) => !there.has(argument));
  const last = assignments(lines).at(-1);
  if (missing.length > 0 && last?.value !== undefined) rewrite(lines, last, { add: missing, remove: [] });
  const changed = lines.join('\n');
  if (missing.length === 0 || last?.value !== undefined) return ok(changed);
  // Behind a value that the shell puts together, in a line of our own.
  const head = last === undefined ? `${VARIABLE}="` : `${VARIABLE}="$${VARIABLE} `;
  return ok(`${changed === '' || changed.endsWith('\n') ? changed : `${changed}\n`}${head}${escaped(missing.join(' '))}"\n`);
}

function rewrite(lines: string[], { line, head, value, tail }: Assignment, change: ArgumentChange): void {
  if (value === undefined) return;
  const changed = changeArguments(value, change);
  if (changed !== value) lines[line] = `${head}${escaped(changed)}"${tail}`;
}

function assignments(lines: readonly string[]): readonly Assignment[] {
  return lines.flatMap((line, number) => {
    const match = ASSIGNMENT.exec(line);
    if (match === null) return [];
    const itself = ITSELF.exec(match[2]!)?.[0];
    const word = readWord(itself === undefined ? match[2]! : `"${match[2]!.slice(itself.length)}`);
    const head = `${VARIABLE}${match[1]!}${itself ?? '"'}`;
    return [{ line: number, head, appends: match[1] === '+=' || itself !== undefined, value: word?.value, tail: word?.tail ?? '' }];
  });
}

/** One shell word without expansions, and the comment behind it; undefined for anything else. */
function readWord(text: string): { readonly value: string; readonly tail: string } | undefined {
  let value = '';
  let at = 0;
  let quoted: '' | '"' | "'" = '';
  for (; at < text.length; at++) {
    const one = text[at]!;
    if (quoted !== "'" && (one === '$' || one === '`')) return undefined;
    if (one === '\\' && quoted !== "'") {
      const next = text[at + 1];
      if (next === undefined) return undefined;
      // Inside of double quotes a backslash is itself before anything but these (POSIX shell, 2.2.3).
      value += quoted === '"' && !'$`"\\'.includes(next) ? `\\${next}` : next;
      at++;
    } else if (quoted === '' && (one === '"' || one === "'")) quoted = one;
    else if (quoted === one) quoted = '';
    else if (quoted === '' && /[\s;&|<>()]/.test(one)) break;
    else value += one;
  }
  const tail = text.slice(at);
  return quoted === '' && /^\s*(?:\s#.*)?$/.test(tail) ? { value, tail: tail.trimEnd() } : undefined;
}

function escaped(value: string): string {
  return value.replaceAll(/[\\"$`]/g, (one) => `\\${one}`);
}
