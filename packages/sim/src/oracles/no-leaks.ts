import { MemFiles } from '@vfleet/core';
import type { Pod } from '@vfleet/kube';
import type { WorldNode } from '../world-node.ts';
import type { Oracle } from './oracle.ts';

export const noLeaks: Oracle = {
  name: 'no-leaks',
  lasting: true,
  property: 'At rest no address, attachment record, device or finalizer belongs to a pod or object that is gone.',
  watch({ world, view, holdings, violated }) {
    return {
      async atRest() {
        const byNode = new Map<string, Pod[]>();
        for (const pod of view.pods()) byNode.set(pod.spec?.nodeName ?? '', [...(byNode.get(pod.spec?.nodeName ?? '') ?? []), pod]);
        for (const node of world.nodes()) await checkNode(node, byNode.get(node.name) ?? []);
        for (const object of deleting()) violated([object], 'has been deleted, but a finalizer keeps it');
      },
    };

    async function checkNode(node: WorldNode, pods: readonly Pod[]): Promise<void> {
      const live = new Set(pods.flatMap((pod) => node.kubelet?.describePod(pod.metadata.uid!)?.sandboxId ?? []));
      const uids = new Set(pods.map(({ metadata }) => metadata.uid!));
      for (const path of node.files instanceof MemFiles ? node.files.paths() : []) {
        const owner = await ownerOf(node, path);
        if (owner !== undefined && !live.has(owner)) violated([`node/${node.name}`], `${path} belongs to sandbox ${owner.slice(0, 13)}, which is gone`);
      }
      for (const hold of holdings.of(node.name)) if (!uids.has(hold.uid)) violated([`node/${node.name}`, `pod/${hold.namespace}/${hold.pod}`], `the kubelet keeps ${hold.device} for a pod that is gone`);
    }

    function deleting(): readonly string[] {
      const found: string[] = [];
      for (const resource of world.apiServer.core.registry.all()) {
        for (const { metadata } of view.all<{ readonly metadata: { readonly name: string; readonly deletionTimestamp?: string } }>(resource.storage)) if (metadata.deletionTimestamp !== undefined) found.push(`${resource.plural}/${metadata.name}`);
      }
      return found;
    }
  },
};

/** The sandbox that a file of the CNI belongs to; undefined for files that belong to none. */
async function ownerOf(node: WorldNode, path: string): Promise<string | undefined> {
  const record = /^\/var\/lib\/cni\/vfleet\/.*\/[0-9a-f:.]+,([^,/]+),[^/]+\.json$/.exec(path) ?? /^\/var\/lib\/cni\/vfleet\/pods\/([^/]+)\.json$/.exec(path);
  if (record !== null) return record[1];
  // host-local's reservations are named by address and hold the container's id.
  if (!/^\/var\/lib\/cni\/networks\/[^/]+\/[0-9a-f:.]+$/.test(path)) return undefined;
  const text = await node.files.read(path);
  return text.ok ? text.value.split('\r\n')[0] : undefined;
}
