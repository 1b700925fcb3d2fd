import type {
  Clock, DeleteOptions, DevicePlugin, DevicePluginRegistry, Files, Hardware, HardwareStep, Host, Kube, KubeObject, ListOptions, ListPage, ObjectKey, Patch, PciAddress, Resource, Subscription, Timer,
  WatchOptions, WatchSink, WriteOptions,
} from '@vfleet/core';
import { applyVfByVf, fail } from '@vfleet/core';
import type { ProcessPorts } from '../process-host.ts';
import type { SimProcess } from './process.ts';

/** The ports of a process, through which it can be watched, paused and killed. */
export function guardPorts<Ports extends ProcessPorts>(process: SimProcess, ports: Ports): Ports {
  const { hardware, host, files, registry, podResources } = ports;
  return {
    ...ports,
    kube: new GuardedKube(process, ports.kube),
    clock: new GuardedClock(process, ports.clock),
    ...(hardware === undefined ? {} : { hardware: new GuardedHardware(process, hardware) }),
    ...(host === undefined ? {} : { host: guardHost(process, host) }),
    ...(files === undefined ? {} : { files: new GuardedFiles(process, files) }),
    ...(registry === undefined ? {} : { registry: guardRegistry(process, registry) }),
    ...(podResources === undefined ? {} : { podResources: { list: () => process.read(() => podResources.list()) } }),
  };
}

// Classes and not objects of functions: a large simulation has tens of thousands of processes.

class GuardedClock implements Clock {
  readonly #process: SimProcess;
  readonly #clock: Clock;

  constructor(process: SimProcess, clock: Clock) {
    this.#process = process;
    this.#clock = clock;
  }

  now(): number {
    const { wallOffsetMs, drift } = this.#process;
    return this.#clock.now() + wallOffsetMs + (drift === undefined ? 0 : Math.floor(drift.rate * (this.#clock.monotonicMs() - drift.sinceMs)));
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    let cancelled = false;
    const timer = this.#clock.setTimer(delayMs, () => this.#process.enter(() => {
      if (!cancelled) callback();
    }));
    return {
      cancel: () => {
        cancelled = true;
        timer.cancel();
      },
    };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return this.#process.read(() => this.#clock.sleep(delayMs, signal));
  }
}

class GuardedKube implements Kube {
  readonly #process: SimProcess;
  readonly #kube: Kube;

  constructor(process: SimProcess, kube: Kube) {
    this.#process = process;
    this.#kube = kube;
  }

  get<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey): Promise<Type> {
    return this.#process.read(() => this.#kube.get(resource, key));
  }

  list<Type extends KubeObject>(resource: Resource<Type>, options?: ListOptions): Promise<ListPage<Type>> {
    return this.#process.read(() => this.#kube.list(resource, options));
  }

  watch<Type extends KubeObject>(resource: Resource<Type>, options: WatchOptions, sink: WatchSink<Type>): Subscription {
    return guardWatch(this.#process, sink, (guarded) => this.#kube.watch(resource, options, guarded));
  }

  create<Type extends KubeObject>(resource: Resource<Type>, object: Type, options?: WriteOptions): Promise<Type> {
    return this.#write('create', `${resource.plural} ${nameOf(object)}`, () => this.#kube.create(resource, object, options));
  }

  update<Type extends KubeObject>(resource: Resource<Type>, object: Type, options?: WriteOptions & { readonly subresource?: 'finalize' | 'status' }): Promise<Type> {
    return this.#write('update', `${resource.plural}${sub(options)} ${nameOf(object)}`, () => this.#kube.update(resource, object, options));
  }

  patch<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey, patch: Patch, options?: WriteOptions & { readonly subresource?: 'status' }): Promise<Type> {
    return this.#write('patch', `${resource.plural}${sub(options)} ${key.name}`, () => this.#kube.patch(resource, key, patch, options));
  }

  delete(resource: Resource, key: ObjectKey, options?: DeleteOptions): Promise<void> {
    return this.#write('delete', `${resource.plural} ${key.name}`, () => this.#kube.delete(resource, key, options));
  }

  evict(key: ObjectKey, options?: DeleteOptions): Promise<void> {
    return this.#write('evict', `pods ${key.name}`, () => this.#kube.evict(key, options));
  }

  bind(key: ObjectKey, nodeName: string): Promise<void> {
    return this.#write('bind', `pods ${key.name}`, () => this.#kube.bind(key, nodeName));
  }

  #write<Value>(verb: string, what: string, effect: () => Promise<Value>): Promise<Value> {
    return this.#process.write({ to: 'api', verb, what }, effect);
  }
}

function nameOf(object: KubeObject): string {
  return object.metadata.name ?? object.metadata.generateName ?? '';
}

function sub(options: { readonly subresource?: string } | undefined): string {
  return options?.subresource === undefined ? '' : `/${options.subresource}`;
}

function guardWatch<Type extends KubeObject>(process: SimProcess, sink: WatchSink<Type>, open: (sink: WatchSink<Type>) => Subscription): Subscription {
  if (!process.alive) return { stop: () => undefined };
  const subscription = open({ event: (event) => process.enter(() => sink.event(event)), end: (error) => process.enter(() => sink.end(error)) });
  return endedWith(process, subscription);
}

