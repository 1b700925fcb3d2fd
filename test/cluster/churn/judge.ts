import { isChurned } from './records.ts';
import type { InformerRecord, InformerSpec, Seen } from './records.ts';
import { place } from './truth.ts';
import type { Expected, Truth } from './truth.ts';

/** How much was looked at. */
export interface Tally {
  readonly lists: number;
  readonly watches: number;
  readonly events: number;
  readonly told: number;
  readonly bookmarks: number;
  /** Times at which an informer had to begin anew because history was gone. */
  readonly expired: number;
}

/** A streaming list under way: what it brought so far. */
type Progress = { readonly at: 'nothing' } | { readonly at: 'listing' | 'streaming'; readonly found: Map<string, Seen> } | { readonly at: 'following' };

/**
 * Compares what one informer did and was told with the truth, part by part. A list must be what was there at its version; a watch
 * must bring each event after the version it began from, in order, once; a handler must be told of all of that, an object's versions
 * strictly rising.
 */
export class Judge {
  readonly spec: InformerSpec;
  readonly #problems: string[] = [];
  #progress: Progress = { at: 'nothing' };
  /** The version up to which the watch level has seen everything. */
  #version = 0;
  /** The version from which there was no gap since. */
  #from = 0;
  readonly #told = new Map<string, Seen>();
  /** What the watch brought that the handler must be told, in order. */
  #owed: { readonly type: Expected['type']; readonly object: Seen }[] = [];
  #counts = { lists: 0, watches: 0, events: 0, told: 0, bookmarks: 0, expired: 0 };

  constructor(spec: InformerSpec) {
    this.spec = spec;
  }

  get tally(): Tally {
    return this.#counts;
  }

  /** What is wrong with the records since the last call, of which the truth must know everything. */
  judge(records: readonly InformerRecord[], truth: Truth): readonly string[] {
    const timeline = new Timeline(truth.expected(this.spec));
    for (const record of records) this.#take(record, timeline);
    this.#compareTold(truth.state(this.spec));
    if (this.#owed.length > 0) this.#problem(`its handler was never told of ${this.#owed.map(({ type, object }) => `${type} ${object.join(' ')}`).slice(0, 5).join(', ')}`);
    this.#owed = [];
    return this.#problems.splice(0);
  }

  #problem(text: string): void {
    this.#problems.push(`${this.spec.name}: ${text}`);
  }

