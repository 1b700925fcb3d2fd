import type { KubeObject } from '@vfleet/core';

/** Texts under which an object is found, for example the node of a pod. */
export type Indexer<Type> = (object: Type) => readonly string[];
export type Indexers<Type> = Readonly<Record<string, Indexer<Type>>>;

/** Objects by key, with indexes that cost what changed, not what there is. An index is a map of value → keys. */
export class ObjectCache<Type extends KubeObject> {
  readonly #objects = new Map<string, Type>();
  readonly #indexers: Indexers<Type> | undefined;
  readonly #indexes: ReadonlyMap<string, Map<string, Set<string>>> | undefined;

  constructor(indexers?: Indexers<Type>) {
    this.#indexers = indexers;
    this.#indexes = indexers === undefined ? undefined : new Map(Object.keys(indexers).map((name) => [name, new Map()]));
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): Type | undefined {
    return this.#objects.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  values(): IterableIterator<Type> {
    return this.#objects.values();
  }

  set(key: string, object: Type): void {
    this.#unindex(key);
    this.#objects.set(key, object);
    for (const [name, indexer] of Object.entries(this.#indexers ?? {})) {
      const index = this.#indexes!.get(name)!;
      for (const value of indexer(object)) {
        const keys = index.get(value);
        if (keys === undefined) index.set(value, new Set([key]));
        else keys.add(key);
      }
    }
  }

  delete(key: string): void {
    this.#unindex(key);
    this.#objects.delete(key);
  }

  /** Objects whose indexer `name` yields `value`. Asking for an index that was not declared is a mistake in the program. */
  byIndex(name: string, value: string): readonly Type[] {
    const index = this.#indexes?.get(name);
    if (index === undefined) throw new Error(`no index "${name}" was declared`);
    return Array.from(index.get(value) ?? [], (key) => this.#objects.get(key)!);
  }

  #unindex(key: string): void {
    const before = this.#objects.get(key);
    if (before === undefined || this.#indexers === undefined) return;
    for (const [name, indexer] of Object.entries(this.#indexers)) {
      const index = this.#indexes!.get(name)!;
      for (const value of indexer(before)) {
        const keys = index.get(value);
        keys?.delete(key);
        if (keys?.size === 0) index.delete(value);
      }
    }
  }
}
