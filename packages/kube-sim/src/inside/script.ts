import type { CommandResult } from './command-result.ts';
import type { ContainerInside } from './container-inside.ts';

type RunKnown = (argv: readonly string[]) => CommandResult | undefined;

/** What a shell does beyond simple commands joined by `;`, `&&`, `||` and lines: unknown here. */
const COMPOUND = /(^|[;&|\n(])\s*(while|until|for|if|case|function)(?=[\s;]|$)|[(){}`<>]|\$\(|(^|[^|])\|([^|]|$)|(^|[^&])&([^&]|$)/;

/** Undefined as soon as a command is one whose answer is not known. `stopsOnError`: sh -e. */
export function runScript(script: string, stopsOnError: boolean, inside: ContainerInside, run: RunKnown): CommandResult | undefined {
  const state = playScript(script, stopsOnError, inside, run);
  return state.unknown === undefined ? state.result : undefined;
}

/** What a container's own script has printed by the time it waits for something: the part of its log that is known. */
export function outputUntilUnknown(script: string, inside: ContainerInside, run: RunKnown): string {
  const { result } = playScript(script, false, inside, run);
  return result.out + result.err;
}

function playScript(script: string, stopsOnError: boolean, inside: ContainerInside, run: RunKnown): { readonly result: CommandResult; readonly unknown?: readonly string[] } {
  let out = '';
  let err = '';
  let exitCode = 0;
  let operator = ';';
  const unquoted = script.replace(/'[^']*'|"(?:[^"\\]|\\.)*"|\$\{\w+\}/g, (text) => 'q'.repeat(text.length));
  if (COMPOUND.test(unquoted)) return { result: { out, err, exitCode }, unknown: [script] };
  for (const part of partsOf(script)) {
    if (['&&', '||', ';', '\n'].includes(part)) {
      operator = part;
      continue;
    }
    const argv = wordsOf(part, inside.environment);
    if (argv.length === 0 || (operator === '&&' && exitCode !== 0) || (operator === '||' && exitCode === 0)) continue;
    if (argv[0] === 'exit') return { result: { out, err, exitCode: argv[1] === undefined ? exitCode : Number(argv[1]) & 255 } };
    const done = run(argv[0] === 'exec' ? argv.slice(1) : argv);
    if (done === undefined) return { result: { out, err, exitCode }, unknown: argv };
    out += done.out;
    err += done.err;
    ({ exitCode } = done);
    if (stopsOnError && exitCode !== 0) break;
  }
  return { result: { out, err, exitCode } };
}

/** Commands and the operators between them, quotes kept whole. */
function partsOf(script: string): readonly string[] {
  return script.match(/&&|\|\||[;\n]|(?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^;\n&|])+/gs) ?? [];
}

/** Words of a simple command: quotes, backslashes, variables and comments, without globbing and splitting of values. */
function wordsOf(command: string, environment: Readonly<Record<string, string>>): readonly string[] {
  const valued = (text: string) => text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced?: string, bare?: string) => environment[braced ?? bare ?? ''] ?? '');
  const words: string[] = [];
  for (const [word] of command.matchAll(/(?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\])+/gs)) {
    if (word.startsWith('#')) break;
    words.push(word.replace(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^'"\\]+)/gs, (_whole, single?: string, double?: string, escaped?: string, plain?: string) =>
      single ?? (double === undefined ? undefined : valued(double.replace(/\\(["\\$`])/g, '$1'))) ?? escaped ?? valued(plain ?? '')));
  }
  return words;
}
