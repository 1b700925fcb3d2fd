import { fail, ok } from '@vfleet/core';
import type { AttachFailure, Result } from '@vfleet/core';
import { chainOf } from '../attachment/plugin-chain.ts';
import type { PluginChain } from '../attachment/plugin-chain.ts';
import { delegate } from '../cni/delegate.ts';
import type { DelegateCall } from '../cni/delegate.ts';
import { invalidConfig } from '../cni/failure.ts';
import type { PluginRunner } from '../cni/plugin-runner.ts';
import { emptyResult, formatResult } from '../cni/spec/result.ts';
import type { SpecResult } from '../cni/spec/result.ts';
import { OLDEST_VERSION, isAtLeast, isCniVersion } from '../cni/spec/versions.ts';
import type { CniVersion } from '../cni/spec/versions.ts';
import { asObject, field, isJsonArray } from '../json/fields.ts';
import type { JsonObject } from '../json/fields.ts';

type Answer<Value> = Promise<Result<Value, AttachFailure>>;

/** One interface of one sandbox. */
export type Place = Pick<DelegateCall, 'containerId' | 'ifname' | 'netns' | 'cniArgs'>;

/** The network that every pod has: `delegates` of the meta-plugin's configuration, which has one entry, a plugin or a list of plugins as Multus has it. */
export function clusterNetworkOf(config: JsonObject): Result<PluginChain, AttachFailure> {
  const delegates = field(config, 'delegates');
  const [only, ...more] = isJsonArray(delegates) ? delegates : [];
  const delegated = asObject(only);
  if (delegated === undefined || more.length > 0) return invalidConfig('"delegates" must be a list with one network, the one that every pod has');
  const chain = chainOf({ cniVersion: field(config, 'cniVersion') ?? OLDEST_VERSION, ...delegated }, String(field(config, 'name') ?? ''));
  return chain.ok ? chain : invalidConfig(`the network in "delegates" cannot be used: ${chain.error}`);
}

/** Runs the plugins of the cluster's own network (CNI specification §3 "Execution of Network Configurations"). */
export class ClusterNetwork {
  readonly #runner: PluginRunner;

  constructor(runner: PluginRunner) {
    this.#runner = runner;
  }

  /** Takes back what was done when a plugin of the chain fails. */
  async add(chain: PluginChain, place: Place, wishes: JsonObject): Answer<SpecResult> {
    let previous: SpecResult | undefined;
    for (const plugin of chain.plugins) {
      const added: Result<SpecResult, AttachFailure> = await delegate(this.#runner, { command: 'ADD', ...place, ...callOf(chain, plugin, wishes, previous) });
      if (!added.ok) {
        await this.del(chain, place, wishes, previous);
        return added;
      }
      previous = added.value;
    }
    return ok(previous ?? emptyResult);
  }

  /** The last plugin first. All are tried; the answer is the first failure. */
  async del(chain: PluginChain, place: Place, wishes: JsonObject, previous: SpecResult | undefined): Answer<void> {
    let first: Result<void, AttachFailure> = ok(undefined);
    for (const plugin of chain.plugins.toReversed()) {
      const deleted = await delegate(this.#runner, { command: 'DEL', ...place, ...callOf(chain, plugin, wishes, previous) });
      if (!deleted.ok && first.ok) first = fail(deleted.error);
    }
    return first;
  }

  check(chain: PluginChain, place: Place, wishes: JsonObject, previous: SpecResult | undefined): Answer<void> {
    return this.#each(chain, '0.4.0', (plugin) => ({ command: 'CHECK', ...place, ...callOf(chain, plugin, wishes, previous) }));
  }

  status(chain: PluginChain): Answer<void> {
    return this.#each(chain, '1.1.0', (plugin) => ({ command: 'STATUS', ...nowhere, ...callOf(chain, plugin, {}, undefined) }));
  }

  /** `valid` is the runtime's list of attachments that shall stay. */
  collectGarbage(chain: PluginChain, valid: readonly JsonObject[]): Answer<void> {
    return this.#each(chain, '1.1.0', (plugin) => {
      const { type, config } = callOf(chain, plugin, {}, undefined);
      return { command: 'GC', ...nowhere, type, config: { ...config, 'cni.dev/valid-attachments': valid } };
    });
  }

  /** Nothing in networks of a version that does not have the command. */
  async #each(chain: PluginChain, since: CniVersion, call: (plugin: JsonObject) => DelegateCall): Answer<void> {
    if (!isCniVersion(chain.cniVersion) || !isAtLeast(chain.cniVersion, since)) return ok(undefined);
    for (const plugin of chain.plugins) {
      const done = await delegate(this.#runner, call(plugin));
      if (!done.ok) return done;
    }
    return ok(undefined);
  }
}

/** STATUS and GC are about no container. */
const nowhere = { containerId: '', ifname: '', netns: '', cniArgs: {} } as const;

/** `wishes` are the runtime's capability arguments: a plugin gets those that it declares. */
function callOf({ name, cniVersion }: PluginChain, plugin: JsonObject, wishes: JsonObject, previous: SpecResult | undefined): Pick<DelegateCall, 'type' | 'config'> {
  const capabilities = asObject(field(plugin, 'capabilities')) ?? {};
  const granted = Object.entries(wishes).filter(([wish]) => Object.hasOwn(capabilities, wish) && capabilities[wish] === true);
  const version = isCniVersion(cniVersion) ? cniVersion : OLDEST_VERSION;
  return {
    type: String(field(plugin, 'type')),
    config: {
      ...plugin, name, cniVersion,
      ...(granted.length === 0 ? {} : { runtimeConfig: Object.fromEntries(granted) }),
      ...(previous === undefined ? {} : { prevResult: formatResult(previous, version) }),
    },
  };
}
