import { Argument, Command } from 'commander';
import type { CliContext } from '../../context.ts';
import { completionScript } from './scripts.ts';
import type { Shell } from './scripts.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

export function completionCommand(context: CliContext, program: () => Command): Command {
  return new Command('completion')
    .description('Prints a completion script for a shell.')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText('after', '\nExamples:\n  source <(vfleet completion bash)\n  vfleet completion zsh > "${fpath[1]}/_vfleet"\n  vfleet completion fish | source\n')
    .action((shell: Shell) => context.terminal.out(completionScript(shell, program())));
}
