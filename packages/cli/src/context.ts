import type { Terminal } from './output/terminal.ts';

/** What verbs know of the outside world. */
export interface CliContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
}
