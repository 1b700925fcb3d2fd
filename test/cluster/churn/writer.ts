import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient, RawAnswer, RawRequest } from '../client.ts';
import { churnedGroup, pathOf } from './records.ts';
import type { ChurnedResource } from './records.ts';
import type { Truth } from './truth.ts';

/** An object as its writer left it. */
interface Kept {
  readonly uid: string;
  readonly version: string;
  readonly number: string;
  readonly shown: boolean;
}

interface ObjectJson {
  readonly metadata: { readonly uid: string; readonly resourceVersion: string; readonly labels?: Readonly<Record<string, string>> };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: { readonly n?: string };
}

export type Operation = 'create' | 'replace' | 'merge' | 'apply' | 'nothing new' | 'delete';

/** What {@link Writer} needs of the run around it. */
export interface WriterContext {
  readonly client: ApiClient;
  readonly truth: Truth;
  /** Numbers that no write had before. */
  nextNumber(): string;
  /** Something the server may not do. */
  problem(text: string): void;
  /** How often each thing was done. */
  count(operation: Operation | 'unanswered'): void;
}

const retryMs = 200;
const unansweredMaxMs = 60_000;

/**
 * Writes to objects that are its own, one request at a time, so that it knows what each write did. When a server ends before it
 * answers, the object itself says whether the write took effect.
 */
export class Writer {
  readonly #context: WriterContext;
  readonly #resource: ChurnedResource;
  readonly #keys: readonly { readonly namespace: string; readonly name: string }[];
  readonly #objects = new Map<string, Kept>();
  /** Deletions whose version has no upper bound yet. */
  #open: ((before: number) => void)[] = [];
  #lastVersion = 0;

  constructor(context: WriterContext, resource: ChurnedResource, keys: readonly { readonly namespace: string; readonly name: string }[]) {
    this.#context = context;
    this.#resource = resource;
    this.#keys = keys;
  }

  /** Does one thing to one object. */
  async step(): Promise<void> {
    const { namespace, name } = this.#keys[Math.floor(Math.random() * this.#keys.length)]!;
    const key = `${namespace}/${name}`;
    const kept = this.#objects.get(key);
    const operation = kept === undefined ? 'create' : drawn();
    this.#context.count(operation);
    if (operation === 'delete') return this.#delete(namespace, name, kept!);
    const number = operation === 'nothing new' ? kept!.number : this.#context.nextNumber();
    const shown = operation === 'nothing new' ? kept!.shown : Math.random() < 0.6;
    const answer = await this.#send(this.#request(operation, namespace, name, number, shown, kept));
    const object = answer === undefined ? await this.#read(namespace, name) : this.#accepted(answer, `${operation} ${key}`);
    this.#took(key, object, number, kept, operation);
  }

