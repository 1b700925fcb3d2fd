/** Whole tokens to be in the next boot's command line, and whole tokens not to be there. */
export interface ArgumentChange {
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

/** Whole arguments of a kernel command line; quotes keep blanks together (lib/cmdline.c next_arg). */
export function tokens(commandLine: string): readonly string[] {
  return commandLine.match(TOKEN) ?? [];
}

const TOKEN = /(?:[^\s"]|"[^"]*"?)+/g;
/** What follows is for init and not for the kernel (init/main.c parse_args). */
const END_OF_KERNEL = '--';

/** Makes the change, and leaves everything else as it is written: order, blanks, arguments that only look alike. */
export function changeArguments(commandLine: string, { add, remove }: ArgumentChange): string {
  const unwanted = new Set(remove);
  const kept = without(commandLine, unwanted);
  const there = new Set(kernelTokens(kept));
  const missing = [...new Set(add)].filter((argument) => !there.has(argument));
  return missing.length === 0 ? kept : insert(kept, missing);
}

/** Of `wanted`, what a command line lacks. */
export function missingArguments(commandLine: string, wanted: readonly string[]): readonly string[] {
  const there = new Set(kernelTokens(commandLine));
  return [...new Set(wanted)].filter((argument) => !there.has(argument));
}

/** A word that can be an argument at all: one token, with its quotes closed. */
export function isArgument(text: string): boolean {
  const found = tokens(text);
  return found.length === 1 && found[0] === text && text !== END_OF_KERNEL && (text.match(/"/g)?.length ?? 0) % 2 === 0 && !/[\n\0\\$`']/.test(text);
}

function kernelTokens(commandLine: string): readonly string[] {
  const all = tokens(commandLine);
  const end = all.indexOf(END_OF_KERNEL);
  return end < 0 ? all : all.slice(0, end);
}

/** Cuts tokens out together with the blanks before them; the first one with those behind it. */
function without(commandLine: string, unwanted: ReadonlySet<string>): string {
  if (!kernelTokens(commandLine).some((token) => unwanted.has(token))) return commandLine;
  let kept = '';
  let from = 0;
  let isForKernel = true;
  for (const match of commandLine.matchAll(TOKEN)) {
    const end = match.index + match[0].length;
    if (match[0] === END_OF_KERNEL) isForKernel = false;
    if (!isForKernel || !unwanted.has(match[0])) kept += commandLine.slice(from, end);
    from = end;
  }
  const rest = kept + commandLine.slice(from);
  return /^\s/.test(commandLine) ? rest : rest.trimStart();
}

function insert(commandLine: string, missing: readonly string[]): string {
  for (const match of commandLine.matchAll(TOKEN)) {
    if (match[0] === END_OF_KERNEL) return `${commandLine.slice(0, match.index)}${missing.join(' ')} ${commandLine.slice(match.index)}`;
  }
  const open = commandLine.replace(/\s+$/, '');
  return open === '' ? missing.join(' ') : `${open} ${missing.join(' ')}`;
}
