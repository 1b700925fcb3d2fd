/** What a command printed and how it ended. */
export interface CommandResult {
  readonly out: string;
  readonly err: string;
  readonly exitCode: number;
}

export function printed(out: string): CommandResult {
  return { out, err: '', exitCode: 0 };
}

export function failed(exitCode: number, err: string): CommandResult {
  return { out: '', err, exitCode };
}
