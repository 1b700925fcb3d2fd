import { Command, CommanderError } from 'commander';
import type { CliContext } from './context.ts';
import { CliFailure } from './failure.ts';
import { paint } from './output/terminal.ts';
import { cniCommand } from './verbs/cni/command.ts';
import { completionCommand } from './verbs/completion/command.ts';
import { describeCommand } from './verbs/describe/command.ts';
import { explainCommand } from './verbs/explain/command.ts';
import { getCommand } from './verbs/get/command.ts';
import { hostCommand } from './verbs/host/command.ts';
import { nodeCommand } from './verbs/node/command.ts';
import { operatorCommand } from './verbs/operator/command.ts';
import { planCommand } from './verbs/plan/command.ts';
import { simCommand } from './verbs/sim/command.ts';
import { uninstallCommand } from './verbs/uninstall/command.ts';
import { upCommand } from './verbs/up/command.ts';
import { upgradeCommand } from './verbs/upgrade/command.ts';
import { VFLEET_VERSION } from './version.ts';

/** Runs one command line and gives the exit status: 0 done, 1 failed with the reason on `err`, 2 the words were not understood. */
export async function run(words: readonly string[], context: CliContext): Promise<number> {
  let status = 0;
  const program = buildProgram(context, (verbStatus) => {
    status = verbStatus;
  });
  try {
    await program.parseAsync([...words], { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof CliFailure) {
      context.terminal.err(`${paint(context.terminal, 'red', 'vfleet:')} ${error.message}\n        ${error.remedy}\n`);
      return error.exitStatus;
    }
    throw error;
  }
}

export function buildProgram(context: CliContext, finish: (status: number) => void): Command {
  const program = new Command('vfleet')
    .description('SR-IOV and kernel-bypass networking for Kubernetes, every part of which also runs without a NIC.')
    .version(VFLEET_VERSION, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .showHelpAfterError('(--help after any command explains it)')
    // A command that has both options and commands takes only what stands before theirs.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: context.terminal.out, writeErr: context.terminal.err })
    .addHelpText(
      'after',
      `
Try it on simulated NICs:
  vfleet up                          a cluster with three nodes, an SR-IOV policy and a pod that gets a VF
  export KUBECONFIG=…                as printed; then kubectl as on any cluster
  vfleet get pods                    which pod holds which VF, with MAC, VLAN and address
  vfleet describe node node-a        why a node is in the state it is in
`,
    );
  for (const build of [upCommand, getCommand, describeCommand, explainCommand, planCommand, simCommand, hostCommand, operatorCommand, nodeCommand, cniCommand, upgradeCommand, uninstallCommand]) program.addCommand(withErrorsThrown(build(context, finish), context));
  program.addCommand(withErrorsThrown(completionCommand(context, () => program), context));
  return program;
}

/** Commander copies these settings only to commands it makes itself. */
function withErrorsThrown(command: Command, context: CliContext): Command {
  command.exitOverride().configureOutput({ writeOut: context.terminal.out, writeErr: context.terminal.err }).showHelpAfterError('(--help explains it)');
  for (const inner of command.commands) withErrorsThrown(inner, context);
  return command;
}
