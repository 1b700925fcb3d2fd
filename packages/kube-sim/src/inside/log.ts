import { rfc3339Micro } from '@vfleet/core';
import type { ContainerInside } from './container-inside.ts';
import { knownCommand } from './run-command.ts';
import { outputUntilUnknown } from './script.ts';

/** What a request for a log asks of it (core/v1 PodLogOptions). */
export interface LogOptions {
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  /** Only lines from this moment on, milliseconds of the cluster's clock. */
  readonly sinceMs?: number;
}

/**
 * What a simulated container has printed: the output of its command as far as the model knows it, which then waits, as servers and
 * `sleep` do. All of it is printed at the start.
 */
export function logText(inside: ContainerInside, startedAtMs: number, options: LogOptions): string {
  if (options.sinceMs !== undefined && startedAtMs < options.sinceMs) return '';
  const lines = outputOf(inside).split('\n');
  if (lines.at(-1) === '') lines.pop();
  const kept = options.tailLines === undefined ? lines : options.tailLines === 0 ? [] : lines.slice(-options.tailLines);
  // Runtimes stamp each line with nanoseconds.
  const stamp = options.timestamps ? `${rfc3339Micro(startedAtMs).replace('Z', '000Z')} ` : '';
  const text = kept.map((line) => `${stamp}${line}\n`).join('');
  return options.limitBytes === undefined ? text : Buffer.from(text).subarray(0, options.limitBytes).toString('utf8');
}

function outputOf(inside: ContainerInside): string {
  const [name = '', ...words] = inside.command;
  const at = words.findIndex((word) => /^-[a-z]*c$/.test(word));
  if (/(?:^|\/)(?:sh|bash|ash|dash)$/.test(name) && at >= 0) return outputUntilUnknown(words[at + 1] ?? '', inside, (argv) => knownCommand(argv, inside) ?? waiting(argv));
  const done = knownCommand(inside.command, inside);
  return done === undefined ? '' : done.out + done.err;
}

/** A finite sleep prints nothing and ends. */
function waiting(argv: readonly string[]): { readonly out: string; readonly err: string; readonly exitCode: number } | undefined {
  return argv[0]?.split('/').at(-1) === 'sleep' && argv[1] !== undefined && !/^inf/i.test(argv[1]) ? { out: '', err: '', exitCode: 0 } : undefined;
}
