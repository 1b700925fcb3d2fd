import { Command } from 'commander';
import type { NamedPolicy, Plan } from '@vfleet/core';
import { describePlan, isSettled } from '@vfleet/core';
import { CliFailure } from '../../failure.ts';
import type { CliContext } from '../../context.ts';
import { outputOption } from '../../options.ts';
import { renderDocument } from '../../output/document.ts';
import type { OutputFormat } from '../../output/document.ts';
import { bootCommand } from './boot.ts';
import { HostRun, hardwareFailure } from './host-run.ts';
import type { HostTools } from './host-tools.ts';
import { readPolicies } from './policies.ts';
import { checkCommand, prepareCommand } from './prepare.ts';
import { describeEvent, inventoryTable } from './tables.ts';

/** `plan` found something to do. */
const STATUS_CHANGES = 3;
const STATE_FOLDER = '/var/lib/vfleet/host';
/** A plan ends where the addresses of new VFs are not known yet; the executor goes on by itself, so a second one is a rarity. */
const ROUNDS_MAX = 5;

interface PlanOptions {
  readonly file: readonly string[];
  readonly stateFolder: string;
  readonly output?: OutputFormat;
}

interface ApplyOptions {
  readonly file?: readonly string[];
  readonly stateFolder: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

type OpenTools = () => Promise<HostTools>;

async function openThisHost(): Promise<HostTools> {
  return (await import('./real-host-tools.ts')).realHostTools();
}

/** One host without Kubernetes: the config daemon's planner and executor, at a person's word. `open` is for tests. */
export function hostCommand(context: CliContext, finish: (status: number) => void, open: OpenTools = openThisHost): Command {
  const host = new Command('host').summary('configure the NICs of this machine, without Kubernetes').description('Shows and configures the NICs of this machine by the same policies as in a cluster, without Kubernetes.');
  host.addCommand(discoverCommand(context, finish, open));
  host.addCommand(planCommand(context, finish, open));
  host.addCommand(applyCommand(context, finish, open));
  host.addCommand(resetCommand(context, finish, open));
  host.addCommand(watchCommand(context, finish, open));
  const use = (work: (tools: HostTools) => Promise<void>) => withTools(open, work);
  host.addCommand(checkCommand(context, finish, use));
  host.addCommand(prepareCommand(context, finish, use, readPolicies));
  host.addCommand(bootCommand(finish, use, STATE_FOLDER));
  return host;
}

async function withTools<Value>(open: OpenTools, work: (tools: HostTools) => Promise<Value>): Promise<Value> {
  const tools = await open();
  try {
    return await work(tools);
  } finally {
    await tools.close();
  }
}

function discoverCommand(context: CliContext, finish: (status: number) => void, open: OpenTools): Command {
  return new Command('discover')
    .description('PFs and VFs of this machine: drivers, links, VF settings.')
    .addOption(outputOption(['table', 'json', 'yaml']))
    .action(({ output }: { readonly output: OutputFormat }) =>
      withTools(open, async ({ hardware }) => {
        const seen = await hardware.discover();
        if (!seen.ok) throw hardwareFailure(seen.error);
        context.terminal.out(output === 'json' || output === 'yaml' ? renderDocument(seen.value, output) : inventoryTable(seen.value));
        finish(0);
      }),
    );
}

function planCommand(context: CliContext, finish: (status: number) => void, open: OpenTools): Command {
  return withState(new Command('plan'))
    .description('What policies would change on this machine. Changes nothing.')
    .requiredOption('-f, --file <manifest...>', 'files with SriovNetworkNodePolicy objects')
    .addHelpText('after', '\nExit status: 0 all is as wanted, 3 there is something to do, 1 a problem stands in the way or it failed.\n')
    .action((options: PlanOptions) =>
      withTools(open, (tools) =>
        HostRun.during(tools, options.stateFolder, async (run) => {
          const plan = await show(context, run, readPolicies(options.file));
          finish(statusOf(plan));
        }),
      ),
    );
}

function applyCommand(context: CliContext, finish: (status: number) => void, open: OpenTools): Command {
  return withApply(new Command('apply'))
    .description('Makes this machine what policies want. A run that was interrupted is taken up by the next.')
    .requiredOption('-f, --file <manifest...>', 'files with SriovNetworkNodePolicy objects')
    .action((options: ApplyOptions) => carryOut(context, finish, open, options, () => readPolicies(options.file ?? [])));
}

function resetCommand(context: CliContext, finish: (status: number) => void, open: OpenTools): Command {
  return withApply(new Command('reset'))
    .description('Gives back what earlier runs configured: no VFs, MTU and eswitch mode as they were. NICs that no run touched stay as they are.')
    .action((options: ApplyOptions) => carryOut(context, finish, open, options, () => []));
}

function watchCommand(context: CliContext, finish: (status: number) => void, open: OpenTools): Command {
  return new Command('watch').description('What happens to the NICs of this machine, as it happens, until Ctrl-C.').action(() =>
    withTools(open, async (tools) => {
      const subscription = tools.hardware.watch((event) => context.terminal.out(`${describeEvent(event)}\n`));
      await tools.interrupted();
      subscription.stop();
      finish(0);
    }),
  );
}

function withState(command: Command): Command {
  return command.option('--state-folder <folder>', 'where runs keep their journal and what NICs were like at first', STATE_FOLDER);
}

function withApply(command: Command): Command {
  return withState(command).option('--dry-run', 'show the plan and stop').option('-y, --yes', 'do not ask before VFs that exist are taken away or changed');
}

async function carryOut(context: CliContext, finish: (status: number) => void, open: OpenTools, options: ApplyOptions, policies: () => readonly NamedPolicy[]): Promise<void> {
  const wanted = policies();
  await withTools(open, (tools) =>
    HostRun.during(tools, options.stateFolder, async (run) => {
      let plan = await show(context, run, wanted);
      if (options.dryRun === true) {
        finish(statusOf(plan));
        return;
      }
      await permit(run, plan, options);
      for (let round = 0; round < ROUNDS_MAX && !isSettled(plan); round++) {
        await run.apply();
        plan = (await run.plan(wanted)).plan;
      }
      if (!isSettled(plan)) throw new CliFailure('the NICs are still not as wanted', 'See `vfleet host plan`, and dmesg for what the driver says.');
      context.terminal.err(plan.problems.some(({ blocks }) => blocks) ? 'Done, except for the problems above.\n' : 'Done.\n');
      finish(plan.problems.some(({ blocks }) => blocks) ? 1 : 0);
    }),
  );
}

async function show(context: CliContext, run: HostRun, policies: readonly NamedPolicy[]): Promise<Plan> {
  const { plan, warnings } = await run.plan(policies);
  for (const warning of warnings) context.terminal.err(`warning: ${warning}\n`);
  context.terminal.out(`${describePlan(plan).join('\n')}\n`);
  return plan;
}

function statusOf(plan: Plan): number {
  if (plan.problems.some(({ blocks }) => blocks)) return 1;
  return isSettled(plan) ? 0 : STATUS_CHANGES;
}

/** Reboots are the person's own to make; what cuts traffic wants a yes. */
async function permit(run: HostRun, plan: Plan, options: ApplyOptions): Promise<void> {
  if (plan.reboot.needed) {
    const { kernelArguments } = plan.reboot;
    throw new CliFailure('the policies need a reboot first', kernelArguments.length > 0 ? `Run \`vfleet host prepare\` with the same files: it adds ${kernelArguments.join(' ')} to the kernel's arguments. Then reboot, and run the same command again.` : 'Make the change that is named above, reboot, and run the same command again.');
  }
  if (options.yes === true || plan.drain.reasons.length === 0) return;
  const answer = await run.tools.confirm('VFs that exist are taken away or changed; whoever uses them loses its network. Go on?');
  if (answer === undefined) throw new CliFailure('VFs that exist would be taken away or changed, and nobody is there to be asked', 'Give --yes if that is meant.');
  if (!answer) throw new CliFailure('nothing was changed', 'Run it again when the VFs are free.');
}
