import type { NodeStateSpec } from '../api/node-state.ts';
import type { Result } from '../result.ts';

/** One entry of a node state's `bridges.ovs`. */
export type OvsBridge = NonNullable<NonNullable<NodeStateSpec['bridges']>['ovs']>[number];

/** Why Open vSwitch did not do, or say, something. */
export interface BridgeError {
  readonly cause: string;
  readonly remedy: string;
}

/** Open vSwitch on the node, as far as the config daemon manages it. Bridges without its mark do not exist here. */
export interface SoftwareBridges {
  /** With our mark, in order of name. */
  list(): Promise<Result<readonly OvsBridge[], BridgeError>>;
  /** Makes the bridge and its uplinks exactly so, in one transaction; ports of others on it stay. */
  ensure(bridge: OvsBridge): Promise<Result<void, BridgeError>>;
  /** With all its ports. Succeeds when there is none of ours by that name. */
  remove(name: string): Promise<Result<void, BridgeError>>;
}
