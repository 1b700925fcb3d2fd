import type { Hardware, HardwareStep, Inventory, Kube, KubeObject } from '@vfleet/core';
import { ok, sightOfVf } from '@vfleet/core';
import type { PortWrapper, ProcessPorts } from '@vfleet/sim';

export type Kind = 'operator' | 'config-daemon' | 'device-plugin' | 'attachment';

/** Changes the ports of one component. */
export function on(component: Kind, change: (ports: ProcessPorts) => Partial<ProcessPorts>): PortWrapper {
  return (id, ports) => (id.component === component ? { ...ports, ...change(ports) } : ports);
}

/** All of a client, with some methods in place of its own. */
export function kubeWith(kube: Kube, methods: Partial<Kube>): Kube {
  return {
    get: (resource, key) => kube.get(resource, key),
    list: (resource, options) => kube.list(resource, options),
    watch: (resource, options, sink) => kube.watch(resource, options, sink),
    create: (resource, object, options) => kube.create(resource, object, options),
    update: (resource, object, options) => kube.update(resource, object, options),
    patch: (resource, key, patch, options) => kube.patch(resource, key, patch, options),
    delete: (resource, key, options) => kube.delete(resource, key, options),
    evict: (key, options) => kube.evict(key, options),
    bind: (key, nodeName) => kube.bind(key, nodeName),
    ...methods,
  };
}

/** Merge patches of one kind, changed on their way. */
export function patching(plural: string, change: (patch: Record<string, unknown>) => Record<string, unknown> | undefined): (ports: ProcessPorts) => Partial<ProcessPorts> {
  return ({ kube }) => ({
    kube: kubeWith(kube, {
      patch: async (resource, key, patch, options) => {
        if (resource.plural !== plural || patch.type !== 'merge') return kube.patch(resource, key, patch, options);
        const changed = change({ ...patch.patch });
        return changed === undefined ? kube.get(resource, key) : kube.patch(resource, key, { type: 'merge', patch: changed }, options);
      },
    }),
  });
}

function looks(hardware: Hardware): Pick<Hardware, 'discover' | 'lookAtVf'> {
  return { discover: () => hardware.discover(), lookAtVf: (device) => hardware.lookAtVf(device) };
}

/** Hardware steps of a component: left out, though reported as done. */
export function withoutSteps(...kinds: readonly HardwareStep['kind'][]): (ports: ProcessPorts) => Partial<ProcessPorts> {
  return ({ hardware }) => (hardware === undefined ? {} : {
    hardware: { ...looks(hardware), watch: (listener) => hardware.watch(listener), apply: async (step) => (kinds.includes(step.kind) ? ok(undefined) : hardware.apply(step)) },
  });
}

/** Hardware steps of a component, changed on their way. */
export function changedSteps(change: (step: HardwareStep) => HardwareStep): (ports: ProcessPorts) => Partial<ProcessPorts> {
  return ({ hardware }) => (hardware === undefined ? {} : { hardware: { ...looks(hardware), watch: (listener) => hardware.watch(listener), apply: (step) => hardware.apply(change(step)) } });
}

/** Files that a component writes: some of the writes or removals never reach the disk. */
export function withoutFiles(which: (verb: 'replace' | 'create' | 'append' | 'remove', path: string) => boolean): (ports: ProcessPorts) => Partial<ProcessPorts> {
  return ({ files }) => (files === undefined ? {} : {
    files: {
      read: (path) => files.read(path),
      list: (folder) => files.list(folder),
      withLock: (path, work) => files.withLock(path, work),
      replace: async (path, text, options) => (which('replace', path) ? ok(undefined) : files.replace(path, text, options)),
      create: async (path, text, options) => (which('create', path) ? ok(undefined) : files.create(path, text, options)),
      append: async (path, text) => (which('append', path) ? ok(undefined) : files.append(path, text)),
      remove: async (path) => (which('remove', path) ? ok(undefined) : files.remove(path)),
    },
  });
}

/** What a component reads or is told of one kind, changed on its way. */
export function seeing(plural: string, change: (object: KubeObject) => KubeObject): (ports: ProcessPorts) => Partial<ProcessPorts> {
  // The change keeps the kind, and so the type.
  const as = <Type extends KubeObject>(object: Type): Type => change(object) as Type;
  return ({ kube }) => ({
    kube: kubeWith(kube, {
      get: async (resource, key) => (resource.plural === plural ? as(await kube.get(resource, key)) : kube.get(resource, key)),
      list: async (resource, options) => {
        const page = await kube.list(resource, options);
        return resource.plural === plural ? { ...page, items: page.items.map(as) } : page;
      },
      watch: (resource, options, sink) => kube.watch(resource, options, resource.plural !== plural ? sink : {
        event: (event) => sink.event(event.type === 'BOOKMARK' ? event : { ...event, object: as(event.object) }),
        end: (error) => sink.end(error),
      }),
    }),
  });
}

export function withAnnotations(object: KubeObject, annotations: Readonly<Record<string, string>>): KubeObject {
  return { ...object, metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, ...annotations } } };
}

/** What a patch sets an annotation to. */
export function annotation(patch: Readonly<Record<string, unknown>>, name: string): unknown {
  return (patch['metadata'] as { readonly annotations?: Readonly<Record<string, unknown>> } | undefined)?.annotations?.[name];
}

export const PREFIX = 'sriovnetwork.openshift.io';
export const CURRENT = `${PREFIX}/current-state`;

/** The daemon reads that what it would ask for was asked and granted. */
export function granted(ports: ProcessPorts, request: 'Drain_Required' | 'Reboot_Required'): Partial<ProcessPorts> {
  const states = seeing('sriovnetworknodestates', (state) => withAnnotations(state, { [CURRENT]: 'DrainComplete', [`${PREFIX}/desired-state`]: request }))(ports);
  return seeing('nodes', (node) => ({ ...withAnnotations(node, { [`${PREFIX}/state`]: request }), spec: { ...(node as KubeObject & { readonly spec?: object }).spec, unschedulable: true } }) as KubeObject)({ ...ports, ...states });
}

/** Both of two changes. */
export function both(first: PortWrapper, second: PortWrapper): PortWrapper {
  return (id, ports) => second(id, first(id, ports));
}

/** What a component sees of its hardware, changed. */
export function lookingAt(change: (inventory: Inventory) => Inventory): (ports: ProcessPorts) => Partial<ProcessPorts> {
  return ({ hardware }) => (hardware === undefined ? {} : {
    hardware: {
      apply: (step) => hardware.apply(step), watch: (listener) => hardware.watch(listener),
      discover: async () => {
        const seen = await hardware.discover();
        return seen.ok ? ok(change(seen.value)) : seen;
      },
      lookAtVf: async (device) => {
        const seen = await hardware.discover();
        return seen.ok ? ok(sightOfVf(change(seen.value), device)) : seen;
      },
    },
  });
}
