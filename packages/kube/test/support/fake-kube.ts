import type {
  Clock, DeleteOptions, Kube, KubeObject, ListOptions, ListPage, ObjectKey, Patch, Resource, Subscription, WatchEvent, WatchOptions, WatchSink, WriteOptions,
} from '@vfleet/core';
import { KubeError, rfc3339 } from '@vfleet/core';
import { applyMergePatch } from '../../src/helpers/merge-patch.ts';
import { keyText, objectKeyText } from '../../src/helpers/object-key.ts';
import { fieldText, matchesFields, matchesLabels, parseFieldSelector, parseLabelSelector } from '../../src/selectors/index.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

export interface Call {
  readonly verb: Verb;
  readonly plural: string;
  readonly key?: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** What goes wrong with one call. `lost`: it is carried out and the answer never arrives. `hang`: nothing ever arrives. */
export type Fault = { readonly kind: 'refuse'; readonly error: KubeError } | { readonly kind: 'lost' } | { readonly kind: 'hang' } | { readonly kind: 'slow'; readonly delayMs: number };

interface Change {
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly plural: string;
  readonly object: KubeObject;
}

interface Watcher {
  readonly plural: string;
  readonly matches: (object: KubeObject) => boolean;
  readonly sink: WatchSink<KubeObject>;
  open: boolean;
}

/**
 * The smallest API server that the plumbing can be tested against: versions, pages, watches with history, conflicts, merge
 * patches, and a hook for faults. Answers take `latencyMs` of the clock.
 */
export class FakeKube implements Kube {
  readonly calls: Call[] = [];
  fault: (call: Call) => Fault | undefined = () => undefined;
  /** Decides what becomes of an event on its way to one watcher. */
  delivery: (event: WatchEvent<KubeObject>) => 'deliver' | 'drop' | 'duplicate' = () => 'deliver';
  latencyMs = 1;
  /** Watches go on after they were stopped: what a slow connection looks like. */
  deafToStop = false;
  readonly #clock: Clock;
  #version = 100;
  #compacted = 0;
  #uid = 0;
  readonly #objects = new Map<string, KubeObject>();
  readonly #history: Change[] = [];
  readonly #watchers = new Set<Watcher>();
  readonly #pages = new Map<string, { readonly version: number; readonly items: readonly KubeObject[] }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get openWatches(): number {
    return this.#watchers.size;
  }

  count(verb: Verb): number {
    return this.calls.filter((call) => call.verb === verb).length;
  }

  /** Forgets history and continuations, so that older versions are answered with Expired. */
  compact(): void {
    this.#compacted = this.#version;
    this.#pages.clear();
  }

  /** Sets the version counter: what a restored backup does. */
  rewindVersions(to: number): void {
    this.#version = to;
    this.#compacted = 0;
    this.#history.length = 0;
  }

