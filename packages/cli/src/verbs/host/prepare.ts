import { Command } from 'commander';
import { vfioKernelArguments } from '@vfleet/core';
import type { HostFacts, Inventory, NamedPolicy, NodeStateSpec } from '@vfleet/core';
import type { HostFinding, HostPlan, WantedHost } from '@vfleet/hw-linux';
// By their own files: the package as a whole loads native code, which the other verbs do without.
import { describeCommand } from '@vfleet/hw-linux/host-preparation/host-commands.ts';
import { neededModules } from '@vfleet/hw-linux/host-preparation/modules.ts';
import { readUdevPfs } from '@vfleet/hw-linux/host-preparation/udev-pfs.ts';
import { CliFailure } from '../../failure.ts';
import type { CliContext } from '../../context.ts';
import { outputOption } from '../../options.ts';
import { renderDocument } from '../../output/document.ts';
import type { OutputFormat } from '../../output/document.ts';
import { renderTable } from '../../output/table.ts';
import { hardwareFailure, renderForHost } from './host-run.ts';
import type { HostTools } from './host-tools.ts';

interface PrepareOptions {
  readonly bootServices?: boolean;
  readonly removeArgument: readonly string[];
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** YAML 1.1, in which PCI addresses are numbers of base 60 unless they are quoted: what Go programs read. */
const YAML_OF_GO = { version: '1.1' } as const;
/** `prepare` found something to do, and did not do it. */
const STATUS_CHANGES = 3;

interface Seen {
  readonly facts: HostFacts;
  readonly inventory: Inventory;
}

async function look(tools: HostTools): Promise<Seen> {
  const facts = await tools.host.facts();
  if (!facts.ok) throw hardwareFailure(facts.error);
  const inventory = await tools.hardware.discover();
  if (!inventory.ok) throw hardwareFailure(inventory.error);
  return { facts: facts.value, inventory: inventory.value };
}

/** What the host lacks for VFs, and its hugepages. Status 1 when something will not work. */
export function checkCommand(context: CliContext, finish: (status: number) => void, use: (work: (tools: HostTools) => Promise<void>) => Promise<void>): Command {
  return new Command('check')
    .description('Whether this machine is fit for VFs: IOMMU, firmware, kernel lockdown, hugepages.')
    .addOption(outputOption(['table', 'json', 'yaml']))
    .addHelpText('after', '\nExit status: 0 nothing stands in the way, 1 something does.\n')
    .action(({ output }: { readonly output: OutputFormat }) =>
      use(async (tools) => {
        const { facts, inventory } = await look(tools);
        const checked = await tools.preparation.check(facts, inventory);
        context.terminal.out(output === 'json' || output === 'yaml' ? renderDocument(checked, output) : findingsTable(checked.findings));
        finish(checked.findings.some(({ state }) => state === 'problem') ? 1 : 0);
      }),
    );
}

function findingsTable(findings: readonly HostFinding[]): string {
  return `${renderTable<HostFinding>([
    { heading: 'subject', cell: ({ subject }) => subject }, { heading: 'state', cell: ({ state }) => state }, { heading: 'found', cell: ({ says }) => says }, { heading: 'what to do', cell: ({ remedy }) => remedy ?? '' },
  ], findings)}\n`;
}

/** Makes the host ready for what policies want of it. `policies` reads the files that were given. */
export function prepareCommand(
  context: CliContext, finish: (status: number) => void, use: (work: (tools: HostTools) => Promise<void>) => Promise<void>, policies: (paths: readonly string[]) => readonly NamedPolicy[],
): Command {
  return new Command('prepare')
    .description('Makes this machine ready for policies: kernel arguments, modules, rules for udev and NetworkManager, services at boot.')
    .requiredOption('-f, --file <manifest...>', 'files with SriovNetworkNodePolicy objects')
    .option('--boot-services', 'also install the services that bring this about at each boot, PFs before the network comes up and VFs after it')
    .option('--remove-argument <argument...>', 'kernel arguments that are to go', [])
    .option('--dry-run', 'show what would be done and stop')
    .option('-y, --yes', 'do not ask before the boot loader is changed')
    .addHelpText('after', '\nExit status: 0 the machine is ready, 3 there is something to do (also: a reboot), 1 it failed.\n')
    .action((options: PrepareOptions & { readonly file: readonly string[] }) => {
      const wantedPolicies = policies(options.file);
      return use(async (tools) => {
        const seen = await look(tools);
        const { spec } = renderForHost(wantedPolicies, seen.inventory);
        await prepare(context, finish, tools, options, seen, await wantedHost(tools, seen, spec, options));
      });
    });
}

async function wantedHost(tools: HostTools, { facts, inventory }: Seen, spec: NodeStateSpec, options: PrepareOptions): Promise<WantedHost> {
  const { stringify } = await import('yaml');
  const hasVfio = (spec.interfaces ?? []).some(({ vfGroups }) => (vfGroups ?? []).some(({ deviceType }) => deviceType === 'vfio-pci'));
  return {
    kernelArguments: { add: hasVfio ? vfioKernelArguments(facts) : [], remove: options.removeArgument },
    modules: neededModules(spec),
    pfs: await readUdevPfs(tools.sysfs, inventory.pfs, spec.interfaces ?? []),
    ...(options.bootServices === true ? { bootServices: { executable: tools.executable, configuration: stringify({ spec }, YAML_OF_GO) } } : {}),
  };
}

async function prepare(context: CliContext, finish: (status: number) => void, tools: HostTools, options: PrepareOptions, { facts }: Seen, wanted: WantedHost): Promise<void> {
  const plan = await tools.preparation.plan(wanted);
  if (!plan.ok) throw hardwareFailure(plan.error);
  const lines = describePreparation(plan.value, wanted);
  context.terminal.out(lines.length === 0 ? 'nothing to do\n' : `${lines.join('\n')}\n`);
  if (options.dryRun === true) {
    finish(lines.length === 0 ? 0 : STATUS_CHANGES);
    return;
  }
  if (changesBoot(plan.value) && options.yes !== true) {
    const answer = await tools.confirm('The boot loader is changed. Go on?');
    if (answer !== true) throw new CliFailure('nothing was changed', answer === undefined ? 'Give --yes if the boot loader is to be changed.' : 'Run it again when that is meant.');
  }
  const done = await tools.preparation.apply(plan.value, wanted);
  if (!done.ok) throw hardwareFailure(done.error);
  const isInForce = wanted.kernelArguments.add.every((argument) => facts.kernelArguments.includes(argument)) && !wanted.kernelArguments.remove.some((argument) => facts.kernelArguments.includes(argument));
  context.terminal.err(isInForce ? 'Ready.\n' : 'Ready after a reboot: the kernel arguments come into force with it.\n');
  finish(isInForce ? 0 : STATUS_CHANGES);
}

function changesBoot({ bootLoader }: HostPlan): boolean {
  return bootLoader.files.length + bootLoader.commands.length > 0;
}

/** The plan for a person, a line for each thing that would be done. */
export function describePreparation(plan: HostPlan, { kernelArguments }: WantedHost): readonly string[] {
  const { add, remove } = kernelArguments;
  const words = [...add, ...remove.map((argument) => `without ${argument}`)].join(' ');
  return [
    ...(changesBoot(plan) ? [`kernel arguments for the next boot: ${words}`] : []),
    ...[...plan.bootLoader.files, ...plan.files].map(({ path, text }) => `${text === undefined ? 'remove' : 'write'} ${path}`),
    ...plan.modules.map((name) => `load the module ${name}`),
    ...[...plan.bootLoader.commands, ...plan.commands].map((command) => `run ${describeCommand(command)}`),
  ];
}
