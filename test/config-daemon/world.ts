import { createConfigDaemon } from '@vfleet/controllers/config-daemon/index.ts';
import type { ConfigDaemon } from '@vfleet/controllers/config-daemon/index.ts';
import {
  DEFAULT_OPERATOR_NAMESPACE, KubeError, MemFiles, SeededRandom, SimClock, applyVfByVf, isKubeError, nodeAnnotations, nodeStateAnnotations, silentLog,
} from '@vfleet/core';
import type { BootServices, Files, Hardware, HardwareStep, Host, Kube, LogLevel, NodeStateSpec, OperatorConfigSpec, PfObservation, PodDevices, PodResources } from '@vfleet/core';
import { createFleet, nodesOf, parseFleet } from '@vfleet/hw-sim';
import type { FaultPlan, SimulatedNode } from '@vfleet/hw-sim';
import { Informer, installCrds, namespaces, nodeStates, nodes, operatorConfigs } from '@vfleet/kube';
import type { SriovNetworkNodeState } from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim';

export const NODE = 'worker-0';
export const NAMESPACE = DEFAULT_OPERATOR_NAMESPACE;

/** One write that the daemon made to something that outlives it, in order. */
export interface DaemonWrite {
  readonly to: 'kube' | 'hardware' | 'files' | 'host';
  readonly what: string;
  readonly atMs: number;
  /** A drain was granted and not taken back. */
  readonly drained: boolean;
  /** PFs whose VFs could have been handed out: they were there while the node said Succeeded. */
  readonly exposed: readonly string[];
}

export interface WorldOptions {
  /** `pfs` of the node in the fleet file. */
  readonly pfs: readonly Readonly<Record<string, unknown>>[];
  readonly node?: Readonly<Record<string, unknown>>;
  readonly faults?: FaultPlan;
  readonly config?: OperatorConfigSpec;
  /** No node state yet. */
  readonly withoutState?: boolean;
  /** The host has an init that can be told to configure NICs at boot. */
  readonly bootServices?: BootServices;
  /** What runs when the node has booted, before the daemon starts. */
  readonly atBoot?: (world: World) => Promise<void>;
}

/**
 * One simulated node with the real daemon, an API server in process, and an operator reduced to its part in a drain. The daemon
 * can die at any write: what it had begun then never returns, and nothing that it calls afterwards has an effect.
 */
export class World {
  readonly clock = new SimClock();
  readonly files = new MemFiles();
  readonly writes: DaemonWrite[] = [];
  /** What kubelet says. */
  pods: readonly PodDevices[] = [];
  /** How often it was asked. */
  asked = 0;
  readonly kube: Kube;
  readonly node: SimulatedNode;
  /** Set while the API server cannot be reached. */
  apiDown = false;
  /** Drains as the operator saw them, by the request. */
  readonly drains: string[] = [];
  /** The drain that was granted last has not been taken back. */
  drained = false;
  daemon: ConfigDaemon | undefined;
  /** What the daemon was told to log, in order. */
  readonly logLevels: (LogLevel | undefined)[] = [];
  readonly #random = new SeededRandom('config-daemon');
  readonly #clientKube: Kube;
  readonly #states: Informer<SriovNetworkNodeState>;
  #alive = { value: true };
  #death = Promise.withResolvers<never>();
  readonly #exposed = new Set<string>();
  #starts = 0;
  readonly #bootServices: BootServices | undefined;
  #fuse: { left: number; readonly before: boolean } | undefined;

