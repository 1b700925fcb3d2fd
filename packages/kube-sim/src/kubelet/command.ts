import type { Container } from '../pods/requests.ts';

/** How a simulated container's process ends by itself. */
export interface Ending {
  readonly afterMs: number;
  readonly exitCode: number;
}

const UNITS_MS: Readonly<Record<string, number>> = { '': 1000, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SHELLS = new Set(['sh', 'bash', 'ash', 'dash']);
/** Commands that print something or touch a file and return at once. */
const QUICK = new Set([
  'true', ':', 'echo', 'printf', 'ip', 'ifconfig', 'ls', 'cat', 'date', 'env', 'printenv', 'hostname', 'id', 'uname', 'mkdir', 'touch', 'cd', 'pwd',
  'export', 'set', 'trap', 'ethtool', 'lspci', 'ps', 'ulimit', 'chmod', 'cp', 'rm',
]);
const COMPOUND = /(^|[;&|\n(])\s*(while|until|for|if|case|function|do|done)(?=[\s;]|$)|[(){}`]|\$\(|(^|[^|])\|([^|]|$)|(^|[^&])&([^&]|$)/;

/**
 * When and how the process of a container ends, where its command says so: `true`, `false`, `sleep N`, `echo`, and shell scripts of such
 * commands joined by `;`, `&&`, `||` and `exit N`. Undefined: it runs until it is stopped, as servers do.
 */
export function endingOf(container: Container): Ending | undefined {
  const argv = [...(container.command ?? []), ...(container.args ?? [])];
  if (argv.length === 0) return container.image !== undefined && /(^|\/)hello-world(:|@|$)/.test(container.image) ? { afterMs: 0, exitCode: 0 } : undefined;
  return endingOfCommand(argv);
}

function endingOfCommand(argv: readonly string[]): Ending | undefined {
  const name = argv[0]?.split('/').at(-1) ?? '';
  if (name === 'exec') return endingOfCommand(argv.slice(1));
  if (name === 'false') return { afterMs: 0, exitCode: 1 };
  if (name === 'sleep') return endingOfSleep(argv.slice(1));
  if (SHELLS.has(name)) return endingOfShell(argv.slice(1));
  return QUICK.has(name) ? { afterMs: 0, exitCode: 0 } : undefined;
}

function endingOfSleep(durations: readonly string[]): Ending | undefined {
  let afterMs = 0;
  for (const duration of durations) {
    if (/^(inf|infinity)$/i.test(duration)) return undefined;
    const match = /^(\d+(?:\.\d+)?|\.\d+)([smhd]?)$/.exec(duration);
    if (match === null) return { afterMs: 0, exitCode: 1 };
    afterMs += Number(match[1]) * UNITS_MS[match[2]!]!;
  }
  return durations.length === 0 ? { afterMs: 0, exitCode: 1 } : { afterMs, exitCode: 0 };
}

function endingOfShell(options: readonly string[]): Ending | undefined {
  const at = options.findIndex((option) => /^-[a-z]*c$/.test(option));
  const script = at < 0 ? undefined : options[at + 1];
  if (script === undefined || COMPOUND.test(script)) return undefined;
  return endingOfScript(script, options[at]!.includes('e') || /^\s*set -[a-z]*e/.test(script));
}

/** Runs the commands of a script in thought. `stopsOnError`: set -e. */
function endingOfScript(script: string, stopsOnError: boolean): Ending | undefined {
  const parts = script.split(/(&&|\|\||;|\n)/);
  let afterMs = 0;
  let exitCode = 0;
  let operator = ';';
  for (const [index, part] of parts.entries()) {
    if (index % 2 === 1) {
      operator = part;
      continue;
    }
    const argv = part.trim().split(/\s+/).filter((word) => word !== '' && !/^[0-9]*>/.test(word));
    if (argv.length === 0 || argv[0]!.startsWith('#')) continue;
    if ((operator === '&&' && exitCode !== 0) || (operator === '||' && exitCode === 0)) continue;
    if (argv[0] === 'exit') return { afterMs, exitCode: argv[1] === undefined ? exitCode : Number(argv[1]) & 255 };
    const ending = endingOfCommand(argv.map((word) => word.replace(/^(['"])(.*)\1$/, '$2')));
    if (ending === undefined) return undefined;
    afterMs += ending.afterMs;
    exitCode = ending.exitCode;
    const decides = parts[index + 1] === '&&' || parts[index + 1] === '||';
    if (stopsOnError && exitCode !== 0 && !decides) return { afterMs, exitCode };
    if (argv[0] === 'exec') return { afterMs, exitCode };
  }
  return { afterMs, exitCode };
}
