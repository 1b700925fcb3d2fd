import type { CommandResult } from './command-result.ts';
import { failed, printed } from './command-result.ts';
import type { ContainerInside } from './container-inside.ts';
import { ifconfigCommand } from './ifconfig.ts';
import { ipCommand } from './ip.ts';
import { runScript } from './script.ts';

const SHELLS: readonly string[] = ['sh', 'bash', 'ash', 'dash'];

/** Exit code of a shell that finds no such command. */
export const NOT_FOUND = 127;

/** Carries out a command in a container, where the model knows its answer. Anything else says so and ends with 127. */
export function runCommand(argv: readonly string[], inside: ContainerInside): CommandResult {
  return knownCommand(argv, inside) ?? failed(NOT_FOUND, notSimulated(argv));
}

export function notSimulated(argv: readonly string[]): string {
  return `${argv.join(' ')}: this pod is simulated, nothing runs in it; it answers ip [-d] addr|link [show DEV], ifconfig [DEV], env, printenv, hostname, cat /sys/class/net/DEV/{address,mtu,operstate,carrier}, ls /sys/class/net, echo, true, false, and sh -c "…" with these.\n`;
}

/** Undefined: no answer is known. */
export function knownCommand([path = '', ...words]: readonly string[], inside: ContainerInside): CommandResult | undefined {
  const name = path.split('/').at(-1)!;
  if (SHELLS.includes(name)) return shell(words, inside);
  switch (name) {
    case 'true':
    case ':': return printed('');
    case 'false': return failed(1, '');
    case 'echo': return echo(words);
    case 'hostname': return words.length === 0 ? printed(`${inside.hostname}\n`) : undefined;
    case 'env': return words.length === 0 ? printed(variables(inside)) : undefined;
    case 'printenv': return printenv(words, inside);
    case 'ip': return ipCommand(words, inside);
    case 'ifconfig': return ifconfigCommand(words, inside);
    case 'cat': return cat(words, inside);
    case 'ls': return words.length === 1 && words[0]!.replace(/\/$/, '') === '/sys/class/net' ? printed(`${inside.interfaces.map((one) => one.name).sort().join('\n')}\n`) : undefined;
    default: return undefined;
  }
}

function shell(words: readonly string[], inside: ContainerInside): CommandResult | undefined {
  const at = words.findIndex((word) => /^-[a-z]*c$/.test(word));
  const script = at < 0 ? undefined : words[at + 1];
  return script === undefined ? undefined : runScript(script, words[at]!.includes('e'), inside, (argv) => knownCommand(argv, inside));
}

function echo(words: readonly string[]): CommandResult {
  const isBare = words[0] === '-n';
  return printed(`${words.slice(isBare ? 1 : 0).join(' ')}${isBare ? '' : '\n'}`);
}

function variables({ environment }: ContainerInside): string {
  return Object.entries(environment).map(([name, value]) => `${name}=${value}\n`).join('');
}

function printenv(names: readonly string[], inside: ContainerInside): CommandResult {
  if (names.length === 0) return printed(variables(inside));
  const values = names.filter((name) => Object.hasOwn(inside.environment, name)).map((name) => `${inside.environment[name]}\n`);
  return { out: values.join(''), err: '', exitCode: values.length === names.length ? 0 : 1 };
}

function cat(paths: readonly string[], inside: ContainerInside): CommandResult | undefined {
  const texts = paths.map((path) => fileText(path, inside));
  if (paths.length === 0 || texts.includes(undefined)) return undefined;
  const missing = paths.filter((_, at) => texts[at] === 'missing').map((path) => `cat: ${path}: No such file or directory\n`);
  return { out: texts.filter((text) => text !== 'missing').join(''), err: missing.join(''), exitCode: missing.length > 0 ? 1 : 0 };
}

/** Files of the kernel about interfaces, and the two that every runtime writes. Undefined: nothing is known of the file. */
function fileText(path: string, inside: ContainerInside): string | undefined {
  if (path === '/etc/hostname') return `${inside.hostname}\n`;
  const match = /^\/sys\/class\/net\/([^/]+)\/(address|mtu|operstate|carrier|ifindex)$/.exec(path);
  if (match === null) return path.startsWith('/sys/class/net/') ? 'missing' : undefined;
  const index = inside.interfaces.findIndex(({ name }) => name === match[1]);
  const one = inside.interfaces[index];
  if (one === undefined) return 'missing';
  const values: Readonly<Record<string, string>> = {
    address: one.mac, mtu: String(one.mtu), ifindex: String(index + 1), carrier: one.carrier ? '1' : '0',
    operstate: one.link === 'loopback' ? 'unknown' : one.up && one.carrier ? 'up' : 'down',
  };
  return `${values[match[2]!]}\n`;
}
