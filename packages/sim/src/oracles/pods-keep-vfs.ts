import type { WorldNode } from '../world-node.ts';
import type { Oracle } from './oracle.ts';

/** Files of the attachment daemon: a sandbox' networks, and one VF of a sandbox. */
const RECORD = /^\/var\/lib\/cni\/vfleet\/(?:pods\/|vfs\/[^,/]+,)([^,/]+)(?:,[^/]+)?\.json$/;

/** Judged right before the attachment daemon's writes, by what the node's runtime has been told and has asked for. */
export const podsKeepVfs: Oracle = {
  name: 'pods-keep-vfs',
  property: 'Nothing is taken from a sandbox that the runtime has not called DEL for, while its pod exists and its interfaces are in it.',
  watch({ world, view, holdings, violated }) {
    /** A VF without an interface is with its pod as long as the driver is there by which the pod uses it. */
    const isIn = ({ hardware }: WorldNode, netns: string, devices: readonly string[]) =>
      hardware.interfaces(netns).some(({ device }) => devices.includes(device)) || hardware.inspect().pfs.some(({ vfs }) => vfs.some(({ pciAddress, driver }) => driver === 'vfio-pci' && devices.includes(pciAddress)));
    return {
      write({ id: { component, place } }, { to, verb, what, step }) {
        const node = component === 'attachment' ? world.node(place) : undefined;
        if (node === undefined) return;
        const from = step?.kind === 'moveNetdev' && step.to === 'host' ? step.from : undefined;
        const container = to === 'files' && verb === 'remove' ? RECORD.exec(what)?.[1] : undefined;
        if (from === undefined && container === undefined) return;
        const sandbox = node.attachedSandboxes().find(({ netns, containerId }) => netns === from || containerId === container);
        // The pod's object may go before its kubelet knows.
        if (sandbox === undefined || view.pod(sandbox.namespace, sandbox.name)?.metadata.uid !== sandbox.uid) return;
        // VFs that were unplugged, or removed with all of their PF, have left the sandbox by themselves, whether they came again or not.
        if (!isIn(node, sandbox.netns, holdings.of(place).flatMap(({ uid, device }) => (uid === sandbox.uid ? [device] : [])))) return;
        violated([`node/${place}`, `pod/${sandbox.namespace}/${sandbox.name}`], `${verb} ${what} while it runs`);
      },
    };
  },
};
