import type { HardwareStep, Kube, KubeObject } from '@vfleet/core';
import { KubeError, ok } from '@vfleet/core';
import { nodeStates } from '@vfleet/kube';
import type { PortWrapper, ProcessPorts } from '@vfleet/sim';

/** A mistake put into the system on purpose, by a wrapper around one port of one component, and the property that must catch it. */
export interface PlantedDefect {
  readonly name: string;
  /** What somebody might have got wrong, in one sentence. */
  readonly says: string;
  readonly scenario: string;
  /** Any of these may be first to see it. */
  readonly oracles: readonly string[];
  readonly wrap: PortWrapper;
}

type Kind = 'operator' | 'config-daemon' | 'device-plugin' | 'attachment';

/** Changes the ports of one component. */
function on(component: Kind, change: (ports: ProcessPorts) => Partial<ProcessPorts>): PortWrapper {
  return (id, ports) => (id.component === component ? { ...ports, ...change(ports) } : ports);
}

/** All of a client, with some methods in place of its own. */
function kubeWith(kube: Kube, methods: Partial<Kube>): Kube {
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
function patching(plural: string, change: (patch: Record<string, unknown>) => Record<string, unknown> | undefined): (ports: ProcessPorts) => Partial<ProcessPorts> {
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

/** Hardware steps of a component: left out, though reported as done. */
function withoutSteps(...kinds: readonly HardwareStep['kind'][]): (ports: ProcessPorts) => Partial<ProcessPorts> {
  return ({ hardware }) => (hardware === undefined ? {} : {
    hardware: { discover: () => hardware.discover(), watch: (listener) => hardware.watch(listener), apply: async (step) => (kinds.includes(step.kind) ? ok(undefined) : hardware.apply(step)) },
  });
}

/** Hardware steps of a component, changed on their way. */
function changedSteps(change: (step: HardwareStep) => HardwareStep): (ports: ProcessPorts) => Partial<ProcessPorts> {
  return ({ hardware }) => (hardware === undefined ? {} : { hardware: { discover: () => hardware.discover(), watch: (listener) => hardware.watch(listener), apply: (step) => hardware.apply(change(step)) } });
}

/** Files that a component writes: some of the writes or removals never reach the disk. */
function withoutFiles(which: (verb: 'replace' | 'create' | 'append' | 'remove', path: string) => boolean): (ports: ProcessPorts) => Partial<ProcessPorts> {
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
function seeing(plural: string, change: (object: KubeObject) => KubeObject): (ports: ProcessPorts) => Partial<ProcessPorts> {
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

function withAnnotations(object: KubeObject, annotations: Readonly<Record<string, string>>): KubeObject {
  return { ...object, metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, ...annotations } } };
}

/** What a patch sets an annotation to. */
function annotation(patch: Readonly<Record<string, unknown>>, name: string): unknown {
  return (patch['metadata'] as { readonly annotations?: Readonly<Record<string, unknown>> } | undefined)?.annotations?.[name];
}

const PREFIX = 'sriovnetwork.openshift.io';
const CURRENT = `${PREFIX}/current-state`;

/** The daemon reads that what it would ask for was asked and granted. */
function granted(ports: ProcessPorts, request: 'Drain_Required' | 'Reboot_Required'): Partial<ProcessPorts> {
  const states = seeing('sriovnetworknodestates', (state) => withAnnotations(state, { [CURRENT]: 'DrainComplete', [`${PREFIX}/desired-state`]: request }))(ports);
  return seeing('nodes', (node) => withAnnotations(node, { [`${PREFIX}/state`]: request }))({ ...ports, ...states });
}

/** Modelled on what users of SR-IOV operators report, and on the classes stale, unobserved and intermediate state. */
export const plantedDefects: readonly PlantedDefect[] = [
  {
    name: 'drain-granted-by-nobody', says: 'The config daemon takes every drain for granted and changes VFs under running pods.', scenario: 'numvfs-change-under-load', oracles: ['vfs-in-use'],
    wrap: on('config-daemon', (ports) => granted(ports, 'Drain_Required')),
  },
  {
    name: 'eviction-does-nothing', says: 'The operator reports a drain as complete without evicting anybody.', scenario: 'numvfs-change-under-load', oracles: ['vfs-in-use'],
    wrap: on('operator', ({ kube }) => ({ kube: kubeWith(kube, { evict: async () => undefined, list: async (resource, options) => (resource.plural === 'pods' ? { ...(await kube.list(resource, options)), items: [] } : kube.list(resource, options)) }) })),
  },
  {
    name: 'uncordon-of-a-foreign-cordon', says: 'The operator uncordons whatever it finds cordoned: an administrator\'s cordon is undone.', scenario: 'numvfs-change-under-load', oracles: ['admin-cordon'],
    wrap: on('operator', (ports) => seeing('nodes', (node) => withAnnotations(node, { [`${PREFIX}/cordoned-for-drain`]: 'true' }))(ports)),
  },
  {
    name: 'attachment-record-never-removed', says: 'The record of an attachment stays after DEL.', scenario: 'pod-churn', oracles: ['no-leaks', 'attached-is-allocated', 'convergence'],
    wrap: on('attachment', withoutFiles((verb, path) => verb === 'remove' && path.startsWith('/var/lib/cni/vfleet/pods/'))),
  },
  {
    name: 'address-never-released', says: 'DEL does not give the address back: the range runs out.', scenario: 'pod-churn', oracles: ['no-leaks', 'convergence'],
    wrap: on('attachment', withoutFiles((verb, path) => verb === 'remove' && path.startsWith('/var/lib/cni/networks/'))),
  },
  {
    name: 'vf-lost-in-no-namespace', says: 'DEL does not bring the VF back to the host.', scenario: 'pod-churn', oracles: ['convergence', 'attached-is-allocated', 'no-leaks', 'hot-loop'],
    wrap: on('attachment', changedSteps((step) => (step.kind === 'moveNetdev' && step.to === 'host' ? { ...step, to: step.from } : step))),
  },
  {
    name: 'address-not-remembered', says: 'A reservation of an address is not written, so that two pods get the same one.', scenario: 'pod-churn', oracles: ['vf-in-one-pod'],
    wrap: on('attachment', withoutFiles((_, path) => path.startsWith('/var/lib/cni/networks/'))),
  },
  {
    name: 'wrong-vf-count', says: 'The daemon makes one VF fewer than asked for, and reads the wanted number back.', scenario: 'first-rollout', oracles: ['convergence', 'succeeded-is-true', 'views-agree'],
    wrap: on('config-daemon', changedSteps((step) => (step.kind === 'setNumVfs' && step.count > 1 ? { ...step, count: step.count - 1 } : step))),
  },
  {
    name: 'eswitch-mode-ignored', says: 'The mode of the eswitch is never changed, though that is reported.', scenario: 'switchdev-flip', oracles: ['convergence', 'succeeded-is-true'],
    wrap: on('config-daemon', withoutSteps('setEswitchMode')),
  },
  {
    name: 'success-over-any-hardware', says: 'Whatever the daemon reports, it says Succeeded.', scenario: 'switchdev-flip', oracles: ['convergence', 'succeeded-is-true', 'silence', 'vfs-in-use', 'views-agree', 'hot-loop'],
    wrap: on('config-daemon', (ports) => ({
      ...withoutSteps('setEswitchMode')(ports),
      ...patching('sriovnetworknodestates', (patch) => {
        const status = patch['status'] as Record<string, unknown> | undefined;
        return status?.['syncStatus'] === undefined ? patch : { ...patch, status: { ...status, syncStatus: 'Succeeded' } };
      })(ports),
    })),
  },
  {
    name: 'drain-over-budget', says: 'The operator takes the limit of a pool for twice of what it is.', scenario: 'api-outage', oracles: ['drain-budget'],
    wrap: on('operator', seeing('sriovnetworkpoolconfigs', (pool) => ({ ...pool, spec: { maxUnavailable: '100%' } }) as KubeObject)),
  },
  {
    name: 'drain-never-ends', says: 'The operator never gives a node back after a drain.', scenario: 'numvfs-change-under-load', oracles: ['convergence', 'hot-loop'],
    wrap: on('operator', patching('sriovnetworknodestates', (patch) => (annotation(patch, CURRENT) === 'Idle' ? undefined : patch))),
  },
  {
    name: 'node-stays-cordoned', says: 'The operator forgets to uncordon after a drain.', scenario: 'numvfs-change-under-load', oracles: ['convergence', 'hot-loop', 'silence'],
    wrap: on('operator', patching('nodes', (patch) => ((patch['spec'] as { readonly unschedulable?: unknown } | undefined)?.unschedulable === null ? undefined : patch))),
  },
  {
    name: 'reboot-granted-by-nobody', says: 'The config daemon takes every reboot for granted.', scenario: 'rolling-reboot', oracles: ['reboot-permission', 'vfs-in-use'],
    wrap: on('config-daemon', (ports) => granted(ports, 'Reboot_Required')),
  },
  {
    name: 'kernel-arguments-lost', says: 'The arguments for the next boot are not written: the node would reboot for ever.', scenario: 'rolling-reboot', oracles: ['convergence'],
    wrap: on('config-daemon', ({ host }) => (host === undefined ? {} : { host: { facts: () => host.facts(), reboot: (reason) => host.reboot(reason), ensureKernelArguments: async () => ok(undefined) } })),
  },
  {
    name: 'driver-never-bound', says: 'The daemon reports VFs as bound to vfio-pci that are not.', scenario: 'rolling-reboot', oracles: ['convergence', 'succeeded-is-true'],
    wrap: on('config-daemon', withoutSteps('bindDriver')),
  },
  {
    name: 'devices-listed-too-early', says: 'The device plugin does not wait for the config daemon: pods get VFs that are being configured.', scenario: 'switchdev-flip', oracles: ['vfs-in-use', 'attached-is-allocated', 'convergence'],
    wrap: on('device-plugin', seeing('sriovnetworknodestates', (state) => ({ ...state, spec: {}, status: {} }) as KubeObject)),
  },
  {
    name: 'finalizer-never-removed', says: 'The operator forgets its finalizer on a network: its deletion hangs for ever.', scenario: 'pod-churn', oracles: ['no-leaks', 'convergence', 'hot-loop'],
    wrap: on('operator', patching('sriovnetworks', (patch) => ('finalizers' in ((patch['metadata'] as object | undefined) ?? {}) && JSON.stringify(patch).includes('"finalizers":null') ? undefined : patch))),
  },
  {
    name: 'chatty-daemon', says: 'The daemon writes an annotation every minute, whether anything happened or not.', scenario: 'first-rollout', oracles: ['silence'],
    wrap: on('config-daemon', (ports) => {
      const { clock, kube } = ports;
      let beats = 0;
      const beat = () => {
        clock.setTimer(60_000, () => {
          beat();
          void kube.list(nodeStates).then(({ items: [first] }) => first === undefined ? undefined : kube.patch(nodeStates, { namespace: first.metadata.namespace!, name: first.metadata.name }, { type: 'merge', patch: { metadata: { annotations: { beat: String(++beats) } } } })).catch(() => undefined);
        });
      };
      beat();
      return {};
    }),
  },
  {
    name: 'deletions-unseen', says: 'The operator misses that a policy was deleted.', scenario: 'policy-conflict', oracles: ['views-agree', 'convergence', 'expectation'],
    wrap: on('operator', ({ kube }) => ({
      kube: kubeWith(kube, {
        watch: (resource, options, sink) => kube.watch(resource, options, resource.plural !== 'sriovnetworknodepolicies' ? sink : { event: (event) => (event.type === 'DELETED' ? undefined : sink.event(event)), end: (error) => sink.end(error) }),
      }),
    })),
  },
  {
    name: 'attachment-without-journal', says: 'The attachment daemon changes a VF before it has written down that it will.', scenario: 'pod-churn', oracles: ['attached-is-allocated', 'convergence', 'no-leaks', 'hot-loop'],
    wrap: on('attachment', withoutFiles((verb, path) => (verb === 'create' || verb === 'replace') && path.startsWith('/var/lib/cni/vfleet/vfs/'))),
  },
  {
    name: 'evictions-refused-for-ever', says: 'The operator takes every eviction for refused.', scenario: 'numvfs-change-under-load', oracles: ['convergence'],
    wrap: on('operator', ({ kube }) => ({ kube: kubeWith(kube, { evict: () => Promise.reject(new KubeError('TooManyRequests', 429, 'planted')) }) })),
  },
  {
    name: 'status-never-written', says: 'The daemon\'s reports are lost, and it takes them for written.', scenario: 'first-rollout', oracles: ['convergence', 'hot-loop'],
    wrap: on('config-daemon', patching('sriovnetworknodestates', (patch) => (patch['status'] === undefined ? patch : undefined))),
  },
  {
    name: 'program-error', says: 'A reconcile throws on an object that it does not expect.', scenario: 'first-rollout', oracles: ['program-error'],
    wrap: on('operator', seeing('nodes', (node) => (node.metadata.name === 'node-1' ? ({ ...node, metadata: { ...node.metadata, labels: { get 'kubernetes.io/hostname'(): string { throw new TypeError('planted'); } } } }) : node))),
  },
];
