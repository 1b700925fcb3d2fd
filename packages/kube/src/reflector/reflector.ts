import type { Clock, KubeError, Kube, KubeObject, ListPage, Log, Random, Resource, Subscription, Timer, WatchEvent, WatchSink } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import type { Backoff } from '../helpers/backoff.ts';
import { backoffMs } from '../helpers/backoff.ts';
import { compareResourceVersions, isNewer } from './resource-version.ts';

export interface ReflectorPorts {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface ReflectorTuning {
  /** Objects a page of a list; 0 asks for all at once. */
  readonly pageSize: number;
  /** The server is asked to end a watch after this long, and up to twice as long, so that watches spread over servers again. */
  readonly watchTimeoutSeconds: number;
  /**
   * List anew when nothing, not even a bookmark or an orderly end, came for this long: the connection may be dead without
   * knowing. Longer than the longest watch, so that a server with nothing to say is not listed for it.
   */
  readonly silenceMs: number;
  /** List anew this long after the last list even if all seems well. */
  readonly relistMs: number;
  /** How long lists older than what is known are refused. After that it is not a lagging replica but a restored backup. */
  readonly olderHistoryMs: number;
  readonly backoff: Backoff;
}

export const reflectorDefaults: ReflectorTuning = {
  pageSize: 500,
  watchTimeoutSeconds: 300,
  silenceMs: 660_000,
  relistMs: 3_600_000,
  olderHistoryMs: 300_000,
  backoff: { initialMs: 800, maxMs: 30_000 },
};

/** Which objects. */
export interface Scope {
  /** All namespaces when absent. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** Where a reflector puts what it sees. Called in the order of the API server's history. */
export interface ReflectorTarget<Type> {
  /** Everything there is now. `olderHistory`: versions of these objects do not compare with those seen before. */
  replace(objects: readonly Type[], olderHistory: boolean): void;
  event(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Type): void;
}

/** What a reflector did so far, for metrics and tests. */
export interface ReflectorCounts {
  lists: number;
  watches: number;
  events: number;
  /** Events and lists older than what was already known. */
  refused: number;
  failures: number;
  /** Lists that the silence watchdog asked for. */
  silences: number;
}

/** A watch that ends sooner than this without an event is a failure, or a broken server would be asked in a tight loop. */
const SHORT_WATCH_MS = 1000;
/** A watch that held this long ends a row of failures. */
const STEADY_WATCH_MS = 60_000;

/**
 * Follows a resource: a paged list, then a watch from the list's version with bookmarks, for ever. Expired history lists anew;
 * any other failure waits (exponentially, with jitter, no shorter than Retry-After) and resumes from the last version. Whatever
 * is not newer than what was seen is refused, so time never runs backwards for the target.
 *
 * Callback driven and free of per-event allocation: an idle reflector is one object, one timer and one open watch.
 */
export class Reflector<Type extends KubeObject> {
  readonly counts: ReflectorCounts = { lists: 0, watches: 0, events: 0, refused: 0, failures: 0, silences: 0 };
  readonly #ports: ReflectorPorts;
  readonly #tuning: ReflectorTuning;
  readonly #resource: Resource<Type>;
  readonly #scope: Scope;
  readonly #target: ReflectorTarget<Type>;
  /** Counts restarts: whatever belongs to an earlier one is stale and ignored. 0 is stopped. */
  #session = 0;
  #sessions = 0;
  #watch: OpenWatch<Type> | undefined;
  #retry: Timer | undefined;
  #watchdog: Timer | undefined;
  #version: string | undefined;
  #heardAtMs = 0;
  #askedAtMs = 0;
  #streak = 0;
  #olderSinceMs: number | undefined;

  constructor(ports: ReflectorPorts, resource: Resource<Type>, scope: Scope, target: ReflectorTarget<Type>, tuning: ReflectorTuning = reflectorDefaults) {
    this.#ports = ports;
    this.#tuning = tuning;
    this.#resource = resource;
    this.#scope = scope;
    this.#target = target;
  }

