import type { BootPhase, Clock, Files, Hardware, Host, Log, NodeStateSpec, Plan } from '@vfleet/core';
import { BOOT_RESULT_FILE, isSettled } from '@vfleet/core';
import { bootResultText } from './boot-files.ts';
import { Configuration } from './configuration.ts';
import { HardwareActivity } from './hardware-activity.ts';
import { underLock } from './under-lock.ts';

export interface BootRunPorts {
  readonly hardware: Hardware;
  readonly host: Host;
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Log;
}

/** Why a phase did not come to its end, and what to do about it. */
export interface BootFailure {
  readonly cause: string;
  readonly remedy: string;
}

const ROUNDS_MAX = 5;

/**
 * What a service at boot does: brings the NICs to what is wanted in its phase, and leaves in {@link BOOT_RESULT_FILE} what became of that,
 * for the daemon that starts later. `readSpec` reads the configuration. Undefined when all went well.
 */
export async function runBootPhase(ports: BootRunPorts, stateFolder: string, phase: BootPhase, readSpec: () => Promise<NodeStateSpec | BootFailure>): Promise<BootFailure | undefined> {
  const facts = await ports.host.facts();
  const bootId = facts.ok ? facts.value.bootId : '';
  const spec = await readSpec();
  const failure = 'cause' in spec ? spec : await configure(ports, stateFolder, specFor(spec, phase));
  // Only after the second phase everything is as it was wanted.
  const syncStatus = failure !== undefined ? 'Failed' : phase === 'pre-network' ? 'InProgress' : 'Succeeded';
  const left = await ports.files.replace(BOOT_RESULT_FILE, bootResultText({ syncStatus, lastSyncError: failure === undefined ? '' : `${failure.cause}. ${failure.remedy}`, bootId }), { mode: 0o644 });
  return failure ?? (left.ok ? undefined : { cause: `${BOOT_RESULT_FILE} cannot be written: ${left.error.cause}`, remedy: 'Run it as root.' });
}

/** Before the network there are PFs with their number of VFs, MTU and mode; what is in the VFs comes later. */
function specFor(spec: NodeStateSpec, phase: BootPhase): NodeStateSpec {
  if (phase === 'post-network') return spec;
  return { ...spec, interfaces: (spec.interfaces ?? []).map(({ vfGroups: _, ...pf }) => pf) };
}

async function configure(ports: BootRunPorts, stateFolder: string, spec: NodeStateSpec): Promise<BootFailure | undefined> {
  const unreadable = (cause: string): BootFailure => ({ cause: `${stateFolder} cannot be used: ${cause}`, remedy: 'Run it as root, or give another folder with --state-folder.' });
  return underLock(ports.files, `${stateFolder}/host.lock`, async () => {
    const activity = new HardwareActivity(ports.clock);
    const subscription = ports.hardware.watch(() => activity.event());
    try {
      const configuration = new Configuration(ports, stateFolder, activity, undefined, new AbortController().signal);
      const loaded = await configuration.load();
      return loaded.ok ? await settle(configuration, spec) : unreadable(loaded.error.cause);
    } finally {
      subscription.stop();
    }
  }, unreadable);
}

async function settle(configuration: Configuration, spec: NodeStateSpec): Promise<BootFailure | undefined> {
  for (let round = 0; ; round++) {
    const looked = await configuration.look();
    if (!looked.ok) return looked.error;
    const plan = await planFor(configuration, spec);
    if (plan.reboot.needed) return { cause: 'the configuration needs a reboot first', remedy: 'Run `vfleet host prepare`, and reboot.' };
    const problem = plan.problems.find(({ blocks }) => blocks);
    if (isSettled(plan)) return problem;
    if (round === ROUNDS_MAX) return { cause: 'the NICs are still not as wanted', remedy: 'See dmesg for what the driver says.' };
    const applied = await configuration.apply(false);
    if (!applied.ok) return { cause: applied.error, remedy: 'What was done stays; the config daemon goes on from there, or run the same command again.' };
  }
}

/** Nobody uses VFs at boot: what takes some away asks for no drain. */
function planFor(configuration: Configuration, spec: NodeStateSpec): Promise<Plan> {
  return configuration.makePlan({
    state: { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodeState', metadata: { name: 'host', generation: 2 }, spec }, config: undefined, drained: true,
  });
}
