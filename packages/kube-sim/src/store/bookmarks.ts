import type { Clock, Timer } from '@vfleet/core';
import type { Store } from './store.ts';
import type { WatchHub } from './watch-hub.ts';

/** How often watchers that asked for bookmarks get one (apiserver cacher: about once a minute). */
const BOOKMARK_PERIOD_MS = 60_000;

/**
 * Tells watchers how far the world has come, so that one that saw no event for long can resume. The timer runs only while
 * there is something new to tell: a server at rest sets none, so that a simulation can come to its end.
 */
export class BookmarkTimer {
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #hubs: () => readonly WatchHub[];
  #timer: Timer | undefined;
  #stopped = false;

  constructor(clock: Clock, store: Store, hubs: () => readonly WatchHub[]) {
    this.#clock = clock;
    this.#store = store;
    this.#hubs = hubs;
  }

  /** No timer is set any more, so that a process can end. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  onCommit(): void {
    if (!this.#stopped) this.#timer ??= this.#clock.setTimer(BOOKMARK_PERIOD_MS, () => this.#tell());
  }

  #tell(): void {
    this.#timer = undefined;
    const event = { type: 'BOOKMARK', resourceVersion: String(this.#store.revision) } as const;
    for (const hub of this.#hubs()) for (const watcher of hub.watchers()) if (watcher.wantsBookmarks) hub.push(watcher, event);
  }
}
