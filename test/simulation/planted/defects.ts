import type { HardwareStep, Inventory, KubeObject, PciAddress } from '@vfleet/core';
import { KubeError, ok, pciAddress } from '@vfleet/core';
import { nodeStates, pods } from '@vfleet/kube';
import type { PortWrapper } from '@vfleet/sim';
import { CURRENT, PREFIX, annotation, both, changedSteps, granted, kubeWith, lookingAt, on, patching, seeing, withAnnotations, withoutFiles, withoutSteps } from './wrappers.ts';

/** A mistake put into the system on purpose, by a wrapper around one port of one component, and the property that must catch it. */
export interface PlantedDefect {
  readonly name: string;
  /** What somebody might have got wrong, in one sentence. */
  readonly says: string;
  readonly scenario: string;
  /** It must be the first to see it. */
  readonly oracle: string;
  readonly wrap: PortWrapper;
}

/** Modelled on what users of SR-IOV operators report, and on the classes stale, unobserved and intermediate state. */
export const plantedDefects: readonly PlantedDefect[] = [
  {
    name: 'drain-granted-by-nobody', says: 'The config daemon takes every drain for granted and changes VFs under running pods.', scenario: 'numvfs-change-under-load', oracle: 'vfs-in-use',
    wrap: on('config-daemon', (ports) => granted(ports, 'Drain_Required')),
  },
  {
    name: 'eviction-does-nothing', says: 'The operator reports a drain as complete without evicting anybody.', scenario: 'numvfs-change-under-load', oracle: 'vfs-in-use',
    wrap: on('operator', ({ kube }) => ({ kube: kubeWith(kube, { evict: async () => undefined, list: async (resource, options) => (resource.plural === 'pods' ? { ...(await kube.list(resource, options)), items: [] } : kube.list(resource, options)) }) })),
  },
  {
    name: 'uncordon-of-a-foreign-cordon', says: 'The operator uncordons whatever it finds cordoned: an administrator\'s cordon is undone.', scenario: 'numvfs-change-under-load', oracle: 'admin-cordon',
    wrap: on('operator', (ports) => seeing('nodes', (node) => withAnnotations(node, { [`${PREFIX}/cordoned-for-drain`]: 'true' }))(ports)),
  },
  {
    name: 'attachment-record-never-removed', says: 'The record of an attachment stays after DEL.', scenario: 'pod-churn', oracle: 'no-leaks',
    wrap: on('attachment', withoutFiles((verb, path) => verb === 'remove' && path.startsWith('/var/lib/cni/vfleet/pods/'))),
  },
  {
    name: 'address-never-released', says: 'DEL does not give the address back: the range runs out.', scenario: 'pod-churn', oracle: 'no-leaks',
    wrap: on('attachment', withoutFiles((verb, path) => verb === 'remove' && path.startsWith('/var/lib/cni/networks/'))),
  },
  {
    name: 'vf-lost-in-no-namespace', says: 'DEL does not bring the VF back to the host.', scenario: 'pod-churn', oracle: 'no-leaks',
    wrap: on('attachment', changedSteps((step) => (step.kind === 'moveNetdev' && step.to === 'host' ? { ...step, to: step.from } : step))),
  },
  {
    name: 'address-not-remembered', says: 'A reservation of an address is not written, so that two pods get the same one.', scenario: 'pod-churn', oracle: 'vf-in-one-pod',
    wrap: on('attachment', withoutFiles((_, path) => path.startsWith('/var/lib/cni/networks/'))),
  },
  {
    name: 'unseen-is-gone', says: 'A network namespace that is not seen counts as gone.', scenario: 'pod-churn', oracle: 'pods-keep-vfs',
    wrap: on('attachment', ({ namespaces }) => (namespaces === undefined ? {} : {
      namespaces: {
        identify: (netns) => namespaces.identify(netns),
        look: async (netns, identity) => {
          const sight = await namespaces.look(netns, identity);
          return sight.kind === 'unknown' ? { kind: 'gone', evidence: sight.cause } : sight;
        },
      },
    })),
  },
  {
    name: 'wrong-vf-count', says: 'The daemon makes one VF fewer than asked for, and reads the wanted number back.', scenario: 'first-rollout', oracle: 'nodes-settle',
    wrap: on('config-daemon', changedSteps(oneFewer)),
  },
  {
    name: 'eswitch-mode-ignored', says: 'The mode of the eswitch is never changed, though that is reported.', scenario: 'switchdev-flip', oracle: 'drains-end',
    wrap: on('config-daemon', withoutSteps('setEswitchMode')),
  },
  {
    name: 'success-over-any-hardware', says: 'Whatever the daemon reports, it says Succeeded.', scenario: 'switchdev-flip', oracle: 'succeeded-is-true',
    wrap: on('config-daemon', (ports) => ({
      ...withoutSteps('setEswitchMode')(ports),
      ...patching('sriovnetworknodestates', (patch) => {
        const status = patch['status'] as Record<string, unknown> | undefined;
        const conditions = status?.['conditions'] as readonly { readonly type: string }[] | undefined;
        if (status === undefined) return patch;
        return { ...patch, status: { ...status, ...('syncStatus' in status ? { syncStatus: 'Succeeded' } : {}), ...(conditions === undefined ? {} : { conditions: conditions.map((one) => (one.type === 'Ready' ? { ...one, status: 'True' } : one)) }) } };
      })(ports),
    })),
  },
  {
    name: 'drain-over-budget', says: 'The operator takes the limit of a pool for twice of what it is.', scenario: 'api-outage', oracle: 'drain-budget',
    wrap: on('operator', seeing('sriovnetworkpoolconfigs', (pool) => ({ ...pool, spec: { maxUnavailable: '100%' } }) as KubeObject)),
  },
  {
    name: 'drain-never-ends', says: 'The operator never gives a node back after a drain.', scenario: 'numvfs-change-under-load', oracle: 'drains-end',
    wrap: on('operator', patching('sriovnetworknodestates', (patch) => (annotation(patch, CURRENT) === 'Idle' ? undefined : patch))),
  },
  {
    name: 'node-stays-cordoned', says: 'The operator forgets to uncordon after a drain.', scenario: 'numvfs-change-under-load', oracle: 'pods-run',
    wrap: on('operator', patching('nodes', (patch) => ((patch['spec'] as { readonly unschedulable?: unknown } | undefined)?.unschedulable === null ? undefined : patch))),
  },
  {
    name: 'reboot-granted-by-nobody', says: 'The config daemon takes every reboot for granted.', scenario: 'rolling-reboot', oracle: 'reboot-permission',
    wrap: on('config-daemon', (ports) => granted(ports, 'Reboot_Required')),
  },
  {
    name: 'kernel-arguments-lost', says: 'The arguments for the next boot are not written: the node would reboot for ever.', scenario: 'rolling-reboot', oracle: 'nodes-settle',
    wrap: on('config-daemon', ({ host }) => (host === undefined ? {} : { host: { facts: () => host.facts(), reboot: (reason) => host.reboot(reason), ensureKernelArguments: async () => ok(undefined) } })),
  },
  {
    name: 'driver-never-bound', says: 'The daemon reports VFs as bound to vfio-pci that are not.', scenario: 'rolling-reboot', oracle: 'drains-end',
    wrap: on('config-daemon', withoutSteps('bindDriver')),
  },
  {
    name: 'finalizer-never-removed', says: 'The operator forgets its finalizer on a network: its deletion hangs for ever.', scenario: 'pod-churn', oracle: 'no-leaks',
    wrap: on('operator', patching('sriovnetworks', (patch) => ('finalizers' in ((patch['metadata'] as object | undefined) ?? {}) && JSON.stringify(patch).includes('"finalizers":null') ? undefined : patch))),
  },
  {
    name: 'chatty-daemon', says: 'The daemon writes an annotation every minute, whether anything happened or not.', scenario: 'first-rollout', oracle: 'silence',
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
    name: 'deletions-unseen', says: 'The operator misses that a policy was deleted.', scenario: 'policy-conflict', oracle: 'views-agree',
    wrap: on('operator', ({ kube }) => ({
      kube: kubeWith(kube, {
        watch: (resource, options, sink) => kube.watch(resource, options, resource.plural !== 'sriovnetworknodepolicies' ? sink : { event: (event) => (event.type === 'DELETED' ? undefined : sink.event(event)), end: (error) => sink.end(error) }),
      }),
    })),
  },
  {
    name: 'attachment-without-journal', says: 'The attachment daemon changes a VF before it has written down that it will.', scenario: 'pod-churn', oracle: 'attached-is-allocated',
    wrap: on('attachment', withoutFiles((verb, path) => (verb === 'create' || verb === 'replace') && path.startsWith('/var/lib/cni/vfleet/vfs/'))),
  },
  {
    name: 'evictions-refused-for-ever', says: 'The operator takes every eviction for refused.', scenario: 'numvfs-change-under-load', oracle: 'drains-end',
    wrap: on('operator', ({ kube }) => ({ kube: kubeWith(kube, { evict: () => Promise.reject(new KubeError('TooManyRequests', 429, 'planted')) }) })),
  },
  {
    name: 'status-never-written', says: 'The daemon\'s reports are lost, and it takes them for written.', scenario: 'first-rollout', oracle: 'nodes-settle',
    wrap: on('config-daemon', patching('sriovnetworknodestates', (patch) => (patch['status'] === undefined ? patch : undefined))),
  },
  {
    name: 'program-error', says: 'A reconcile throws on an object that it does not expect.', scenario: 'first-rollout', oracle: 'program-error',
    wrap: on('operator', seeing('nodes', (node) => (node.metadata.name === 'node-1' ? ({ ...node, metadata: { ...node.metadata, labels: { get 'kubernetes.io/hostname'(): string { throw new TypeError('planted'); } } } }) : node))),
  },
  {
    name: 'external-pf-taken-over', says: 'The daemon overlooks that a PF is managed by somebody else.', scenario: 'externally-managed', oracle: 'foreign-pfs',
    wrap: on('config-daemon', seeing('sriovnetworknodestates', (state) => withInterfaces(state, (entry) => ({ ...entry, externallyManaged: false, numVfs: 5 })))),
  },
  {
    name: 'writes-are-believed', says: 'The daemon makes one VF fewer than asked for, and what it asked for is what it sees.', scenario: 'first-rollout', oracle: 'succeeded-is-true',
    wrap: both(on('config-daemon', changedSteps(oneFewer)), on('config-daemon', lookingAt(oneMore))),
  },
  {
    name: 'first-spec-for-ever', says: 'The daemon reports for the newest spec what it has done for the first one that it saw.', scenario: 'single-node', oracle: 'nodes-settle',
    wrap: on('config-daemon', (ports) => {
      const first = new Map<string, unknown>();
      return seeing('sriovnetworknodestates', (state) => {
        const { spec } = state as KubeObject & { readonly spec?: { readonly interfaces?: readonly object[] } };
        if (!first.has(state.metadata.name) && (spec?.interfaces ?? []).length > 0) first.set(state.metadata.name, spec);
        return { ...state, spec: first.get(state.metadata.name) ?? spec } as KubeObject;
      })(ports);
    }),
  },
  {
    name: 'retries-without-a-pause', says: 'A write that fails is repeated at once.', scenario: 'api-outage', oracle: 'hot-loop',
    wrap: on('operator', ({ kube }) => ({
      kube: kubeWith(kube, {
        patch: async (resource, key, patch, options) => {
          for (let attempt = 1; ; attempt++) {
            try {
              return await kube.patch(resource, key, patch, options);
            } catch (error) {
              if (attempt === 300) throw error;
            }
          }
        },
      }),
    })),
  },
  {
    name: 'reboot-forgotten', says: 'The reboot that was asked for and granted never happens.', scenario: 'rolling-reboot', oracle: 'drains-end',
    wrap: on('config-daemon', ({ host }) => (host === undefined ? {} : { host: { facts: () => host.facts(), ensureKernelArguments: (wanted) => host.ensureKernelArguments(wanted), reboot: async () => ok(undefined) } })),
  },
  {
    name: 'older-version-accepted', says: 'The operator takes the version before the newest one for the newest.', scenario: 'numvfs-change-under-load', oracle: 'views-agree',
    wrap: on('operator', ({ kube }) => {
      const before = new Map<string, KubeObject>();
      const older = <Type extends KubeObject>(object: Type): Type => {
        const known = before.get(object.metadata.name) ?? object;
        before.set(object.metadata.name, object);
        // Another version of the same object.
        return { ...known, metadata: object.metadata } as Type;
      };
      return {
        kube: kubeWith(kube, {
          watch: (resource, options, sink) => kube.watch(resource, options, resource.plural !== 'sriovnetworknodepolicies' ? sink : { event: (event) => sink.event(event.type === 'MODIFIED' ? { ...event, object: older(event.object) } : event), end: (error) => sink.end(error) }),
        }),
      };
    }),
  },
  {
    name: 'neighbour-attached', says: 'The attachment counts VFs from one: the pod gets the next one.', scenario: 'pod-churn', oracle: 'attached-is-allocated',
    wrap: on('attachment', changedSteps((step) => (step.kind === 'moveNetdev' && step.from === 'host' ? { ...step, device: next(step.device) } : step))),
  },
  {
    name: 'drained-without-cordon', says: 'The operator does not cordon what it drains: pods come back at once.', scenario: 'numvfs-change-under-load', oracle: 'hot-loop',
    wrap: on('operator', patching('nodes', (patch) => ((patch['spec'] as { readonly unschedulable?: unknown } | undefined)?.unschedulable === true ? undefined : patch))),
  },
  {
    name: 'device-forgotten', says: 'The device plugin leaves out the last VF of each PF.', scenario: 'first-rollout', oracle: 'ends-as-told',
    wrap: on('device-plugin', lookingAt((inventory) => ({ ...inventory, pfs: inventory.pfs.map((pf) => ({ ...pf, vfs: pf.vfs.slice(0, -1) })) }))),
  },
  {
    name: 'plugin-configuration-stale', says: 'The device plugin keeps the first configuration that it saw.', scenario: 'policy-conflict', oracle: 'same-end',
    wrap: on('device-plugin', (ports) => {
      const first = new Map<string, unknown>();
      return seeing('configmaps', (map) => {
        const { data } = map as KubeObject & { readonly data?: unknown };
        if (!first.has(map.metadata.name)) first.set(map.metadata.name, data);
        return { ...map, data: first.get(map.metadata.name) } as KubeObject;
      })(ports);
    }),
  },
  {
    name: 'deletes-instead-of-evicting', says: 'The operator deletes the pods that stand in its way, whatever protects them.', scenario: 'pdb-blocked-drain', oracle: 'evicts-only',
    wrap: on('operator', ({ kube }) => ({ kube: kubeWith(kube, { evict: (key) => kube.delete(pods, key).then(() => undefined) }) })),
  },
  {
    name: 'lost-lease-ignored', says: 'A replica that cannot renew its lease goes on leading.', scenario: 'operator-upgrade', oracle: 'one-leader',
    wrap: on('operator', ({ kube }) => ({
      kube: kubeWith(kube, {
        update: async (resource, object, options) => (resource.plural === 'leases' ? kube.update(resource, object, options).catch(() => object) : kube.update(resource, object, options)),
        get: async (resource, key) => (resource.plural === 'leases' ? { ...(await kube.get(resource, key)), spec: {} } : kube.get(resource, key)),
      }),
    })),
  },
];

