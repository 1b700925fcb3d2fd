import type { ChurnedResource, Scope, Seen } from './records.ts';

/** A write that took effect. */
export type Written = {
  readonly resource: ChurnedResource;
  readonly key: string;
  readonly uid: string;
} & (
  | { readonly what: 'put'; readonly version: number; readonly number: string; readonly shown: boolean }
  /** An answer to a deletion names no version: it lies between that of the last write before and that of the next one. */
  | { readonly what: 'deleted'; readonly after: number; readonly before: number; readonly version: number | undefined }
);

/** An event that a watch of a scope must bring. The version of a deletion that no informer saw is not known. */
export interface Expected {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly key: string;
  readonly uid: string;
  readonly number: string;
  readonly version: number | undefined;
  /** Bounds of the version. */
  readonly after: number;
  readonly before: number;
}

/** Everything that was written, in the order of each object's writes. */
export class Truth {
  readonly #writes: Written[] = [];
  readonly #deletions = new Map<string, number>();
  readonly #putVersions = new Set<number>();

  get size(): number {
    return this.#writes.length;
  }

  put(write: Omit<Written & { readonly what: 'put' }, 'what'>): void {
    this.#writes.push({ ...write, what: 'put' });
    this.#putVersions.add(write.version);
  }

  /** `after` is the version of the last write that is known to be earlier. Returns what must be told the version of a later one. */
  deleted(write: { readonly resource: ChurnedResource; readonly key: string; readonly uid: string; readonly after: number }): (before: number) => void {
    const at = this.#writes.length;
    this.#writes.push({ ...write, what: 'deleted', before: Infinity, version: undefined });
    return (before) => {
      const found = this.#writes[at];
      if (found?.what === 'deleted') this.#writes[at] = { ...found, before };
    };
  }

  /**
   * Learns from a DELETED event in which version an object went; says whether that agrees with what is known. Where a write had that
   * version, the object only left a selection.
   */
  learn(uid: string, version: number): boolean {
    if (this.#putVersions.has(version)) return true;
    const known = this.#deletions.get(uid);
    this.#deletions.set(uid, known ?? version);
    return known === undefined || known === version;
  }

  writes(): readonly Written[] {
    return this.#writes.map((write) => (write.what === 'deleted' ? { ...write, version: this.#deletions.get(write.uid) } : write));
  }

  /** Every event that a watch of everything in a scope would have brought, by version. */
  expected(scope: Scope): readonly Expected[] {
    const visible = new Map<string, Written & { readonly what: 'put' }>();
    const events: Expected[] = [];
    for (const write of this.writes()) {
      if (!inScope(scope, write)) continue;
      const before = visible.get(write.key);
      const isVisible = write.what === 'put' && (write.shown || !scope.onlyShown);
      if (isVisible) visible.set(write.key, write);
      else visible.delete(write.key);
      const type = before === undefined ? (isVisible ? 'ADDED' : undefined) : isVisible ? 'MODIFIED' : 'DELETED';
      if (type === undefined) continue;
      // A watch hands over an object that left its selection as it was before, in the version in which it left (cacher.go: convertToWatchEvent).
      const number = isVisible ? write.number : before!.number;
      const [after, until] = write.what === 'put' ? [write.version, write.version] : [write.after, write.before];
      events.push({ type, key: write.key, uid: write.uid, number, version: write.version, after, before: until });
    }
    return events.sort((a, b) => place(a) - place(b));
  }

  /** What is there now. */
  state(scope: Scope): ReadonlyMap<string, Seen> {
    const found = new Map<string, Seen>();
    for (const write of this.#writes) {
      if (!inScope(scope, write)) continue;
      if (write.what === 'put' && (write.shown || !scope.onlyShown)) found.set(write.key, [write.key, write.uid, String(write.version), write.number]);
      else found.delete(write.key);
    }
    return found;
  }
}

/** Where an event stands in the order of versions; one of an unknown version where it must have happened at the latest. */
export function place({ version, before }: Expected): number {
  return version ?? before - 0.5;
}

function inScope(scope: Scope, { resource, key }: Written): boolean {
  return resource === scope.resource && (scope.namespace === '' || key.startsWith(`${scope.namespace}/`));
}
