import { Configuration } from '@vfleet/controllers/config-daemon/configuration.ts';
import { HardwareActivity } from '@vfleet/controllers/config-daemon/hardware-activity.ts';
import { underLock } from '@vfleet/controllers/config-daemon/under-lock.ts';
import { renderNodeState, toInterfaceStatus } from '@vfleet/core';
import type { HardwareError, Inventory, NamedPolicy, NodeStateSpec, Plan } from '@vfleet/core';
import { CliFailure } from '../../failure.ts';
import type { HostTools } from './host-tools.ts';
import { reviewPolicies } from './policies.ts';

/** What a plan was made of, for the person. */
export interface HostPlan {
  readonly plan: Plan;
  readonly warnings: readonly string[];
}

/**
 * One host's NICs and a set of policies, without a cluster: the planner, the executor and the journal of the config daemon. What a run
 * that was killed had begun, the next one takes up.
 */
export class HostRun {
  readonly #tools: HostTools;
  readonly #configuration: Configuration;

  private constructor(tools: HostTools, configuration: Configuration) {
    this.#tools = tools;
    this.#configuration = configuration;
  }

  /** Runs `work` while no other run on this host is under way. */
  static async during<Value>(tools: HostTools, stateFolder: string, work: (run: HostRun) => Promise<Value>): Promise<Value> {
    const unusable = (cause: string): never => {
      throw new CliFailure(`${stateFolder} cannot be used: ${cause}`, 'Run it as root, or give another folder with --state-folder.');
    };
    return underLock(tools.files, `${stateFolder}/host.lock`, async () => {
      const activity = new HardwareActivity(tools.clock);
      const subscription = tools.hardware.watch(() => activity.event());
      try {
        const configuration = new Configuration(tools, stateFolder, activity, undefined, new AbortController().signal);
        const loaded = await configuration.load();
        if (!loaded.ok) return unusable(loaded.error.cause);
        return await work(new HostRun(tools, configuration));
      } finally {
        subscription.stop();
      }
    }, unusable);
  }

  /** Looks at the host and compares it with the policies; without policies, what earlier runs made is to go. */
  async plan(policies: readonly NamedPolicy[]): Promise<HostPlan> {
    const { spec, warnings } = renderForHost(policies, await this.#look());
    return { plan: await this.#makePlan(spec), warnings };
  }

  /** As {@link plan}, for what a daemon has rendered. */
  async planSpec(spec: NodeStateSpec): Promise<Plan> {
    await this.#look();
    return this.#makePlan(spec);
  }

  async #look(): Promise<Inventory> {
    const looked = await this.#configuration.look();
    if (!looked.ok) throw hardwareFailure(looked.error);
    return looked.value.inventory;
  }

  /** The person at the terminal decides what may be cut: VFs that an unfinished run made ask for nothing more. */
  #makePlan(spec: NodeStateSpec): Promise<Plan> {
    return this.#configuration.makePlan({
      state: { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodeState', metadata: { name: 'host', generation: 2 }, spec }, config: undefined, drained: true,
    });
  }

  /** Carries out the plan made last. */
  async apply(): Promise<void> {
    const applied = await this.#configuration.apply(false);
    if (!applied.ok) throw new CliFailure(applied.error, 'What was done stays; mend the cause and run the same command again.');
  }

  get tools(): HostTools {
    return this.#tools;
  }
}

/** What policies come to on a host with these NICs. Refuses policies that mean nothing on it. */
export function renderForHost(policies: readonly NamedPolicy[], inventory: Inventory): { readonly spec: NodeStateSpec; readonly warnings: readonly string[] } {
  const interfaces = toInterfaceStatus(inventory);
  const warnings = reviewPolicies(policies, interfaces);
  return { spec: renderNodeState({ policies, interfaces }).spec ?? { interfaces: [] }, warnings };
}

export function hardwareFailure(error: HardwareError): CliFailure {
  return new CliFailure(`${error.cause}${error.errno === undefined ? '' : ` (${error.errno})`}`, `${error.remedy[0]?.toUpperCase()}${error.remedy.slice(1)}.`);
}