interface SpecInterface {
  readonly externallyManaged?: boolean;
  readonly numVfs?: number;
}

function withInterfaces(state: KubeObject, change: (entry: SpecInterface) => SpecInterface): KubeObject {
  const { spec } = state as KubeObject & { readonly spec?: { readonly interfaces?: readonly SpecInterface[] } };
  return { ...state, spec: { ...spec, interfaces: (spec?.interfaces ?? []).map(change) } } as KubeObject;
}

function oneFewer(step: HardwareStep): HardwareStep {
  return step.kind === 'setNumVfs' && step.count > 1 ? { ...step, count: step.count - 1 } : step;
}

/** A VF that is not there, like the last one that is. */
function oneMore(inventory: Inventory): Inventory {
  return {
    ...inventory,
    pfs: inventory.pfs.map((pf) => {
      const last = pf.vfs.at(-1);
      return last === undefined ? pf : { ...pf, numVfs: pf.numVfs + 1, vfs: [...pf.vfs, { ...last, index: last.index + 1, pciAddress: next(last.pciAddress) }] };
    }),
  };
}

/** The address of the function after one. */
function next(address: PciAddress): PciAddress {
  const [slot, last] = [address.slice(0, -1), Number(address.at(-1))];
  return pciAddress(last < 7 ? `${slot}${last + 1}` : `${address.slice(0, 8)}${(Number.parseInt(address.slice(8, 10), 16) + 1).toString(16).padStart(2, '0')}.0`);
}
