import type { Clock, DevicePlugin, DevicePluginRegistry, Files, Hardware, HardwareStep, Host, Kube, KubeObject, Subscription, WatchSink } from '@vfleet/core';
import { fail } from '@vfleet/core';
import type { ProcessPorts } from '../process-host.ts';
import type { SimProcess } from './process.ts';

/** The ports of a process, through which it can be watched, paused and killed. */
export function guardPorts<Ports extends ProcessPorts>(process: SimProcess, ports: Ports): Ports {
  const { hardware, host, files, registry, podResources } = ports;
  return {
    ...ports,
    kube: guardKube(process, ports.kube),
    clock: guardClock(process, ports.clock),
    ...(hardware === undefined ? {} : { hardware: guardHardware(process, hardware) }),
    ...(host === undefined ? {} : { host: guardHost(process, host) }),
    ...(files === undefined ? {} : { files: guardFiles(process, files) }),
    ...(registry === undefined ? {} : { registry: guardRegistry(process, registry) }),
    ...(podResources === undefined ? {} : { podResources: { list: () => process.read(() => podResources.list()) } }),
  };
}

function guardClock(process: SimProcess, clock: Clock): Clock {
  return {
    now: () => clock.now() + process.wallOffsetMs + (process.drift === undefined ? 0 : Math.floor(process.drift.rate * (clock.monotonicMs() - process.drift.sinceMs))),
    monotonicMs: () => clock.monotonicMs(),
    setTimer: (delayMs, callback) => {
      let cancelled = false;
      const timer = clock.setTimer(delayMs, () => process.enter(() => {
        if (!cancelled) callback();
      }));
      return {
        cancel: () => {
          cancelled = true;
          timer.cancel();
        },
      };
    },
    sleep: (delayMs, signal) => process.read(() => clock.sleep(delayMs, signal)),
  };
}

function guardKube(process: SimProcess, kube: Kube): Kube {
  const write = <Value>(verb: string, what: string, effect: () => Promise<Value>) => process.write({ to: 'api', verb, what }, effect);
  return {
    get: (resource, key) => process.read(() => kube.get(resource, key)),
    list: (resource, options) => process.read(() => kube.list(resource, options)),
    watch: (resource, options, sink) => guardWatch(process, sink, (guarded) => kube.watch(resource, options, guarded)),
    create: (resource, object, options) => write('create', `${resource.plural} ${nameOf(object)}`, () => kube.create(resource, object, options)),
    update: (resource, object, options) => write('update', `${resource.plural}${sub(options)} ${nameOf(object)}`, () => kube.update(resource, object, options)),
    patch: (resource, key, patch, options) => write('patch', `${resource.plural}${sub(options)} ${key.name}`, () => kube.patch(resource, key, patch, options)),
    delete: (resource, key, options) => write('delete', `${resource.plural} ${key.name}`, () => kube.delete(resource, key, options)),
    evict: (key, options) => write('evict', `pods ${key.name}`, () => kube.evict(key, options)),
    bind: (key, nodeName) => write('bind', `pods ${key.name}`, () => kube.bind(key, nodeName)),
  };
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

function guardHardware(process: SimProcess, hardware: Hardware): Hardware {
  return {
    discover: () => process.read(() => hardware.discover()),
    apply: (step) => process.write({ to: 'hardware', verb: step.kind, what: stepText(step), step }, () => hardware.apply(step)),
    watch: (listener) => endedWith(process, hardware.watch((event) => process.enter(() => listener(event)))),
  };
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

function guardFiles(process: SimProcess, files: Files): Files {
  const write = <Value>(verb: string, path: string, effect: () => Promise<Value>, torn?: () => Promise<unknown>) => process.write({ to: 'files', verb, what: path }, effect, torn);
  return {
    read: (path) => process.read(() => files.read(path)),
    list: (folder) => process.read(() => files.list(folder)),
    replace: (path, text, options) => write('replace', path, () => files.replace(path, text, options)),
    create: (path, text, options) => write('create', path, () => files.create(path, text, options)),
    append: (path, text) => write('append', path, () => files.append(path, text), () => files.append(path, text.slice(0, text.length >> 1))),
    remove: (path) => write('remove', path, () => files.remove(path)),
    // flock is released when its holder dies.
    withLock: (path, work) => process.read(() => files.withLock(path, () => untilDeath(process, work()))),
  };
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
