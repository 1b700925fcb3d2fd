import type { Simulation } from '../engine/simulation.ts';
import type { World } from '../world.ts';
import { hashText } from '../engine/hash.ts';
import type { WorldNode } from '../world-node.ts';
import type { Collection } from './store-types.ts';
import type { Change } from './store-types.ts';

/** Kinds that say only that time passes. */
const HEARTBEATS: ReadonlySet<string> = new Set(['leases.coordination.k8s.io']);

export function isHeartbeat(collection: string, change: Change): boolean {
  if (HEARTBEATS.has(collection)) return true;
  return collection === 'nodes' && change.type === 'MODIFIED' && change.previous !== undefined && sameButTime(change.object, change.previous);
}

/** A node status that differs only in when it was last heard of. */
function sameButTime(a: unknown, b: unknown): boolean {
  return withoutTimes(a) === withoutTimes(b);
}

function withoutTimes(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => (key === 'lastHeartbeatTime' || key === 'resourceVersion' || key === 'managedFields' ? undefined : inner));
}

/** Writes every committed change of the API, and with `whole` a hash of the object, into the trace. */
export function traceCommits(simulation: Simulation, world: World, whole: boolean): void {
  world.apiServer.core.store.onCommit((collection: Collection, change: Change) => {
    const { type, key, revision, object } = change;
    simulation.trace.record('api', type, `${collection.name} ${key} rv=${revision}${whole ? ` ${hashText(contentOf(object)).toString(16)}` : ''}`);
  });
}

/** All but the record of who wrote which field, which is the longer part of most objects and follows from the writes themselves. */
function contentOf(object: Change['object']): string {
  const { managedFields: _, ...metadata } = object.metadata;
  return JSON.stringify({ ...object, metadata });
}

/** Writes a node's kernel events and boots into the trace, also after reboots. */
export function traceHardware(simulation: Simulation, node: WorldNode): void {
  const { hardware } = node;
  const follow = () => void hardware.watchUevents((uevent) => simulation.trace.record(node.name, 'uevent', JSON.stringify(uevent)));
  follow();
  hardware.onReboot((phase, reason) => {
    simulation.trace.record(node.name, 'power', `${phase}: ${reason}`);
    if (phase === 'up') follow();
  });
}
