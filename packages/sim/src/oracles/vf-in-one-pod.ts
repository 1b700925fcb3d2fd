import type { NetworkStatus } from '@vfleet/core';
import { podAnnotations } from '@vfleet/core';
import type { Pod } from '@vfleet/kube';
import { collections, isTerminal } from './cluster-view.ts';
import type { Oracle } from './oracle.ts';

/** Devices and addresses by what the pods' own network-status says, and devices by what kubelets have on disk. */
export const vfInOnePod: Oracle = {
  name: 'vf-in-one-pod',
  property: 'A VF, and an address of a network on one node, is never with two pods at a time.',
  watch({ holdings, view, violated }) {
    const claimsOf = new Map<string, readonly string[]>();
    const podOf = new Map<string, { readonly namespace: string; readonly name: string; readonly node: string }>();
    // A pod that somebody's finalizer keeps in the API after its kubelet has let go of it has nothing any more.
    const isOver = (uid: string) => {
      const known = podOf.get(uid);
      const pod = known === undefined ? undefined : view.pod(known.namespace, known.name);
      return pod?.metadata.uid === uid && pod.metadata.deletionTimestamp !== undefined && !holdings.of(known!.node).some((hold) => hold.uid === uid);
    };
    const owners = new Map<string, string>();
    const release = (uid: string) => {
      for (const claim of claimsOf.get(uid) ?? []) if (owners.get(claim) === uid) owners.delete(claim);
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
        for (const claim of claims) {
          const other = owners.get(claim);
          if (other !== undefined && other !== uid && !isOver(other)) violated([`pod/${pod.metadata.namespace}/${pod.metadata.name}`, `pod-uid/${other}`], `both have ${claim}`);
          owners.set(claim, uid);
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

function claimsIn(text: string, node: string): readonly string[] {
  const networks = JSON.parse(text) as readonly (NetworkStatus & { readonly 'device-info'?: { readonly pci?: { readonly 'pci-address'?: string } } })[];
  return networks.flatMap((network) => {
    const device = network['device-info']?.pci?.['pci-address'];
    return [...(device === undefined ? [] : [`${device} of ${node}`]), ...(network.ips ?? []).map((ip) => `${ip} of ${network.name} on ${node}`)];
  });
}