  private constructor(options: WorldOptions) {
    const parsed = parseFleet({ nodes: [{ name: NODE, ...options.node, pfs: options.pfs }] });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    const fleet = createFleet({ clock: this.clock, random: this.#random.stream('hardware'), ...(options.faults === undefined ? {} : { faults: options.faults }) });
    this.node = fleet.addNode([...nodesOf(parsed.value)][0]!);
    this.#bootServices = options.bootServices;
    const server = createApiServer({ clock: this.clock, random: this.#random.stream('api') });
    this.kube = server.client();
    this.#clientKube = server.client({ fieldManager: 'config-daemon' });
    this.#states = new Informer({ kube: this.kube, clock: this.clock, random: this.#random, log: silentLog }, nodeStates, { namespace: NAMESPACE });
  }

  static async create(options: WorldOptions): Promise<World> {
    const world = new World(options);
    const { kube, clock } = world;
    const installing = installCrds({ kube, clock, random: world.#random, log: silentLog });
    await clock.run(5_000);
    if (!(await installing).ok) throw new Error('the CRDs are not served');
    await kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
    await kube.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: NODE } });
    if (options.config !== undefined) {
      await kube.create(operatorConfigs, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovOperatorConfig', metadata: { name: 'default', namespace: NAMESPACE }, spec: options.config });
    }
    if (options.withoutState !== true) await world.createState();
    world.#states.start();
    world.#operate();
    world.node.onReboot((phase) => {
      if (phase === 'down') world.kill();
      else if (options.atBoot === undefined) world.startDaemon();
      else void options.atBoot(world).then(() => world.startDaemon());
    });
    return world;
  }

  /** As the operator creates it: with an empty spec. */
  async createState(): Promise<void> {
    await this.kube.create(nodeStates, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodeState', metadata: { name: NODE, namespace: NAMESPACE }, spec: {} });
  }

  startDaemon(): void {
    const alive = { value: true };
    this.#alive = alive;
    this.#death = Promise.withResolvers();
    this.#death.promise.catch(() => undefined);
    this.daemon = createConfigDaemon(
      {
        kube: this.#guardKube(alive), hardware: this.#guardHardware(alive), host: this.#guardHost(alive), files: this.#guardFiles(alive),
        clock: this.clock, random: this.#random.stream(`daemon ${++this.#starts}`), log: silentLog, onLogLevel: (level) => void this.logLevels.push(level), ...(this.#bootServices === undefined ? {} : { bootServices: this.#bootServices }),
      },
      { nodeName: NODE },
      this.#podResources(),
    );
    this.daemon.start();
  }

  /** SIGKILL: nothing it does from now on has an effect, and nothing returns to it. */
  kill(): void {
    this.#alive.value = false;
    this.#death.reject(new Error('the daemon is dead'));
    void this.daemon?.stop();
    this.daemon = undefined;
  }

  /** The daemon dies at its n-th write from now (from 1), before or after the write has its effect. */
  killAtWrite(nth: number, before: boolean): void {
    this.#fuse = { left: nth, before };
  }

  /** Takes back a kill that has not happened yet. */
  spare(): void {
    this.#fuse = undefined;
  }

  /** The write that the kill follows is under way. */
  get isDying(): boolean {
    return this.#fuse?.left === 0;
  }

  /** The kill that was asked for has happened. */
  get wasKilled(): boolean {
    return this.#fuse === undefined;
  }

  async state(): Promise<SriovNetworkNodeState> {
    return this.kube.get(nodeStates, { name: NODE, namespace: NAMESPACE });
  }

  async setSpec(spec: NodeStateSpec): Promise<void> {
    const { metadata, ...state } = await this.state();
    await this.kube.update(nodeStates, { ...state, metadata, spec });
  }

  async setConfig(spec: OperatorConfigSpec): Promise<void> {
    const config = await this.kube.get(operatorConfigs, { name: 'default', namespace: NAMESPACE });
    await this.kube.update(operatorConfigs, { ...config, spec });
  }

  pf(address: string): PfObservation {
    const found = this.node.inspect().pfs.find((pf) => pf.pciAddress === address);
    if (found === undefined) throw new Error(`no PF ${address}`);
    return found;
  }

  /** A person at the node's shell; returns when the kernel has carried it out. */
  async byHand(step: HardwareStep): Promise<void> {
    const done = this.node.hardware.apply(step);
    await this.clock.run(3_000);
    const result = await done;
    if (!result.ok) throw new Error(result.error.cause);
  }

  /** Until the daemon has answered to the newest spec and given the node back. */
  async settle(withinMs = 600_000): Promise<SriovNetworkNodeState> {
    await this.clock.runUntil(() => {
      const state = this.#states.get({ name: NODE, namespace: NAMESPACE });
      const ready = state?.status?.conditions?.find(({ type }) => type === 'Ready');
      return this.daemon?.view().node.value === 'idle' && ready?.status === 'True' && ready.observedGeneration === state?.metadata.generation;
    }, withinMs, 'a settled node');
    return this.state();
  }

  async until(what: string, holds: (state: SriovNetworkNodeState) => boolean, withinMs = 600_000): Promise<SriovNetworkNodeState> {
    await this.clock.runUntil(() => {
      const state = this.#states.get({ name: NODE, namespace: NAMESPACE });
      return state !== undefined && holds(state);
    }, withinMs, what);
    return this.state();
  }

  /** The operator's part in a drain: copies the request, takes a second to drain, and reports. */
  #operate(): void {
    const key = { name: NODE, namespace: NAMESPACE };
    const annotate = (annotations: Record<string, string>) =>
      this.kube.patch(nodeStates, key, { type: 'merge', patch: { metadata: { annotations } } }).catch((error: unknown) => {
        if (!isKubeError(error, 'NotFound')) throw error;
      });
    const nodeInformer = new Informer({ kube: this.kube, clock: this.clock, random: this.#random, log: silentLog }, nodes, {});
    const react = async () => {
      const requested = nodeInformer.get(NODE)?.metadata.annotations?.[nodeAnnotations.state] ?? 'Idle';
      const state = this.#states.get(key);
      if (state === undefined) return;
      const current = state.metadata.annotations?.[nodeStateAnnotations.currentState] ?? 'Idle';
      if ((state.metadata.annotations?.[nodeStateAnnotations.desiredState] ?? 'Idle') !== requested) await annotate({ [nodeStateAnnotations.desiredState]: requested });
      if (requested !== 'Idle' && current === 'Idle') {
        this.drains.push(requested);
        await annotate({ [nodeStateAnnotations.currentState]: 'Draining' });
        await this.clock.sleep(1_000);
        this.pods = [];
        this.drained = true;
        await this.kube.patch(nodes, { name: NODE }, { type: 'merge', patch: { spec: { unschedulable: true } } });
        await annotate({ [nodeStateAnnotations.currentState]: 'DrainComplete' });
      } else if (requested === 'Idle' && current === 'DrainComplete') {
        this.drained = false;
        await this.kube.patch(nodes, { name: NODE }, { type: 'merge', patch: { spec: { unschedulable: null } } });
        await this.clock.sleep(500);
        await annotate({ [nodeStateAnnotations.currentState]: 'Idle' });
      }
    };
    let tail: Promise<void> = Promise.resolve();
    const changed = () => {
      tail = tail.then(react);
    };
    nodeInformer.subscribe({ added: changed, updated: changed });
    this.#states.subscribe({ added: changed, updated: changed });
    this.#states.subscribe({ updated: () => this.#noteExposure() });
    this.node.hardware.watch(() => this.#noteExposure());
    nodeInformer.start();
  }

  #noteExposure(): readonly string[] {
    const succeeded = this.#states.get({ name: NODE, namespace: NAMESPACE })?.status?.syncStatus === 'Succeeded';
    for (const pf of this.node.inspect().pfs) {
      if (pf.numVfs === 0) this.#exposed.delete(pf.pciAddress);
      else if (succeeded) this.#exposed.add(pf.pciAddress);
    }
    return [...this.#exposed];
  }

  // ---- The daemon's side of the ports --------------------------------------------------------------------------------------------

  /** Runs one write of the daemon, or what is left of it when the daemon dies there. */
  async #write<Value>(alive: { value: boolean }, to: DaemonWrite['to'], what: string, effect: () => Promise<Value>): Promise<Value> {
    if (!alive.value) return never();
    this.writes.push({ to, what, atMs: this.clock.monotonicMs(), drained: this.drained, exposed: this.#noteExposure() });
    const fuse = this.#fuse;
    const dies = fuse !== undefined && --fuse.left === 0;
    if (dies && fuse.before) {
      this.kill();
      this.#fuse = undefined;
    }
    if (!alive.value) return never();
    try {
      return await effect();
    } finally {
      if (dies) {
        if (alive.value) this.kill();
        this.#fuse = undefined;
      }
      if (!alive.value) await never();
    }
  }

  async #read<Value>(alive: { value: boolean }, read: () => Promise<Value>): Promise<Value> {
    if (!alive.value) return never();
    const value = await read();
    return alive.value ? value : never();
  }

  #guardFiles(alive: { value: boolean }): Files {
    const { files } = this;
    const { promise: death } = this.#death;
    return {
      read: (path) => this.#read(alive, () => files.read(path)),
      list: (folder) => this.#read(alive, () => files.list(folder)),
      replace: (path, text) => this.#write(alive, 'files', `replace ${path}`, () => files.replace(path, text)),
      create: (path, text) => this.#write(alive, 'files', `create ${path}`, () => files.create(path, text)),
      append: (path, text) => this.#write(alive, 'files', `append ${path}`, () => files.append(path, text)),
      remove: (path) => this.#write(alive, 'files', `remove ${path}`, () => files.remove(path)),
      // A lock is free when its holder has died, whatever its holder was waiting for.
      withLock: async (path, work) => {
        try {
          return await files.withLock(path, () => Promise.race([work(), death]));
        } finally {
          if (!alive.value) await never();
        }
      },
    };
  }

  #guardHardware(alive: { value: boolean }): Hardware {
    const { hardware } = this.node;
    const write = (step: HardwareStep) => this.#write(alive, 'hardware', JSON.stringify(step), () => hardware.apply(step));
    return {
      discover: () => this.#read(alive, () => hardware.discover()),
      lookAtVf: (device) => this.#read(alive, () => hardware.lookAtVf(device)),
      // A crash may come between two VFs of a batch.
      apply: (step) => (step.kind === 'setVfs' ? applyVfByVf(step, write) : write(step)),
      watch: (listener) => hardware.watch((event) => alive.value && listener(event)),
    };
  }

  #guardHost(alive: { value: boolean }): Host {
    const { host } = this.node;
    return {
      facts: () => this.#read(alive, () => host.facts()),
      ensureKernelArguments: (wanted) => this.#write(alive, 'host', `kernel arguments ${wanted.join(' ')}`, () => host.ensureKernelArguments(wanted)),
      reboot: (reason) => this.#write(alive, 'host', 'reboot', () => host.reboot(reason)),
    };
  }

  #guardKube(alive: { value: boolean }): Kube {
    const kube = this.#clientKube;
    const reachable = () => {
      if (this.apiDown) throw new KubeError('Unreachable', 0, 'connection refused');
    };
    const write = <Value>(what: string, effect: () => Promise<Value>) =>
      this.#write(alive, 'kube', what, async () => {
        reachable();
        return effect();
      });
    const read = <Value>(effect: () => Promise<Value>) =>
      this.#read(alive, async () => {
        reachable();
        return effect();
      });
    return {
      get: (resource, key) => read(() => kube.get(resource, key)),
      list: (resource, options) => read(() => kube.list(resource, options)),
      watch: (resource, options, sink) => kube.watch(resource, options, { event: (event) => alive.value && sink.event(event), end: (error) => alive.value && sink.end(error) }),
      create: (resource, object, options) => write(`create ${resource.plural}`, () => kube.create(resource, object, options)),
      update: (resource, object, options) => write(`update ${resource.plural}`, () => kube.update(resource, object, options)),
      patch: (resource, key, patch, options) => write(`patch ${resource.plural} ${JSON.stringify('patch' in patch ? patch.patch : patch)}`, () => kube.patch(resource, key, patch, options)),
      delete: (resource, key, options) => write(`delete ${resource.plural}`, () => kube.delete(resource, key, options)),
      evict: () => Promise.reject(new Error('the config daemon evicts nobody')),
      bind: () => Promise.reject(new Error('the config daemon binds nobody')),
    };
  }

  #podResources(): PodResources {
    return {
      list: async () => {
        this.asked++;
        return this.pods;
      },
    };
  }
}

function never<Value>(): Promise<Value> {
  return new Promise<Value>(() => {});
}

/** Writes of a kind that steps are, as short texts: `setNumVfs 4`. */
export function hardwareWrites(writes: readonly DaemonWrite[]): readonly string[] {
  return writes.flatMap((write) => {
    if (write.to !== 'hardware') return [];
    const step = JSON.parse(write.what) as { readonly kind: string; readonly count?: number; readonly mode?: string };
    return [[step.kind, step.count, step.mode].filter((part) => part !== undefined).join(' ')];
  });
}