  endWatches(error?: KubeError): void {
    for (const watcher of [...this.#watchers]) this.#end(watcher, error);
  }

  sendBookmarks(version = this.#version): void {
    for (const watcher of [...this.#watchers]) watcher.sink.event({ type: 'BOOKMARK', resourceVersion: String(version) });
  }

  /** Hands an event to every watcher as it is, stale or not. */
  inject(event: WatchEvent<KubeObject>): void {
    for (const watcher of [...this.#watchers]) watcher.sink.event(event);
  }

  /** The stored object, without a call. */
  peek<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey): Type | undefined {
    return this.#objects.get(`${resource.plural}/${keyText(key)}`) as Type | undefined;
  }

  /** Creates or replaces at once, without a call: what somebody else did. */
  put<Type extends KubeObject>(resource: Resource<Type>, object: Type): Type {
    const before = this.peek(resource, object.metadata);
    return this.#store(before === undefined ? 'ADDED' : 'MODIFIED', resource, { ...object, metadata: { ...object.metadata, ...this.#identity(before) } });
  }

  /** Deletes at once, without a call; false when there was nothing. */
  remove(resource: Resource, key: ObjectKey): boolean {
    const before = this.peek(resource, key);
    if (before === undefined) return false;
    this.#objects.delete(`${resource.plural}/${keyText(key)}`);
    this.#record('DELETED', resource.plural, { ...before, metadata: { ...before.metadata, resourceVersion: String(++this.#version) } });
    return true;
  }

  async get<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey): Promise<Type> {
    return this.#answer({ verb: 'get', plural: resource.plural, key: keyText(key) }, () => this.#existing(resource, key));
  }

  async list<Type extends KubeObject>(resource: Resource<Type>, options: ListOptions = {}): Promise<ListPage<Type>> {
    return this.#answer({ verb: 'list', plural: resource.plural, options: { ...options } }, () => {
      const snapshot = options.continue === undefined ? { version: this.#version, items: this.#select(resource.plural, options) } : this.#pages.get(options.continue);
      if (snapshot === undefined) throw new KubeError('Expired', 410, 'the continue token is too old');
      const items = snapshot.items.slice(0, options.limit ?? snapshot.items.length) as Type[];
      const rest = snapshot.items.slice(items.length);
      const token = `${snapshot.version}/${rest.length}/${this.#pages.size}`;
      if (rest.length > 0) this.#pages.set(token, { version: snapshot.version, items: rest });
      return { resourceVersion: String(snapshot.version), items, ...(rest.length > 0 ? { continue: token, remainingItemCount: rest.length } : {}) };
    });
  }

  watch<Type extends KubeObject>(resource: Resource<Type>, options: WatchOptions, sink: WatchSink<Type>): Subscription {
    const call: Call = { verb: 'watch', plural: resource.plural, options: { ...options } };
    this.calls.push(call);
    // The fake stores what it was given for this resource, so the sink's type holds.
    const watcher: Watcher = { plural: resource.plural, matches: this.#matcher(options), sink: sink as WatchSink<KubeObject>, open: true };
    this.#watchers.add(watcher);
    const fault = this.fault(call);
    this.#clock.setTimer(this.latencyMs, () => {
      if (!watcher.open || fault?.kind === 'hang') return;
      if (fault?.kind === 'refuse') this.#end(watcher, fault.error);
      else this.#replay(watcher, Number(options.resourceVersion));
    });
    return { stop: () => (this.deafToStop ? undefined : this.#close(watcher)) };
  }

  async create<Type extends KubeObject>(resource: Resource<Type>, object: Type, _options?: WriteOptions): Promise<Type> {
    return this.#answer({ verb: 'create', plural: resource.plural, key: objectKeyText(object) }, () => {
      if (this.peek(resource, object.metadata) !== undefined) throw new KubeError('AlreadyExists', 409, `${objectKeyText(object)} exists`);
      return this.put(resource, object);
    });
  }

  async update<Type extends KubeObject>(resource: Resource<Type>, object: Type, _options?: WriteOptions & { readonly subresource?: 'status' }): Promise<Type> {
    return this.#answer({ verb: 'update', plural: resource.plural, key: objectKeyText(object) }, () => {
      const before = this.#existing(resource, object.metadata);
      const version = object.metadata.resourceVersion;
      if (version !== undefined && version !== before.metadata.resourceVersion) throw new KubeError('Conflict', 409, 'the object has been modified');
      return this.put(resource, object);
    });
  }

