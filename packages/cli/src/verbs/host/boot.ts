import { Argument, Command } from 'commander';
import { isSettled, nodeStateSpecSchema } from '@vfleet/core';
import type { NodeStateSpec } from '@vfleet/core';
import { BOOT_PHASES, CONFIGURATION_FILE, RESULT_FILE } from '@vfleet/hw-linux/host-preparation/systemd-units.ts';
import type { BootPhase } from '@vfleet/hw-linux/host-preparation/systemd-units.ts';
import { compileSchema } from '@vfleet/kube-sim/schema/structural.ts';
import { validateValue } from '@vfleet/kube-sim/schema/validate.ts';
import { CliFailure } from '../../failure.ts';
import { parseDocuments } from '../../manifests.ts';
import { HostRun } from './host-run.ts';
import type { HostTools } from './host-tools.ts';

const ROUNDS_MAX = 5;

interface BootResult {
  readonly syncStatus: 'InProgress' | 'Succeeded' | 'Failed';
  readonly lastSyncError: string;
}

/** What the services at boot run: PFs before the network comes up, VFs after it. What became of it is left in a file for the daemon. */
export function bootCommand(finish: (status: number) => void, use: (work: (tools: HostTools) => Promise<void>) => Promise<void>, stateFolder: string): Command {
  return new Command('boot')
    .description(`Configures NICs at boot from ${CONFIGURATION_FILE}; run by the services that \`vfleet host prepare --boot-services\` installs.`)
    .addArgument(new Argument('<phase>', 'when it runs').choices([...BOOT_PHASES]))
    .option('--state-folder <folder>', 'where runs keep their journal and what NICs were like at first', stateFolder)
    .action((phase: BootPhase, options: { readonly stateFolder: string }) =>
      use(async (tools) => {
        const failure = await configure(tools, phase, options.stateFolder).then(() => undefined, (error: unknown) => error);
        if (failure !== undefined && !(failure instanceof CliFailure)) throw failure;
        // Only after the second phase everything is as it was wanted.
        await leave(tools, failure === undefined ? { syncStatus: phase === 'pre-network' ? 'InProgress' : 'Succeeded', lastSyncError: '' } : { syncStatus: 'Failed', lastSyncError: `${failure.message}. ${failure.remedy}` });
        if (failure !== undefined) throw failure;
        finish(0);
      }),
    );
}

async function configure(tools: HostTools, phase: BootPhase, stateFolder: string): Promise<void> {
  const spec = specFor(await readSpec(tools), phase);
  await HostRun.during(tools, stateFolder, async (run) => {
    let plan = await run.planSpec(spec);
    if (plan.reboot.needed) throw new CliFailure('the configuration needs a reboot first', 'Run `vfleet host prepare`, and reboot.');
    for (let round = 0; round < ROUNDS_MAX && !isSettled(plan); round++) {
      await run.apply();
      plan = await run.planSpec(spec);
    }
    const problem = plan.problems.find(({ blocks }) => blocks);
    if (problem !== undefined) throw new CliFailure(problem.cause, problem.remedy);
    if (!isSettled(plan)) throw new CliFailure('the NICs are still not as wanted', 'See dmesg for what the driver says.');
  });
}

/** Before the network there are PFs with their number of VFs, MTU and mode; what is in the VFs comes later. */
function specFor(spec: NodeStateSpec, phase: BootPhase): NodeStateSpec {
  if (phase === 'post-network') return spec;
  return { ...spec, interfaces: (spec.interfaces ?? []).map(({ vfGroups: _, ...pf }) => pf) };
}

async function readSpec(tools: HostTools): Promise<NodeStateSpec> {
  const text = await tools.files.read(CONFIGURATION_FILE);
  if (!text.ok) throw new CliFailure(`${CONFIGURATION_FILE} cannot be read: ${text.error.cause}`, '`vfleet host prepare --boot-services` writes it.');
  const [document] = parseDocuments(text.value, CONFIGURATION_FILE);
  const spec = typeof document === 'object' && document !== null && 'spec' in document ? document.spec : undefined;
  const errors = validateValue(spec, compileSchema(nodeStateSpecSchema.json), 'spec');
  if (errors.length > 0) throw new CliFailure(`${CONFIGURATION_FILE}: ${errors.map((error) => `${error.field}: ${error.body}`).join('; ')}`, 'It holds the spec of a SriovNetworkNodeState.');
  // Checked against the schema that the type is inferred from.
  return spec as NodeStateSpec;
}

async function leave(tools: HostTools, result: BootResult): Promise<void> {
  const { stringify } = await import('yaml');
  const left = await tools.files.replace(RESULT_FILE, stringify(result, { version: '1.1' }), { mode: 0o644 });
  if (!left.ok) throw new CliFailure(`${RESULT_FILE} cannot be written: ${left.error.cause}`, 'Run it as root.');
}
