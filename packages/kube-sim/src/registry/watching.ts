import type { Clock, KubeError, Subscription, Timer } from '@vfleet/core';
import { checkListOptions, parseVersion, tooLargeVersionError, tooOldVersionError } from '../errors/list-options.ts';
import { sortedVisit } from '../store/sorted-map.ts';
import { isWanted } from '../store/watch-hub.ts';
import type { HubEvent, Interest, Watcher, WatchHub } from '../store/watch-hub.ts';
import type { ApiObject } from '../values/json.ts';
import { collectionOf } from './core.ts';
import type { Core, Target } from './core.ts';
import type { ResourceDefinition } from './definition.ts';
import { interestOf, keyRange } from './selection.ts';

export interface WatchRequest {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: string;
  readonly sendInitialEvents?: boolean;
  readonly allowBookmarks?: boolean;
  readonly timeoutSeconds?: number;
  /** Means nothing in a watch, but is looked at. */
  readonly continue?: string;
}

export interface WatchReceiver {
  event(event: HubEvent): void;
  /** Called once, last; without an error when the time asked for is over. */
  end(error?: KubeError): void;
}

/**
 * Follows a resource from a revision. Refusals of the request itself are thrown; what goes wrong later arrives at `end`.
 * Nothing is delivered before this returns.
 */
export function watchObjects(core: Core, target: Target, options: WatchRequest, receiver: WatchReceiver): Subscription {
  checkListOptions(options, true);
  const { resource } = target;
  const interest = interestOf(resource, resource.namespaced ? target.namespace : undefined, options);
  const asked = parseVersion(options.resourceVersion, true);
  const watch = new Watch(core, resource, interest, options, receiver);
  watch.start(asked);
  return watch;
}

class Watch implements Watcher, Subscription {
  readonly interest: Interest;
  readonly #core: Core;
  readonly #resource: ResourceDefinition;
  readonly #options: WatchRequest;
  readonly #receiver: WatchReceiver;
  readonly #hub: WatchHub;
  #timer: Timer | undefined;
  #isOver = false;
  /** Where the watch begins in the future: what happens before is not its business. */
  #after = 0;

  constructor(core: Core, resource: ResourceDefinition, interest: Interest, options: WatchRequest, receiver: WatchReceiver) {
    this.interest = interest;
    this.#core = core;
    this.#resource = resource;
    this.#options = options;
    this.#receiver = receiver;
    this.#hub = core.hub(resource);
  }

  get wantsBookmarks(): boolean {
    return this.#options.allowBookmarks === true;
  }

  start(asked: number): void {
    const { store } = this.#core;
    const collection = collectionOf(this.#core, this.#resource);
    const wantsState = this.#options.sendInitialEvents ?? asked === 0;
    if (asked > store.revision) {
      if (wantsState) return this.#endLater(tooLargeVersionError(asked, store.revision));
      this.#after = asked;
    }
    if (wantsState) this.#queueState(asked);
    else if (asked > 0) {
      if (asked < collection.history.compactedRevision) return this.#endLater(tooOldVersionError(asked, collection.history.compactedRevision));
      for (const change of collection.history.after(asked)) this.#hub.pushChange(this, change);
    }
    this.#hub.add(this);
    this.#startTimeout(this.#core.clock);
  }

  deliver(event: HubEvent): void {
    if (this.#isOver) return;
    if (event.type === 'BOOKMARK') this.#receiver.event(event);
    else if (this.#after === 0 || Number(event.object.metadata.resourceVersion) > this.#after) this.#receiver.event(this.#served(event));
  }

  stop(): void {
    if (this.#isOver) return;
    this.#close();
  }

  /** Ends the watch from the server's side: 410 when its resource is gone, say. */
  fail(error: KubeError): void {
    if (this.#isOver) return;
    this.#close();
    this.#receiver.end(error);
  }

  #close(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#hub.remove(this);
  }

  #queueState(asked: number): void {
    const collection = collectionOf(this.#core, this.#resource);
    const [from, to] = keyRange(this.#resource, this.interest);
    sortedVisit(collection.objects, from, to, (_key, object) => {
      if (isWanted(this.interest, object)) this.#hub.push(this, { type: 'ADDED', object });
      return true;
    });
    if (this.#options.sendInitialEvents === true && this.wantsBookmarks) {
      this.#hub.push(this, { type: 'BOOKMARK', resourceVersion: String(Math.max(asked, this.#core.store.revision)), initialEventsEnd: true });
    }
  }

  #served(event: Exclude<HubEvent, { type: 'BOOKMARK' }>): HubEvent {
    const object: ApiObject = this.#resource.fromStored(event.object);
    return object === event.object ? event : { type: event.type, object };
  }

  #startTimeout(clock: Clock): void {
    const { timeoutSeconds } = this.#options;
    if (timeoutSeconds === undefined || timeoutSeconds <= 0) return;
    this.#timer = clock.setTimer(timeoutSeconds * 1000, () => {
      if (this.#isOver) return;
      if (this.wantsBookmarks) this.#receiver.event({ type: 'BOOKMARK', resourceVersion: String(this.#core.store.revision) });
      this.#close();
      this.#receiver.end();
    });
  }

  /** Watches answer with a stream even when all it says is that there is none: the refusal arrives as their last event. */
  #endLater(error: KubeError): void {
    void Promise.resolve().then(() => {
      if (this.#isOver) return;
      this.#isOver = true;
      this.#receiver.end(error);
    });
  }
}