  /** The newest version known to be in the target; undefined before the first list. */
  get resourceVersion(): string | undefined {
    return this.#version;
  }

  start(): void {
    if (this.#session !== 0) return;
    this.#listAnew();
    this.#armWatchdog();
  }

  stop(): void {
    this.#session = 0;
    this.#abandon();
    this.#watchdog?.cancel();
    this.#watchdog = undefined;
  }

  /** Leaves whatever is going on and begins with a list. */
  #listAnew(): void {
    this.#abandon();
    const session = ++this.#sessions;
    this.#session = session;
    this.#heardAtMs = this.#askedAtMs = this.#ports.clock.monotonicMs();
    void this.#list(session);
  }

  #abandon(): void {
    this.#retry?.cancel();
    this.#retry = undefined;
    const watch = this.#watch;
    this.#watch = undefined;
    watch?.subscription?.stop();
  }

  async #list(session: number): Promise<void> {
    let listed: ListPage<Type> | undefined;
    try {
      listed = await this.#pages(session);
    } catch (error) {
      if (session === this.#session) this.#failed(error, 'list');
      return;
    }
    if (listed === undefined || session !== this.#session) return;
    this.#listed(listed);
  }

  /** All pages as one; undefined when the session ended meanwhile. */
  async #pages(session: number): Promise<ListPage<Type> | undefined> {
    this.counts.lists++;
    const items: Type[] = [];
    let limit = this.#tuning.pageSize;
    let next: string | undefined;
    for (;;) {
      let page: ListPage<Type>;
      try {
        page = await this.#ports.kube.list(this.#resource, { ...this.#scope, ...(limit > 0 ? { limit } : {}), ...(next === undefined ? {} : { continue: next }) });
      } catch (error) {
        // The snapshot was compacted between two pages: only a list in one piece is sure to end.
        if (next === undefined || session !== this.#session || !isKubeError(error, 'Expired', 'Gone')) throw error;
        limit = 0;
        next = undefined;
        items.length = 0;
        continue;
      }
      if (session !== this.#session) return undefined;
      this.#heardAtMs = this.#ports.clock.monotonicMs();
      next = page.continue === '' ? undefined : page.continue;
      if (items.length === 0 && next === undefined) return page;
      for (const item of page.items) items.push(item);
      if (next === undefined) return { resourceVersion: page.resourceVersion, items };
    }
  }

  #listed(page: ListPage<Type>): void {
    const now = this.#ports.clock.monotonicMs();
    const older = this.#version !== undefined && compareResourceVersions(page.resourceVersion, this.#version) < 0;
    if (older) {
      this.counts.refused++;
      this.#olderSinceMs ??= now;
      if (now - this.#olderSinceMs < this.#tuning.olderHistoryMs) {
        this.#backOff('list is older than what is known', undefined, 'list');
        return;
      }
      this.#ports.log.error('the API server lost history (restored from a backup?): taking its older state', { resource: this.#resource.plural, known: this.#version, listed: page.resourceVersion });
    }
    this.#olderSinceMs = undefined;
    this.#version = page.resourceVersion;
    const session = this.#session;
    this.#target.replace(page.items, older);
    // A handler may have stopped us.
    if (session === this.#session) this.#openWatch();
  }

  #openWatch(): void {
    this.counts.watches++;
    const { clock, kube, random } = this.#ports;
    const watch: OpenWatch<Type> = {
      subscription: undefined,
      openedAtMs: clock.monotonicMs(),
      told: false,
      event: (event) => this.#onEvent(watch, event),
      end: (error) => this.#onEnd(watch, error),
    };
    this.#watch = watch;
    const timeoutSeconds = Math.ceil(this.#tuning.watchTimeoutSeconds * (1 + random.next()));
    watch.subscription = kube.watch(this.#resource, { ...this.#scope, resourceVersion: this.#version!, allowBookmarks: true, timeoutSeconds }, watch);
    // It may have ended, or a handler stopped us, before watch() returned.
    if (this.#watch !== watch) watch.subscription.stop();
  }

  #onEvent(watch: OpenWatch<Type>, event: WatchEvent<Type>): void {
    if (this.#watch !== watch) return;
    const version = event.type === 'BOOKMARK' ? event.resourceVersion : event.object.metadata.resourceVersion!;
    if (event.type === 'BOOKMARK' && version === this.#version) {
      this.#heard(watch);
      return;
    }
    if (!isNewer(version, this.#version)) {
      this.counts.refused++;
      return;
    }
    this.#version = version;
    this.#heard(watch);
    if (event.type === 'BOOKMARK') return;
    this.counts.events++;
    this.#target.event(event.type, event.object);
  }

  #heard(watch: OpenWatch<Type>): void {
    watch.told = true;
    this.#streak = 0;
    this.#heardAtMs = this.#ports.clock.monotonicMs();
  }

  #onEnd(watch: OpenWatch<Type>, error: KubeError | undefined): void {
    if (this.#watch !== watch) return;
    this.#watch = undefined;
    const now = this.#ports.clock.monotonicMs();
    if (now - watch.openedAtMs >= STEADY_WATCH_MS) this.#streak = 0;
    if (error !== undefined) {
      this.#failed(error, 'watch');
      return;
    }
    if (!watch.told && now - watch.openedAtMs < SHORT_WATCH_MS) {
      this.#backOff('watch ended at once', undefined, 'watch');
      return;
    }
    this.#heardAtMs = now;
    this.#openWatch();
  }

  #failed(error: unknown, during: 'list' | 'watch'): void {
    // Kube throws KubeError and nothing else: anything else is a mistake in the program.
    if (!isKubeError(error)) throw error;
    const expired = isKubeError(error, 'Expired', 'Gone');
    if (during === 'watch' && expired && this.#streak === 0) {
      this.counts.failures++;
      this.#streak = 1;
      this.#listAnew();
      return;
    }
    this.#backOff(`${during} failed`, error, expired ? 'list' : during);
  }

  /** Waits, then resumes the watch from the last version, or lists. */
  #backOff(cause: string, error: KubeError | undefined, then: 'list' | 'watch'): void {
    const { clock, random, log } = this.#ports;
    this.counts.failures++;
    this.#streak++;
    const delayMs = Math.max(backoffMs(this.#tuning.backoff, this.#streak, random), (error?.retryAfterSeconds ?? 0) * 1000);
    const fields = { resource: this.#resource.plural, cause, reason: error?.reason, message: error?.message, delayMs, inRow: this.#streak };
    if (this.#streak === 1) log.warn('following a resource was interrupted', fields);
    else log.debug('following a resource is still interrupted', fields);
    this.#retry = clock.setTimer(delayMs, () => {
      this.#retry = undefined;
      if (then === 'watch') this.#openWatch();
      else this.#listAnew();
    });
  }

  /** One timer for both deadlines; it is not moved when something is heard, it looks when it fires. */
  #armWatchdog(): void {
    const { clock, random } = this.#ports;
    const { silenceMs, relistMs } = this.#tuning;
    const spread = 1 + 0.1 * random.next();
    const dueMs = () => Math.min(this.#heardAtMs + silenceMs * spread, this.#askedAtMs + Math.max(relistMs * spread, silenceMs));
    const look = () => {
      const now = clock.monotonicMs();
      if (now >= dueMs()) {
        if (now >= this.#heardAtMs + silenceMs) this.counts.silences++;
        this.#listAnew();
      }
      this.#watchdog = clock.setTimer(Math.max(1, Math.ceil(dueMs() - now)), look);
    };
    this.#watchdog = clock.setTimer(Math.ceil(silenceMs * spread), look);
  }
}

/** The sink of one watch. What a watch says after another took its place is not heard. */
interface OpenWatch<Type> extends WatchSink<Type> {
  subscription: Subscription | undefined;
  readonly openedAtMs: number;
  /** It delivered something. */
  told: boolean;
}