  /** A version that is later than every deletion so far. */
  seenLater(version: number): void {
    this.#lastVersion = Math.max(this.#lastVersion, version);
    for (const close of this.#open.splice(0)) close(version);
  }

  /** Compares what the server says with what was written. */
  #took(key: string, object: ObjectJson | undefined, number: string, kept: Kept | undefined, operation: Operation): void {
    const { problem, truth } = this.#context;
    if (object === undefined) {
      if (kept !== undefined) problem(`${key} is gone, which was ${kept.version}, after ${operation}`);
      return;
    }
    const { uid, resourceVersion } = object.metadata;
    const now = object.data?.['n'] ?? object.spec?.n ?? '';
    const shown = object.metadata.labels?.['shown'] === 'yes';
    if (kept !== undefined && uid !== kept.uid) problem(`${key} has another uid after ${operation}`);
    if (kept !== undefined && resourceVersion === kept.version) {
      if (now !== kept.number) problem(`${key} changed within version ${resourceVersion}`);
      // Nothing was to change, or the server ended before.
      return;
    }
    if (now !== number) problem(`${key} has ${now} after ${operation} of ${number}`);
    if (operation === 'nothing new') problem(`${key} got version ${resourceVersion} without a change`);
    if (kept !== undefined && Number(resourceVersion) <= Number(kept.version)) problem(`${key} went from version ${kept.version} to ${resourceVersion}`);
    truth.put({ resource: this.#resource, key, uid, version: Number(resourceVersion), number: now, shown });
    this.#objects.set(key, { uid, version: resourceVersion, number: now, shown });
    this.seenLater(Number(resourceVersion));
  }

  async #delete(namespace: string, name: string, kept: Kept): Promise<void> {
    const key = `${namespace}/${name}`;
    const answer = await this.#send({ method: 'DELETE', path: `${pathOf(this.#resource, namespace)}/${name}`, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid: kept.uid } }) });
    if (answer === undefined) {
      const left = await this.#read(namespace, name);
      if (left !== undefined) return this.#took(key, left, kept.number, kept, 'delete');
    } else {
      this.#accepted(answer, `delete ${key}`);
    }
    this.#objects.delete(key);
    this.#open.push(this.#context.truth.deleted({ resource: this.#resource, key, uid: kept.uid, after: this.#lastVersion }));
  }

  #accepted(answer: RawAnswer, what: string): ObjectJson | undefined {
    if (answer.status === 200 || answer.status === 201) return JSON.parse(answer.text) as ObjectJson;
    this.#context.problem(`${what} was answered ${answer.status}: ${answer.text.slice(0, 300)}`);
    return undefined;
  }

  /** Undefined when there was no answer. */
  async #send(request: RawRequest): Promise<RawAnswer | undefined> {
    try {
      return await this.#context.client.send(request);
    } catch {
      this.#context.count('unanswered');
      return undefined;
    }
  }

  /** What the server has, as soon as there is one again. */
  async #read(namespace: string, name: string): Promise<ObjectJson | undefined> {
    for (const startedMs = performance.now(); ; await sleep(retryMs)) {
      const answer = await this.#send({ method: 'GET', path: `${pathOf(this.#resource, namespace)}/${name}`, headers: {} });
      if (answer?.status === 404) return undefined;
      if (answer !== undefined) return this.#accepted(answer, `get ${namespace}/${name}`);
      if (performance.now() - startedMs > unansweredMaxMs) throw new Error(`The server does not answer any more.`);
    }
  }

  #request(operation: Operation, namespace: string, name: string, number: string, shown: boolean, kept: Kept | undefined): RawRequest {
    const collection = pathOf(this.#resource, namespace);
    const labels = { shown: shown ? 'yes' : 'no' };
    const content = this.#resource === 'configmaps' ? { data: { n: number, text: 'x'.repeat(Number(number) % 200) } } : { spec: { n: number, size: Number(number) % 100 } };
    const head = { apiVersion: this.#resource === 'configmaps' ? 'v1' : `${churnedGroup}/v1`, kind: this.#resource === 'configmaps' ? 'ConfigMap' : 'Part' };
    const json = { 'content-type': 'application/json' };
    const whole = { ...head, metadata: { name, namespace, labels }, ...content };
    switch (operation) {
      case 'create':
        return { method: 'POST', path: collection, headers: json, body: JSON.stringify(whole) };
      case 'replace':
        return { method: 'PUT', path: `${collection}/${name}`, headers: json, body: JSON.stringify({ ...whole, metadata: { ...whole.metadata, resourceVersion: kept?.version } }) };
      case 'apply':
        return { method: 'PATCH', path: `${collection}/${name}?fieldManager=churn&force=true`, headers: { 'content-type': 'application/apply-patch+yaml' }, body: JSON.stringify(whole) };
      default:
        return { method: 'PATCH', path: `${collection}/${name}`, headers: { 'content-type': 'application/merge-patch+json' }, body: JSON.stringify({ metadata: { labels }, ...content }) };
    }
  }
}

function drawn(): Operation {
  const at = Math.random();
  return at < 0.3 ? 'replace' : at < 0.55 ? 'merge' : at < 0.7 ? 'apply' : at < 0.8 ? 'nothing new' : 'delete';
}
