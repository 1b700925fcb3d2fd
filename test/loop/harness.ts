import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kube, KubeObject, NetworkStatus, Resource } from '@vfleet/core';
import { SeededRandom, SimClock, podAnnotations, silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import type { FleetSpec } from '@vfleet/hw-sim';
import { parseFleet } from '@vfleet/hw-sim';
import * as api from '@vfleet/kube';
import type { Pod, SriovNetworkNodeState } from '@vfleet/kube';
import { serve } from '@vfleet/kube-sim/edge/serve.ts';
import type { World } from '@vfleet/sim';
import { createWorld } from '@vfleet/sim';
import { readFileSync } from 'node:fs';
import { readYamlDocuments } from '@vfleet/kube/yaml/documents.ts';

export const examples = join(import.meta.dirname, '../../examples');

export function exampleFleet(path: string): FleetSpec {
  return fleetFrom(documents(path)[0]);
}

export function fleetFrom(value: unknown): FleetSpec {
  const parsed = parseFleet(value);
  if (!parsed.ok) throw new Error(parsed.error.map(({ path, cause }) => `${path}: ${cause}`).join('\n'));
  return parsed.value;
}

function documents(path: string): readonly unknown[] {
  const read = readYamlDocuments(readFileSync(join(examples, path), 'utf8'));
  if (!read.ok) throw new Error(`${path}:${read.error.line}: ${read.error.cause}`);
  return read.value;
}

/** Objects of an example's manifest, in the namespace that kubectl would put them in. */
export function manifest(path: string): readonly KubeObject[] {
  return (documents(path) as readonly KubeObject[]).map((object) => {
    return object.metadata.namespace === undefined ? { ...object, metadata: { ...object.metadata, namespace: 'default' } } : object;
  });
}

const RESOURCES: readonly Resource[] = [api.pods, api.configMapResource, api.nodePolicies, api.sriovNetworks, api.ovsNetworks, api.networkAttachmentDefinitions, api.podDisruptionBudgets, api.poolConfigs];

export async function create(kube: Kube, ...objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) await kube.create(RESOURCES.find(({ kind }) => kind === object.kind)!, object);
}

/** The whole loop under simulated time: production controllers, no sockets, as fast as the machine goes. */
export class SimulatedLoop {
  readonly clock = new SimClock();
  readonly world: World;
  readonly kube: Kube;

  private constructor(fleet: FleetSpec, seed: string) {
    this.world = createWorld({ clock: this.clock, random: new SeededRandom(seed), log: silentLog }, fleet);
    this.kube = this.world.kube;
  }

  static async start(fleet: FleetSpec, seed = 'loop'): Promise<SimulatedLoop> {
    const loop = new SimulatedLoop(fleet, seed);
    const started = loop.world.start();
    await loop.until(() => loop.settles(started), 120_000, 'the world has started');
    return loop;
  }

  /** Lets simulated time pass until `condition` holds; it is asked once a simulated 100 ms. */
  async until(condition: () => Promise<boolean> | boolean, withinMs = 300_000, what = 'the condition'): Promise<void> {
    for (let passedMs = 0; ; passedMs += 100) {
      await this.clock.run(0);
      const answer = condition();
      if (typeof answer === 'boolean' ? answer : await this.drive(answer)) return;
      if (passedMs >= withinMs) throw new Error(`${what} did not hold within ${withinMs} ms of simulated time`);
      await this.clock.run(100);
    }
  }

  /** Awaits a promise of simulated code while time stands still, or moves when nothing else can happen. */
  async drive<Value>(promise: Promise<Value>): Promise<Value> {
    const progress = { done: false };
    const finished = promise.finally(() => (progress.done = true));
    finished.catch(() => {});
    for (let turns = 0; !progress.done && turns < 100_000; turns++) {
      await this.clock.run(0);
      if (!progress.done) this.clock.step();
    }
    return finished;
  }

  private settled = new WeakMap<Promise<unknown>, boolean>();

  private settles(promise: Promise<unknown>): boolean {
    if (!this.settled.has(promise)) {
      this.settled.set(promise, false);
      void promise.then(() => this.settled.set(promise, true));
    }
    return this.settled.get(promise) === true;
  }

  pod(name: string, namespace = 'default'): Promise<Pod> {
    return this.kube.get(api.pods, { namespace, name });
  }

  nodeState(name: string): Promise<SriovNetworkNodeState> {
    return this.kube.get(api.nodeStates, { namespace: 'sriov-network-operator', name });
  }

  async untilRunning(name: string, namespace = 'default'): Promise<Pod> {
    await this.until(async () => (await this.pod(name, namespace)).status?.phase === 'Running', 300_000, `pod ${name} is running`);
    return this.drive(this.pod(name, namespace));
  }

  async stop(): Promise<void> {
    await this.drive(this.world.stop());
  }
}

export function networkStatusOf(pod: Pod): readonly NetworkStatus[] {
  return JSON.parse(pod.metadata.annotations?.[podAnnotations.networkStatus] ?? '[]') as readonly NetworkStatus[];
}

/** The same in real time behind HTTPS, as `vfleet up` serves it. */
export async function servedLoop(fleet: FleetSpec): Promise<{ readonly world: World; readonly url: string; readonly kubeconfigPath: string; readonly folder: string; stop(): Promise<void> }> {
  const clock = new RealClock();
  const folder = mkdtempSync(join(tmpdir(), 'vfleet-loop-'));
  const world = createWorld({ clock, random: new SystemRandom(), log: silentLog }, fleet);
  await world.start();
  const server = await serve(world.apiServer, { port: 0, host: '127.0.0.1', folder });
  return {
    world, url: server.url, kubeconfigPath: server.kubeconfigPath, folder,
    async stop() {
      await server.close();
      await world.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
