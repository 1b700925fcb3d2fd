import { Argument, Command } from 'commander';
import { runBootPhase } from '@vfleet/controllers/config-daemon/boot-run.ts';
import type { BootFailure } from '@vfleet/controllers/config-daemon/boot-run.ts';
import { BOOT_CONFIGURATION_FILE, BOOT_PHASES, nodeStateSpecSchema } from '@vfleet/core';
import type { BootPhase, NodeStateSpec } from '@vfleet/core';
import { compileSchema } from '@vfleet/kube-sim/schema/structural.ts';
import { validateValue } from '@vfleet/kube-sim/schema/validate.ts';
import { CliFailure } from '../../failure.ts';
import { readYamlDocuments } from '@vfleet/kube/yaml/documents.ts';
import type { HostTools } from './host-tools.ts';

/** What the services at boot run: PFs before the network comes up, VFs after it. What became of it is left in a file for the daemon. */
export function bootCommand(finish: (status: number) => void, use: (work: (tools: HostTools) => Promise<void>) => Promise<void>, stateFolder: string): Command {
  return new Command('boot')
    .description(`Configures NICs at boot from ${BOOT_CONFIGURATION_FILE}; run by the services that \`vfleet host prepare --boot-services\` installs, and the config daemon in configurationMode systemd.`)
    .addArgument(new Argument('<phase>', 'when it runs').choices([...BOOT_PHASES]))
    .option('--state-folder <folder>', 'where runs keep their journal and what NICs were like at first', stateFolder)
    .action((phase: BootPhase, options: { readonly stateFolder: string }) =>
      use(async (tools) => {
        const failure = await runBootPhase(tools, options.stateFolder, phase, () => readSpec(tools));
        if (failure !== undefined) throw new CliFailure(failure.cause, failure.remedy);
        finish(0);
      }),
    );
}

async function readSpec(tools: HostTools): Promise<NodeStateSpec | BootFailure> {
  const text = await tools.files.read(BOOT_CONFIGURATION_FILE);
  if (!text.ok) return { cause: `${BOOT_CONFIGURATION_FILE} cannot be read: ${text.error.cause}`, remedy: '`vfleet host prepare --boot-services` writes it, and so does the config daemon in configurationMode systemd.' };
  const read = readYamlDocuments(text.value);
  if (!read.ok) return { cause: `${BOOT_CONFIGURATION_FILE}:${read.error.line}:${read.error.column}: ${read.error.cause}`, remedy: 'Mend the YAML there.' };
  const [document] = read.value;
  const spec = typeof document === 'object' && document !== null && 'spec' in document ? document.spec : undefined;
  const errors = validateValue(spec, compileSchema(nodeStateSpecSchema.json), 'spec');
  if (errors.length > 0) return { cause: `${BOOT_CONFIGURATION_FILE}: ${errors.map((error) => `${error.field}: ${error.body}`).join('; ')}`, remedy: 'It holds the spec of a SriovNetworkNodeState.' };
  // Checked against the schema that the type is inferred from.
  return spec as NodeStateSpec;
}
