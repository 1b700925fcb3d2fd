import type { NetworkStatus } from '@vfleet/core';
import { podAnnotations } from '@vfleet/core';
import type { Pod } from '@vfleet/kube';
import { collections, isTerminal } from './cluster-view.ts';
import type { Oracle } from './oracle.ts';

/** Devices and addresses by what the pods' own network-status says, and devices by what kubelets have on disk. */
export const vfInOnePod: Oracle = {
  name: 'vf-in-one-pod',
  property: 'A VF, and an address of a network on one node, is never with two pods at a time.',
  watch({ holdings, view, world, violated }) {
    const claimsOf = new Map<string, readonly Claim[]>();
    const podOf = new Map<string, { readonly namespace: string; readonly name: string; readonly node: string }>();
    // A pod that somebody's finalizer keeps in the API after its kubelet has let go of it has nothing any more.
    const isOver = (uid: string) => {
      const known = podOf.get(uid);
      const pod = known === undefined ? undefined : view.pod(known.namespace, known.name);
      return pod?.metadata.uid === uid && pod.metadata.deletionTimestamp !== undefined && !holdings.of(known!.node).some((hold) => hold.uid === uid);
    };
    // An address ends with the namespace that it was in, however long the VF's own way back takes after that: the pod's object stays until then.
    const isAddressGone = (uid: string, text: string) => {
      const known = podOf.get(uid);
      const pod = known === undefined ? undefined : view.pod(known.namespace, known.name);
      const device = claimsOf.get(uid)?.find((claim) => claim.text === text && claim.kind === 'address')?.device;
      if (pod?.metadata.deletionTimestamp === undefined || device === undefined) return false;
      const pfs = world.fleet.node(known!.node)?.inspect().pfs ?? [];
      return pfs.some(({ vfs }) => vfs.some((vf) => vf.pciAddress === device && vf.netdev !== undefined));
    };
    const owners = new Map<string, string>();
    const release = (uid: string) => {
      for (const { text } of claimsOf.get(uid) ?? []) if (owners.get(text) === uid) owners.delete(text);
      claimsOf.delete(uid);
      podOf.delete(uid);
    };
    return {
      commit(collection, { type, object, previous }) {
        if (collection !== collections.pods) return;
        // The collection holds pods.
        const pod = object as unknown as Pod;
        const uid = pod.metadata.uid!;
        if (type === 'DELETED' || isTerminal(pod)) return release(uid);
        const status = pod.metadata.annotations?.[podAnnotations.networkStatus];
        if (status === undefined || status === (previous as unknown as Pod | undefined)?.metadata.annotations?.[podAnnotations.networkStatus]) return;
        release(uid);
        const claims = claimsIn(status, pod.spec?.nodeName ?? '');
        for (const { text } of claims) {
          const other = owners.get(text);
          if (other !== undefined && other !== uid && !isOver(other) && !isAddressGone(other, text)) violated([`pod/${pod.metadata.namespace}/${pod.metadata.name}`, `pod-uid/${other}`], `both have ${text}`);
          owners.set(text, uid);
        }
        claimsOf.set(uid, claims);
        podOf.set(uid, { namespace: pod.metadata.namespace ?? '', name: pod.metadata.name, node: pod.spec?.nodeName ?? '' });
      },
      checkpoint(node) {
        const seen = new Map<string, string>();
        for (const hold of holdings.of(node)) {
          const other = seen.get(hold.device);
          if (other !== undefined && other !== hold.uid) violated([`node/${node}`, `pod/${hold.namespace}/${hold.pod}`], `the kubelet has given ${hold.device} to two pods`);
          seen.set(hold.device, hold.uid);
        }
      },
    };
  },
};

/** A device, or an address and the device that it is on, where one is told. */
interface Claim {
  readonly kind: 'device' | 'address';
  readonly text: string;
  readonly device?: string;
}

function claimsIn(text: string, node: string): readonly Claim[] {
  const networks = JSON.parse(text) as readonly (NetworkStatus & { readonly 'device-info'?: { readonly pci?: { readonly 'pci-address'?: string } } })[];
  return networks.flatMap((network): readonly Claim[] => {
    const device = network['device-info']?.pci?.['pci-address'];
    const addresses = (network.ips ?? []).map((ip) => ({ kind: 'address' as const, text: `${ip} of ${network.name} on ${node}`, ...(device === undefined ? {} : { device }) }));
    return [...(device === undefined ? [] : [{ kind: 'device' as const, text: `${device} of ${node}`, device }]), ...addresses];
  });
}