/** The process' connections end with it. */
function endedWith(process: SimProcess, subscription: Subscription): Subscription {
  const forget = process.atDeath(() => subscription.stop());
  return {
    stop: () => {
      forget();
      subscription.stop();
    },
  };
}

class GuardedHardware implements Hardware {
  readonly #process: SimProcess;
  readonly #hardware: Hardware;

  constructor(process: SimProcess, hardware: Hardware) {
    this.#process = process;
    this.#hardware = hardware;
  }

  discover(): ReturnType<Hardware['discover']> {
    return this.#process.read(() => this.#hardware.discover());
  }

  lookAtVf(device: PciAddress): ReturnType<Hardware['lookAtVf']> {
    return this.#process.read(() => this.#hardware.lookAtVf(device));
  }

  /** A batch is several writes: whatever ends the process may strike between them. */
  apply(step: HardwareStep): ReturnType<Hardware['apply']> {
    if (step.kind === 'setVfs') return applyVfByVf(step, (one) => this.apply(one));
    return this.#process.write({ to: 'hardware', verb: step.kind, what: stepText(step), step }, () => this.#hardware.apply(step));
  }

  watch(listener: Parameters<Hardware['watch']>[0]): Subscription {
    return endedWith(this.#process, this.#hardware.watch((event) => this.#process.enter(() => listener(event))));
  }
}

/** `0000:81:00.0 count=4`. */
export function stepText(step: HardwareStep): string {
  const { kind: _, ...rest } = step;
  return Object.entries(rest).map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`).join(' ');
}

function guardHost(process: SimProcess, host: Host): Host {
  return {
    facts: () => process.read(() => host.facts()),
    ensureKernelArguments: (wanted) => process.write({ to: 'host', verb: 'kernelArguments', what: wanted.join(' ') }, () => host.ensureKernelArguments(wanted)),
    reboot: (reason) => process.write({ to: 'host', verb: 'reboot', what: reason }, () => host.reboot(reason)),
  };
}

class GuardedFiles implements Files {
  readonly #process: SimProcess;
  readonly #files: Files;

  constructor(process: SimProcess, files: Files) {
    this.#process = process;
    this.#files = files;
  }

  read(path: string): ReturnType<Files['read']> {
    return this.#process.read(() => this.#files.read(path));
  }

  list(folder: string): ReturnType<Files['list']> {
    return this.#process.read(() => this.#files.list(folder));
  }

  replace(path: string, text: string, options?: { readonly mode?: number }): ReturnType<Files['replace']> {
    return this.#write('replace', path, () => this.#files.replace(path, text, options));
  }

  create(path: string, text: string, options?: { readonly mode?: number }): ReturnType<Files['create']> {
    return this.#write('create', path, () => this.#files.create(path, text, options));
  }

  append(path: string, text: string): ReturnType<Files['append']> {
    return this.#write('append', path, () => this.#files.append(path, text), () => this.#files.append(path, text.slice(0, text.length >> 1)));
  }

  remove(path: string): ReturnType<Files['remove']> {
    return this.#write('remove', path, () => this.#files.remove(path));
  }

  /** flock is released when its holder dies. */
  withLock<Value>(path: string, work: () => Promise<Value>): Promise<Value> {
    return this.#process.read(() => this.#files.withLock(path, () => untilDeath(this.#process, work())));
  }

  #write<Value>(verb: string, path: string, effect: () => Promise<Value>, torn?: () => Promise<unknown>): Promise<Value> {
    return this.#process.write({ to: 'files', verb, what: path }, effect, torn);
  }
}

function untilDeath<Value>(process: SimProcess, work: Promise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    // Nobody is left who would receive this rejection; it only opens the lock.
    const forget = process.atDeath(() => reject(new Error('the holder of the lock died')));
    work.then(resolve, reject).finally(forget);
  });
}

function guardRegistry(process: SimProcess, registry: DevicePluginRegistry): DevicePluginRegistry {
  return {
    register: (plugin) => (process.alive ? endedWith(process, registry.register(guardPlugin(process, plugin))) : { stop: () => undefined }),
  };
}

function guardPlugin(process: SimProcess, plugin: DevicePlugin): DevicePlugin {
  return {
    resourceName: plugin.resourceName,
    listAndWatch: (sink) => plugin.listAndWatch((devices) => {
      if (process.alive) sink(devices);
    }),
    getPreferredAllocation: (request) => (process.alive ? plugin.getPreferredAllocation(request) : []),
    allocate: (containers) => answerOf(process, plugin.allocate(containers), fail('the connection was closed')),
  };
}

/** Of a call into the process: its answer, or `ifDead` when it dies before. */
export function answerOf<Value>(process: SimProcess, work: Promise<Value>, ifDead: Value): Promise<Value> {
  return new Promise((resolve, reject) => {
    const forget = process.atDeath(() => resolve(ifDead));
    work.then(resolve, reject).finally(forget);
  });
}
