import type { Clock, Log, Random } from '@vfleet/core';
import type { KubeletAccess } from '../inside/container-inside.ts';
import type { AdmissionPlugin } from '../admission/admission.ts';
import type { Collection, Store } from '../store/store.ts';
import type { WatchHub } from '../store/watch-hub.ts';
import type { Ownership } from './ownership.ts';
import type { Registry } from './registry.ts';
import type { ResourceDefinition } from './definition.ts';

/** What the operations work on: one API server's state and its ports. */
export interface Core {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly store: Store;
  readonly registry: Registry;
  readonly admission: readonly AdmissionPlugin[];
  readonly ownership: Ownership;
  hub(resource: ResourceDefinition): WatchHub;
  /** The kubelet of a node, for what is asked inside of pods; undefined when none is there. */
  kubelet(nodeName: string): KubeletAccess | undefined;
}

/** One object, or the collection it would be in, of one served resource. */
export interface Target {
  readonly resource: ResourceDefinition;
  readonly namespace?: string;
}

export interface ObjectTarget extends Target {
  readonly name: string;
}

export function collectionOf(core: Core, resource: ResourceDefinition): Collection {
  return core.store.collection(resource.storage);
}
