import type { Kube, KubeObject, ListOptions, ListPage, ObjectKey, Resource, Subscription, WatchOptions, WatchSink } from '@vfleet/core';
import { KubeError } from '@vfleet/core';

interface Watcher {
  readonly plural: string;
  readonly options: ListOptions;
  readonly sink: WatchSink<KubeObject>;
}

/** As much of an API server as a node component sees: get, list and watch of objects that the test puts in. */
export class FakeKube implements Kube {
  readonly #objects = new Map<string, KubeObject>();
  readonly #watchers = new Set<Watcher>();
  /** Thrown by every get while set. */
  outage: KubeError | undefined;
  gets = 0;
  #version = 0;

  put(resource: Resource, object: KubeObject): void {
    const key = keyOf(resource.plural, object.metadata);
    const known = this.#objects.get(key);
    const generation = known === undefined || JSON.stringify(specOf(known)) === JSON.stringify(specOf(object)) ? (known?.metadata.generation ?? 1) : known.metadata.generation! + 1;
    const stored = { ...object, metadata: { generation, ...object.metadata, uid: known?.metadata.uid ?? `uid-${key}`, resourceVersion: String(++this.#version) } };
    this.#objects.set(key, stored);
    this.#tell(resource.plural, known === undefined ? 'ADDED' : 'MODIFIED', stored);
  }

  remove(resource: Resource, key: ObjectKey): void {
    const object = this.#objects.get(keyOf(resource.plural, key))!;
    this.#objects.delete(keyOf(resource.plural, key));
    this.#tell(resource.plural, 'DELETED', { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } });
  }

  async get<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey): Promise<Type> {
    this.gets++;
    if (this.outage !== undefined) throw this.outage;
    const object = this.#objects.get(keyOf(resource.plural, key));
    if (object === undefined) throw new KubeError('NotFound', 404, `${resource.plural} "${key.name}" not found`);
    return object as Type;
  }

  async list<Type extends KubeObject>(resource: Resource<Type>, options: ListOptions = {}): Promise<ListPage<Type>> {
    const items = [...this.#objects].filter(([key, object]) => key.startsWith(`${resource.plural}/`) && selected(options, object)).map(([, object]) => object as Type);
    return { resourceVersion: String(this.#version), items };
  }

  watch<Type extends KubeObject>(resource: Resource<Type>, options: WatchOptions, sink: WatchSink<Type>): Subscription {
    const watcher: Watcher = { plural: resource.plural, options, sink: sink as WatchSink<KubeObject> };
    this.#watchers.add(watcher);
    return { stop: () => void this.#watchers.delete(watcher) };
  }

  get watching(): number {
    return this.#watchers.size;
  }

  create = refuse;
  update = refuse;
  patch = refuse;
  delete = refuse;
  evict = refuse;
  bind = refuse;

  #tell(plural: string, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void {
    for (const watcher of this.#watchers) if (watcher.plural === plural && selected(watcher.options, object)) watcher.sink.event({ type, object });
  }
}

async function refuse(): Promise<never> {
  throw new Error('a node component wrote to the API server');
}

function keyOf(plural: string, { namespace, name }: ObjectKey): string {
  return `${plural}/${namespace ?? ''}/${name}`;
}

function specOf(object: KubeObject): unknown {
  return 'spec' in object ? object.spec : undefined;
}

function selected({ namespace, fieldSelector }: ListOptions, { metadata }: KubeObject): boolean {
  return (namespace === undefined || metadata.namespace === namespace) && (fieldSelector === undefined || fieldSelector === `metadata.name=${metadata.name}`);
}