  #take(record: InformerRecord, timeline: Timeline): void {
    switch (record.what) {
      case 'list':
        return this.#list(record, timeline);
      case 'watch':
        return this.#watch(record);
      case 'event':
        return this.#event(record.type, record.object, timeline);
      case 'bookmark':
        return this.#bookmark(record, timeline);
      case 'error':
        if (record.code === 410) this.#counts.expired++;
        return;
      case 'told':
        return this.#tell(record.type, record.object);
      case 'state':
        return this.#state(record.objects);
    }
  }

  #list({ version, continued, more, objects }: InformerRecord & { what: 'list' }, timeline: Timeline): void {
    const found = continued === true && this.#progress.at === 'listing' ? this.#progress.found : new Map<string, Seen>();
    for (const object of objects.filter(isChurned)) {
      if (found.has(object[0])) this.#problem(`a list of version ${version} has ${object[0]} twice`);
      found.set(object[0], object);
    }
    this.#progress = { at: 'listing', found };
    if (more === true) return;
    this.#counts.lists++;
    this.#begin(Number(version), found, timeline, 'a list');
  }

  /** From here on it follows from a whole picture. */
  #begin(version: number, found: ReadonlyMap<string, Seen>, timeline: Timeline, what: string): void {
    if (version < this.#version) this.#problem(`${what} of version ${version} came after version ${this.#version}`);
    for (const text of timeline.differences(version, found)) this.#problem(`${what} of version ${version}: ${text}`);
    this.#version = version;
    this.#from = version;
    this.#owed = [];
    this.#progress = { at: 'following' };
  }

  #watch({ version, initial }: InformerRecord & { what: 'watch' }): void {
    this.#counts.watches++;
    if (initial === true) this.#progress = { at: 'streaming', found: new Map() };
    else if (Number(version) !== this.#version) this.#problem(`it resumed from version ${version}, having seen everything up to ${this.#version}`);
  }

  #event(type: Expected['type'], object: Seen, timeline: Timeline): void {
    this.#counts.events++;
    if (!isChurned(object)) return this.#foreign(Number(object[2]), timeline);
    if (this.#progress.at === 'streaming') {
      const { found } = this.#progress;
      if (type === 'DELETED') found.delete(object[0]);
      else found.set(object[0], object);
      return;
    }
    const version = Number(object[2]);
    const said = `${type} ${object.join(' ')}`;
    if (version <= this.#version) return this.#problem(`${said} came after version ${this.#version}`);
    const due = timeline.between(this.#version, version, this.#from);
    const last = due.at(-1);
    for (const missed of due.slice(0, last?.version === version ? -1 : undefined)) this.#problem(`${described(missed)} was missed before ${said}`);
    if (last?.version !== version) this.#problem(`${said} is nothing that was written`);
    else if (last.type !== type || last.key !== object[0] || last.uid !== object[1] || last.number !== object[3]) this.#problem(`${said} should be ${last.type} ${last.key} ${last.uid} ${last.version} ${last.number}`);
    this.#version = version;
    this.#owed.push({ type, object });
  }

  #bookmark({ version: text, initialEnd }: InformerRecord & { what: 'bookmark' }, timeline: Timeline): void {
    this.#counts.bookmarks++;
    const version = Number(text);
    if (this.#progress.at === 'streaming') {
      if (initialEnd === true) this.#begin(version, this.#progress.found, timeline, 'a streamed list');
      else this.#problem(`a bookmark of version ${version} came in the middle of a streamed list`);
      return;
    }
    if (version < this.#version) return this.#problem(`a bookmark of version ${version} came after version ${this.#version}`);
    this.#advance(version, `a bookmark of version ${version}`, timeline);
  }

  /** An object that the server itself writes says only how far the watch has come. */
  #foreign(version: number, timeline: Timeline): void {
    if (this.#progress.at === 'following') this.#advance(version, `an event of version ${version}`, timeline);
  }

  #advance(version: number, what: string, timeline: Timeline): void {
    for (const missed of timeline.between(this.#version, version, this.#from)) this.#problem(`${described(missed)} was missed before ${what}`);
    this.#version = version;
  }

  #tell(type: 'add' | 'update' | 'delete', object: Seen): void {
    if (!isChurned(object)) return;
    this.#counts.told++;
    const [key] = object;
    const before = this.#told.get(key);
    const said = `its handler was told ${type} ${object.join(' ')}`;
    if (type === 'add' && before !== undefined) this.#problem(`${said} while it had ${before.join(' ')}`);
    if (type !== 'add' && before === undefined) this.#problem(`${said}, of which it knew nothing`);
    if (type !== 'delete' && before !== undefined && Number(object[2]) <= Number(before[2])) this.#problem(`${said} after version ${before[2]}`);
    if (type === 'delete') this.#told.delete(key);
    else this.#told.set(key, object);
    const at = this.#owed.findIndex((owed) => owed.object[0] === key);
    const owed = this.#owed[at];
    if (owed !== undefined && owed.object[2] === object[2] && (owed.type === 'DELETED') === (type === 'delete')) this.#owed.splice(at, 1);
  }

  #state(objects: readonly Seen[]): void {
    const differences = differing(this.#told, new Map(objects.filter(isChurned).map((object) => [object[0], object])));
    for (const text of differences) this.#problem(`its store and what its handler was told differ: ${text}`);
  }

  #compareTold(state: ReadonlyMap<string, Seen>): void {
    for (const text of differing(state, this.#told)) this.#problem(`in the end: ${text}`);
  }
}

function described({ type, key, version, after, before }: Expected): string {
  return `${type} ${key} of version ${version ?? `${after}–${before}`}`;
}

/** What is wrong in `found` where `wanted` is right. */
export function differing(wanted: ReadonlyMap<string, Seen>, found: ReadonlyMap<string, Seen>): readonly string[] {
  const texts: string[] = [];
  for (const [key, object] of wanted) {
    const other = found.get(key);
    if (other === undefined) texts.push(`${object.join(' ')} is missing`);
    else if (other.join(' ') !== object.join(' ')) texts.push(`${other.join(' ')} should be ${object.join(' ')}`);
  }
  for (const [key, object] of found) if (!wanted.has(key)) texts.push(`${object.join(' ')} should not be there`);
  return texts;
}

/** The events of a scope by version. */
class Timeline {
  readonly #events: readonly Expected[];
  readonly #ofUnknownVersion: readonly Expected[];

  constructor(events: readonly Expected[]) {
    this.#events = events;
    this.#ofUnknownVersion = events.filter(({ version }) => version === undefined);
  }

  /**
   * What happened after `version` and up to `until`. A deletion of an unknown version counts where it must have been seen, without
   * a gap since `from`.
   */
  between(version: number, until: number, from: number): readonly Expected[] {
    const found: Expected[] = [];
    for (let at = this.#firstAfter(version); at < this.#events.length; at++) {
      const event = this.#events[at]!;
      if (place(event) > until) break;
      if (event.version !== undefined || from <= event.after) found.push(event);
    }
    return found;
  }

  differences(version: number, found: ReadonlyMap<string, Seen>): readonly string[] {
    const wanted = new Map<string, Seen>();
    for (const event of this.#events.slice(0, this.#firstAfter(version))) {
      if (event.type === 'DELETED') wanted.delete(event.key);
      else wanted.set(event.key, [event.key, event.uid, String(event.version), event.number]);
    }
    for (const { key, after, before } of this.#ofUnknownVersion) if (after < version && version < before && !found.has(key)) wanted.delete(key);
    return differing(wanted, found);
  }

  #firstAfter(version: number): number {
    let [low, high] = [0, this.#events.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (place(this.#events[middle]!) > version) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
