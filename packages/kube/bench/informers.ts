/**
 * What informers cost: 10,000 with one object each (the config daemons of a fleet in one process), and one with 100,000
 * objects. Memory and time under simulated time against a server that does nothing, so that what is measured is ours.
 * Run it: `node --expose-gc packages/kube/bench/informers.ts`.
 */
import type { Kube, KubeObject, ListPage, Resource, WatchSink } from '@vfleet/core';
import { SeededRandom, SimClock, drainMicrotasks, silentLog } from '@vfleet/core';
import { Informer } from '@vfleet/kube';

interface Thing extends KubeObject {
  readonly spec: { readonly value: number };
}

const things: Resource<Thing> = { group: 'test', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true };

function thing(index: number, value: number, version: number): Thing {
  return Object.freeze({ apiVersion: 'test/v1', kind: 'Thing', metadata: { name: `t${index}`, namespace: 'default', uid: `u${index}`, resourceVersion: String(version) }, spec: { value } });
}

/** A server that answers at once: each list with what `objects` says, each watch with silence. */
class StillServer {
  readonly sinks: WatchSink<Thing>[] = [];
  readonly kube: Kube;

  constructor(objects: (fieldSelector: string | undefined, continued: string | undefined, limit: number) => ListPage<Thing>) {
    const unused = () => Promise.reject(new Error('not part of the benchmark'));
    this.kube = {
      list: (_resource, options = {}) => Promise.resolve(objects(options.fieldSelector, options.continue, options.limit ?? Number.POSITIVE_INFINITY) as ListPage<never>),
      watch: (_resource, _options, sink) => {
        this.sinks.push(sink as WatchSink<KubeObject> as WatchSink<Thing>);
        return { stop: () => undefined };
      },
      get: unused, create: unused, update: unused, patch: unused, delete: unused, evict: unused, bind: unused,
    };
  }
}

function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

/** Measures 10,000 informers with one object each, and one with 100,000. */
export async function run(print: (line: string) => void): Promise<void> {
  await many(10_000, print);
  await large(100_000, print);
}

async function many(count: number, print: (line: string) => void): Promise<void> {
  const clock = new SimClock();
  const server = new StillServer((fieldSelector) => ({ resourceVersion: '1', items: [thing(Number(fieldSelector!.slice('metadata.name=t'.length)), 0, 1)] }));
  const ports = { kube: server.kube, clock, random: new SeededRandom(1), log: silentLog };
  const names = Array.from({ length: count }, (_, index) => `metadata.name=t${index}`);
  const before = heapBytes();
  let startedAt = performance.now();
  let updates = 0;
  const informers = names.map((fieldSelector) => {
    const informer = new Informer(ports, things, { namespace: 'default', fieldSelector });
    informer.subscribe({ updated: () => updates++ });
    informer.start();
    return informer;
  });
  await drainMicrotasks();
  const syncedMs = performance.now() - startedAt;
  if (!informers.every(({ hasSynced }) => hasSynced)) throw new Error('not all informers have synced');
  print(`${count} informers with one object: synced in ${syncedMs.toFixed(0)} ms, ${((heapBytes() - before) / count).toFixed(0)} bytes each (heap, with object and timer${globalThis.gc === undefined ? '; not exact without --expose-gc' : ''})`);
  const rounds = 20;
  startedAt = performance.now();
  for (let round = 1; round <= rounds; round++) for (const [index, sink] of server.sinks.entries()) sink.event({ type: 'MODIFIED', object: thing(index, round, round + 1) });
  const eventUs = ((performance.now() - startedAt) * 1000) / (rounds * count);
  if (updates !== rounds * count) throw new Error('updates were lost');
  startedAt = performance.now();
  await clock.run(3_600_000);
  print(`  ${eventUs.toFixed(2)} µs an event; a silent simulated hour with its relists: ${(performance.now() - startedAt).toFixed(0)} ms`);
  for (const informer of informers) informer.stop();
}

async function large(count: number, print: (line: string) => void): Promise<void> {
  const clock = new SimClock();
  const objects = Array.from({ length: count }, (_, index) => thing(index, index % 100, index + 1));
  const server = new StillServer((_, continued, limit) => {
    const from = Number(continued ?? 0);
    const next = from + limit;
    return { resourceVersion: String(count), items: objects.slice(from, next), ...(next < count ? { continue: String(next) } : {}) };
  });
  const before = heapBytes();
  let startedAt = performance.now();
  const informer = new Informer({ kube: server.kube, clock, random: new SeededRandom(1), log: silentLog }, things, { indexers: { value: (object) => [String(object.spec.value)] } });
  informer.start();
  await informer.synced;
  print(`one informer with ${count} objects and an index: synced in ${(performance.now() - startedAt).toFixed(0)} ms, ${((heapBytes() - before) / count).toFixed(0)} bytes an object beside the object itself`);
  startedAt = performance.now();
  for (let index = 0; index < count; index++) server.sinks[0]!.event({ type: 'MODIFIED', object: thing(index, (index + 1) % 100, count + index + 1) });
  print(`  ${(((performance.now() - startedAt) * 1000) / count).toFixed(2)} µs an event`);
  informer.stop();
}

if (import.meta.main) await run((line) => void process.stdout.write(`${line}\n`));
