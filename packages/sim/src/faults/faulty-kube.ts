import type { Clock, Kube, KubeObject, ListOptions, ListPage, Resource, Subscription, WatchEvent, WatchOptions, WatchSink } from '@vfleet/core';
import { KubeError } from '@vfleet/core';
import { nodePolicies, operatorConfigs, ovsNetworks, poolConfigs, sriovIbNetworks, sriovNetworks } from '@vfleet/kube';
import type { FaultName } from './catalog.ts';
import type { Chance, Strike } from './chance.ts';

/** What holds for all connections to the API server at once. */
export class KubeConditions {
  outage = false;
  leasesRefused = false;
  /** Processes to which objects appear with fields of a newer version. */
  readonly newerFields = new Set<string>();
  readonly #watches = new Set<(error: KubeError) => void>();

  /** Nobody reaches the server from now on: streams break. */
  beginOutage(): void {
    this.outage = true;
    for (const breakOff of [...this.#watches]) breakOff(unreachable());
  }

  endOutage(): void {
    this.outage = false;
  }

  follow(breakOff: (error: KubeError) => void): () => void {
    this.#watches.add(breakOff);
    return () => void this.#watches.delete(breakOff);
  }
}

const unreachable = () => new KubeError('Unreachable', 0, 'connection refused');

const REFUSALS: Partial<Record<FaultName, (strike: Strike) => KubeError>> = {
  'kube.tooManyRequests': (strike) => new KubeError('TooManyRequests', 429, 'the server has received too many requests', { retryAfterSeconds: 1 + Math.floor(strike.draw() * 5) }),
  'kube.internalError': () => new KubeError('InternalError', 500, 'an error on the server has prevented the request from succeeding'),
  'kube.unavailable': () => new KubeError('ServiceUnavailable', 503, 'the server is currently unable to handle the request'),
  'kube.serverTimeout': () => new KubeError('ServerTimeout', 504, 'the server was unable to return a response in the time allotted'),
  'kube.unreachable': unreachable,
  'kube.conflict': () => new KubeError('Conflict', 409, 'the object has been modified; please apply your changes to the latest version and try again'),
};

const ANY_REQUEST: readonly FaultName[] = ['kube.tooManyRequests', 'kube.internalError', 'kube.unavailable', 'kube.serverTimeout', 'kube.unreachable', 'kube.slow'];
const READ = ANY_REQUEST;
const CREATE: readonly FaultName[] = [...ANY_REQUEST, 'kube.answerLost'];
const CHANGE: readonly FaultName[] = [...CREATE, 'kube.conflict'];
const FIRST_LIST: readonly FaultName[] = [...ANY_REQUEST, 'kube.expiredList'];
const LATER_LIST: readonly FaultName[] = [...FIRST_LIST, 'kube.staleList'];
/** Kinds of our own whose writes an admission webhook judges. */
const JUDGED: ReadonlySet<string> = new Set([nodePolicies, sriovNetworks, sriovIbNetworks, ovsNetworks, poolConfigs, operatorConfigs].map(({ plural }) => plural));
const JUDGED_CREATE: readonly FaultName[] = [...CREATE, 'kube.webhookTimeout'];
const JUDGED_CHANGE: readonly FaultName[] = [...CHANGE, 'kube.webhookTimeout'];
const OPEN_WATCH: readonly FaultName[] = ['kube.watchRefused'];
const WATCH_EVENT: readonly FaultName[] = ['kube.watchExpires', 'kube.watchEnds', 'kube.watchRepeats', 'kube.watchGoesBack', 'kube.watchLate', 'kube.watchMisses', 'kube.watchBookmark'];

const SLOW_MS = 2000;
const LATE_MS = 5000;
const WEBHOOK_MS = 10_000;
const MISSING_MS = 3000;
/** Changes that a stale list is behind by, at most. */
const STALE_CHANGES = 40;

/** The view that one process has of the API server, over a line and a server that fail as the chance has it. */
export class FaultyKube implements Kube {
  readonly #kube: Kube;
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #conditions: KubeConditions;
  /** Whose connection it is: opportunities are numbered per process. */
  readonly #process: string;
  /**
   * What this process has followed until its watch ended, and lists anew. A first list is a consistent read by the API's contract, and a
   * decision may rest on it; one that goes back in time is seen by a follower that knows better.
   */
  readonly #relists = new Set<string>();
  /** Continuations that will be answered 410. */
  readonly #expiring = new Set<string>();

  constructor(kube: Kube, ports: { readonly clock: Clock; readonly chance: Chance; readonly conditions: KubeConditions }, process: string) {
    this.#kube = kube;
    this.#clock = ports.clock;
    this.#chance = ports.chance;
    this.#conditions = ports.conditions;
    this.#process = process;
  }

  get: Kube['get'] = (resource, key) => this.#call('get', resource.plural, READ, async () => this.#read(resource, await this.#kube.get(resource, key)));
  create: Kube['create'] = (resource, object, options) => this.#call('create', resource.plural, JUDGED.has(resource.plural) ? JUDGED_CREATE : CREATE, () => this.#kube.create(resource, object, options));
  update: Kube['update'] = (resource, object, options) => this.#call('update', resource.plural, JUDGED.has(resource.plural) ? JUDGED_CHANGE : CHANGE, () => this.#kube.update(resource, object, options));
  patch: Kube['patch'] = (resource, key, patch, options) => this.#call('patch', resource.plural, JUDGED.has(resource.plural) ? JUDGED_CHANGE : CHANGE, () => this.#kube.patch(resource, key, patch, options));
  delete: Kube['delete'] = (resource, key, options) => this.#call('delete', resource.plural, CREATE, () => this.#kube.delete(resource, key, options));
  evict: Kube['evict'] = (key, options) => this.#call('evict', 'pods', CREATE, () => this.#kube.evict(key, options));
  bind: Kube['bind'] = (key, nodeName) => this.#call('bind', 'pods', CREATE, () => this.#kube.bind(key, nodeName));

  async list<Type extends KubeObject>(resource: Resource<Type>, options: ListOptions = {}): Promise<ListPage<Type>> {
    const known = this.#relists.has(scopeOf(resource, options));
    if (options.continue !== undefined && this.#expiring.delete(options.continue)) throw new KubeError('Expired', 410, 'the provided continue parameter is too old');
    const candidates = options.continue !== undefined ? READ : known ? LATER_LIST : FIRST_LIST;
    const page = await this.#call('list', resource.plural, candidates, (strike) => this.#listWith(strike, resource, options));
    this.#relists.delete(scopeOf(resource, options));
    return JUDGED.has(resource.plural) && this.#conditions.newerFields.has(this.#process) ? { ...page, items: page.items.map((object) => this.#read(resource, object)) } : page;
  }

  /** The object as this process gets it. */
  #read<Type extends KubeObject>(resource: Resource, object: Type): Type {
    return JUDGED.has(resource.plural) && this.#conditions.newerFields.has(this.#process) ? withNewerFields(object) : object;
  }

  watch<Type extends KubeObject>(resource: Resource<Type>, options: WatchOptions, sink: WatchSink<Type>): Subscription {
    const refused = this.#conditions.outage ? unreachable() : this.#chance.strike(`${this.#process}/watch`, OPEN_WATCH) === undefined ? undefined : new KubeError('ServiceUnavailable', 503, 'watch refused');
    const watch = new FaultyWatch<Type>({ event: (event) => sink.event(event), end: (error) => { this.#relists.add(scopeOf(resource, options)); sink.end(error); } }, this.#clock, this.#chance, `${this.#process}/events/${resource.plural}`);
    if (refused === undefined) watch.open(this.#conditions, (own) => this.#kube.watch(resource, options, JUDGED.has(resource.plural) ? { event: (event) => own.event(event.type === 'BOOKMARK' ? event : { ...event, object: this.#read(resource, event.object) }), end: (error) => own.end(error) } : own));
    else this.#clock.setTimer(0, () => watch.end(refused));
    return watch;
  }

  /** `carryOut` gets the strike where the answer shall be another one. */
  async #call<Value>(verb: string, plural: string, candidates: readonly FaultName[], carryOut: (strike?: Strike) => Promise<Value>): Promise<Value> {
    if (this.#conditions.outage) throw unreachable();
    if (this.#conditions.leasesRefused && plural === 'leases' && verb !== 'get') throw new KubeError('ServiceUnavailable', 503, 'etcd leader changed');
    const strike = this.#chance.strike(`${this.#process}/${verb}/${plural}`, candidates);
    if (strike === undefined) return carryOut();
    const refusal = REFUSALS[strike.fault];
    if (refusal !== undefined) throw refusal(strike);
    if (strike.fault === 'kube.staleList' || strike.fault === 'kube.expiredList') return carryOut(strike);
    if (strike.fault === 'kube.webhookTimeout') return this.#unjudged();
    if (strike.fault === 'kube.slow') return this.#slowly(strike, carryOut);
    await carryOut();
    throw new KubeError('Unreachable', 0, 'connection reset by peer');
  }

  async #unjudged(): Promise<never> {
    await this.#clock.sleep(WEBHOOK_MS);
    throw new KubeError('InternalError', 500, 'Internal error occurred: failed calling webhook "operator-webhook.sriovnetwork.openshift.io": context deadline exceeded');
  }

  async #slowly<Value>(strike: Strike, carryOut: () => Promise<Value>): Promise<Value> {
    await this.#clock.sleep(Math.floor(strike.draw() * SLOW_MS));
    try {
      return await carryOut();
    } finally {
      await this.#clock.sleep(Math.floor(strike.draw() * SLOW_MS));
    }
  }

  #listWith<Type extends KubeObject>(strike: Strike | undefined, resource: Resource<Type>, options: ListOptions): Promise<ListPage<Type>> {
    if (strike?.fault === 'kube.staleList') return this.#staleList(resource, options, strike);
    return strike?.fault === 'kube.expiredList' ? this.#shortPage(resource, options) : this.#kube.list(resource, options);
  }

  /** One object, and a continuation that will have expired. */
  async #shortPage<Type extends KubeObject>(resource: Resource<Type>, options: ListOptions): Promise<ListPage<Type>> {
    const page = await this.#kube.list(resource, { ...options, limit: 1 });
    if (page.continue !== undefined && page.continue !== '') this.#expiring.add(page.continue);
    return page;
  }

  async #staleList<Type extends KubeObject>(resource: Resource<Type>, options: ListOptions, strike: Strike): Promise<ListPage<Type>> {
    const { resourceVersion } = await this.#kube.list(resource, { ...options, limit: 1 });
    const older = Math.max(1, Number(resourceVersion) - 1 - Math.floor(strike.draw() * STALE_CHANGES));
    try {
      const { limit: _, ...whole } = options;
      return await this.#kube.list(resource, { ...whole, resourceVersion: String(older), resourceVersionMatch: 'Exact' });
    } catch (error) {
      // So far back there is no history any more.
      if (!(error instanceof KubeError)) throw error;
      return this.#kube.list(resource, options);
    }
  }
}

/** What a list or a watch is about. */
function scopeOf(resource: Resource, { namespace = '', labelSelector = '', fieldSelector = '' }: Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>): string {
  return `${resource.plural} ${namespace} ${labelSelector} ${fieldSelector}`;
}

function withNewerFields<Type extends KubeObject>(object: Type): Type {
  // Fields that a schema does not know change nothing about its type.
  const { spec } = object as unknown as { readonly spec?: object };
  return { ...object, spec: { ...spec, ofANewerVersion: { mode: 'Automatic', values: [1, 2] } } };
}

/** One watch whose stream repeats, delays, loses and ends. */
class FaultyWatch<Type extends KubeObject> implements Subscription {
  readonly #sink: WatchSink<Type>;
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #site: string;
  #subscription: Subscription | undefined;
  #unfollow: (() => void) | undefined;
  #ended = false;
  /** Events that are held back, while the watch is late. */
  #late: WatchEvent<Type>[] | undefined;
  #missing = false;
  #earlier: WatchEvent<Type> | undefined;

  constructor(sink: WatchSink<Type>, clock: Clock, chance: Chance, site: string) {
    this.#sink = sink;
    this.#clock = clock;
    this.#chance = chance;
    this.#site = site;
  }

  open(conditions: KubeConditions, begin: (sink: WatchSink<Type>) => Subscription): void {
    this.#unfollow = conditions.follow((error) => this.end(error));
    this.#subscription = begin({ event: (event) => this.#receive(event), end: (error) => this.end(error) });
    if (this.#ended) this.#subscription.stop();
  }

  stop(): void {
    this.#ended = true;
    this.#subscription?.stop();
    this.#unfollow?.();
  }

  end(error?: KubeError): void {
    if (this.#ended) return;
    this.stop();
    this.#sink.end(error);
  }

  #receive(event: WatchEvent<Type>): void {
    if (this.#ended || this.#missing) return;
    if (this.#late !== undefined) this.#late.push(event);
    else this.#pass(event);
  }

  #pass(event: WatchEvent<Type>): void {
    const strike = event.type === 'BOOKMARK' ? undefined : this.#chance.strike(this.#site, WATCH_EVENT);
    const earlier = this.#earlier;
    if (event.type !== 'BOOKMARK') this.#earlier = event;
    switch (strike?.fault) {
      case 'kube.watchLate':
        return this.#fallBehind(event, strike);
      case 'kube.watchMisses':
        return this.#miss(strike);
      case 'kube.watchRepeats':
        this.#sink.event(event);
        break;
      case 'kube.watchGoesBack':
        this.#sink.event(event);
        if (earlier !== undefined && !this.#ended) this.#sink.event(earlier);
        return;
    }
    if (this.#ended) return;
    this.#sink.event(event);
    if (strike?.fault === 'kube.watchExpires') this.end(expired());
    if (strike?.fault === 'kube.watchEnds') this.end();
    if (strike?.fault === 'kube.watchBookmark' && event.type !== 'BOOKMARK' && !this.#ended) {
      this.#sink.event({ type: 'BOOKMARK', resourceVersion: event.object.metadata.resourceVersion! });
      this.end();
    }
  }

  #fallBehind(event: WatchEvent<Type>, strike: Strike): void {
    this.#late = [event];
    this.#clock.setTimer(Math.floor(strike.draw() * LATE_MS), () => {
      const held = this.#late ?? [];
      this.#late = undefined;
      for (const one of held) if (!this.#ended) this.#sink.event(one);
    });
  }

  #miss(strike: Strike): void {
    this.#missing = true;
    this.#clock.setTimer(Math.floor(strike.draw() * MISSING_MS), () => this.end(expired()));
  }
}

const expired = () => new KubeError('Expired', 410, 'too old resource version');