  async patch<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey, patch: Patch, _options?: WriteOptions): Promise<Type> {
    return this.#answer({ verb: 'patch', plural: resource.plural, key: keyText(key), options: { ...patch } }, () => {
      if (patch.type !== 'merge') throw new Error(`the fake knows merge patches only, not ${patch.type}`);
      const before = this.#existing(resource, key);
      const after = applyMergePatch(before, patch.patch) as Type;
      if (after.metadata.resourceVersion !== before.metadata.resourceVersion) throw new KubeError('Conflict', 409, 'the object has been modified');
      return this.#store('MODIFIED', resource, after);
    });
  }

  async delete(resource: Resource, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    return this.#answer({ verb: 'delete', plural: resource.plural, key: keyText(key) }, () => {
      const before = this.#existing(resource, key);
      if (options.preconditions?.uid !== undefined && options.preconditions.uid !== before.metadata.uid) throw new KubeError('Conflict', 409, 'another uid');
      this.remove(resource, key);
    });
  }

  evict(): Promise<void> {
    throw new Error('the fake knows no evictions');
  }

  bind(): Promise<void> {
    throw new Error('the fake knows no bindings');
  }

  async #answer<Value>(call: Call, carryOut: () => Value): Promise<Value> {
    this.calls.push(call);
    const fault = this.fault(call);
    await this.#clock.sleep(fault?.kind === 'slow' ? fault.delayMs : this.latencyMs / 2);
    if (fault?.kind === 'hang') return new Promise(() => {});
    if (fault?.kind === 'refuse') throw fault.error;
    const value = carryOut();
    await this.#clock.sleep(this.latencyMs / 2);
    if (fault?.kind === 'lost') throw new KubeError('Unreachable', 0, 'the connection broke before the answer');
    return value;
  }

  /** What the server, not the writer, says of an object. */
  #identity(before: KubeObject | undefined): { readonly uid: string; readonly creationTimestamp: string } {
    return { uid: before?.metadata.uid ?? `uid-${++this.#uid}`, creationTimestamp: before?.metadata.creationTimestamp ?? rfc3339(this.#clock.now()) };
  }

  #existing<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey): Type {
    const object = this.peek(resource, key);
    if (object === undefined) throw new KubeError('NotFound', 404, `${resource.plural} "${keyText(key)}" not found`);
    return object;
  }

  #store<Type extends KubeObject>(type: 'ADDED' | 'MODIFIED', resource: Resource<Type>, object: Type): Type {
    const stored = Object.freeze({ ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } });
    this.#objects.set(`${resource.plural}/${objectKeyText(object)}`, stored);
    this.#record(type, resource.plural, stored);
    return stored;
  }

  #record(type: Change['type'], plural: string, object: KubeObject): void {
    const change: Change = { version: this.#version, type, plural, object };
    this.#history.push(change);
    for (const watcher of this.#watchers) if (watcher.plural === plural) this.#clock.setTimer(this.latencyMs, () => this.#deliver(watcher, change));
  }

  #deliver(watcher: Watcher, { type, object }: Change): void {
    if (!watcher.open || !watcher.matches(object)) return;
    const fate = this.delivery({ type, object });
    if (fate !== 'drop') watcher.sink.event({ type, object });
    if (fate === 'duplicate') watcher.sink.event({ type, object });
  }

  #replay(watcher: Watcher, from: number): void {
    if (from < this.#compacted) {
      this.#end(watcher, new KubeError('Expired', 410, 'too old resource version'));
      return;
    }
    // What was recorded while the watch was being opened arrives here and once more by its own timer: the reflector must cope.
    for (const change of this.#history) if (change.plural === watcher.plural && change.version > from) this.#deliver(watcher, change);
  }

  #select(plural: string, options: ListOptions): readonly KubeObject[] {
    const matches = this.#matcher(options);
    return [...this.#objects].filter(([key, object]) => key.startsWith(`${plural}/`) && matches(object)).map(([, object]) => object);
  }

  #matcher({ namespace, labelSelector, fieldSelector }: ListOptions): (object: KubeObject) => boolean {
    const labels = parseLabelSelector(labelSelector ?? '');
    const fields = parseFieldSelector(fieldSelector ?? '');
    if (!labels.ok || !fields.ok) throw new KubeError('BadRequest', 400, 'bad selector');
    return (object) =>
      (namespace === undefined || object.metadata.namespace === namespace) && matchesLabels(labels.value, object.metadata.labels) &&
      matchesFields(fields.value, (field) => fieldText(object, field));
  }

  #close(watcher: Watcher): void {
    watcher.open = false;
    this.#watchers.delete(watcher);
  }

  #end(watcher: Watcher, error?: KubeError): void {
    if (!watcher.open) return;
    this.#close(watcher);
    watcher.sink.end(error);
  }
}
