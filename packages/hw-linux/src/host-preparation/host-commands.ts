import type { Result } from '@vfleet/core';

/** The programs of the host that preparation may run, each with a fixed list of words and never through a shell. NICs are not touched by them. */
export type HostProgram = 'rpm-ostree' | 'grubby' | 'update-grub' | 'grub-mkconfig' | 'grub2-mkconfig' | 'modprobe' | 'udevadm' | 'systemctl';

export interface HostCommand {
  readonly program: HostProgram;
  readonly words: readonly string[];
}

export interface CommandFailure {
  readonly command: HostCommand;
  /** What it printed, or why it could not be run. */
  readonly says: string;
}

/** Administration of the host by its own programs. Implemented by {@link RealHostCommands}. */
export interface HostCommands {
  /** Where the program is; undefined when the host has none. */
  find(program: HostProgram): Promise<string | undefined>;
  /** What it printed. */
  run(command: HostCommand): Promise<Result<string, CommandFailure>>;
}

export function describeCommand({ program, words }: HostCommand): string {
  return [program, ...words].join(' ');
}
