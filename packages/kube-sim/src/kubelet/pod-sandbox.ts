import { podAnnotations } from '@vfleet/core';
import type { AttachFailure, NetworkStatus, PodSandbox } from '@vfleet/core';
import { objectKey, pods } from '@vfleet/kube';
import type { Pod } from '@vfleet/kube';
import { addedInterfaceMessage, networkStatusText } from '@vfleet/kube/helpers/network-status.ts';
import { macOf } from './pod-addresses.ts';
import type { PodContext } from './pod-context.ts';
import type { Sandbox } from './runtime.ts';

/** The cluster network's name in the paper's transcripts: flannel's bridge. */
const CLUSTER_NETWORK = 'cbr0';

/** Makes a pod's network namespace with eth0 and everything its annotations ask for. A cause when that failed; nothing is left behind then. */
export async function createSandbox(context: PodContext, pod: Pod): Promise<Sandbox | { readonly cause: string }> {
  const { runtime, addresses, ports } = context;
  const identity = { podUid: pod.metadata.uid!, namespace: pod.metadata.namespace ?? '', name: pod.metadata.name, id: runtime.newId() };
  if (pod.spec?.hostNetwork === true) return keep(context, { ...identity, netns: 'host', networks: [] });

  const address = addresses.take();
  if (address === undefined) return { cause: `plugin type="bridge" failed (add): failed to allocate for range 0: no IP addresses available in range set of ${context.node.podCidr}` };
  const netns = `/var/run/netns/cni-${ports.random.uuid()}`;
  const request = attachRequest(context, pod, { ...identity, netns });
  const caller = context.incarnation();
  runtime.beginSandbox({ ...identity, netns, networks: [] });
  const attached = await ports.podNetworks.attach(request);
  if (attached.ok && context.incarnation() === caller && runtime.endSandbox(identity.id)) {
    for (const network of [eth0(context, address), ...attached.value]) context.networkRecorder.record('Normal', pod, 'AddedInterface', addedInterfaceMessage(network));
    const networks = [eth0(context, address), ...attached.value];
    return keep(context, { ...identity, netns, address, networks });
  }
  addresses.give(address);
  if (attached.ok) {
    // Whoever asked is gone. A new kubelet makes a sandbox of its own and has this one removed.
    context.detachLater(identity.id);
    return { cause: 'the kubelet or the node went down while the networks of the sandbox were set up' };
  }
  // Runtimes call DEL after a failed ADD, and keep the sandbox until that has worked.
  const detached = await ports.podNetworks.detach(request);
  if (detached.ok) runtime.endSandbox(identity.id);
  else context.detachLater(identity.id);
  return { cause: sandboxCause(pod, identity.id, attached.error) };
}

function keep(context: PodContext, sandbox: Sandbox): Sandbox {
  context.runtime.addSandbox(sandbox);
  return sandbox;
}

function attachRequest({ devices }: PodContext, pod: Pod, sandbox: { readonly podUid: string; readonly id: string; readonly netns: string }): PodSandbox {
  return {
    namespace: pod.metadata.namespace ?? '', name: pod.metadata.name, uid: sandbox.podUid, containerId: sandbox.id, netns: sandbox.netns,
    annotations: pod.metadata.annotations ?? {},
    devices: devices.devicesOf(sandbox.podUid)?.containers ?? [],
  };
}

function eth0({ addresses }: PodContext, address: string): NetworkStatus {
  return { name: CLUSTER_NETWORK, interface: 'eth0', ips: [`${address}/${addresses.prefixLength}`], mac: macOf(address), default: true, dns: {}, gateway: [addresses.gateway] };
}

function sandboxCause({ metadata: { namespace, name, uid } }: Pod, id: string, { cause, remedy }: AttachFailure): string {
  return `rpc error: code = Unknown desc = failed to setup network for sandbox "${id}": plugin type="multus" name="multus-cni-network" failed (add): `
    + `[${namespace}/${name}/${uid}]: ${sentences(cause, remedy)}`;
}

/** Some causes end with their own full stop, and some remedies go on with the sentence. */
function sentences(cause: string, remedy: string): string {
  if (remedy === '') return cause;
  return `${cause}${/[.!?]$/.test(cause) ? '' : /^[a-z]/.test(remedy) ? ';' : '.'} ${remedy}`;
}

/** Gives the pod's networks and address back. A cause when an attachment could not be undone: try again. */
export async function removeSandbox(context: PodContext, podUid: string): Promise<string | undefined> {
  const sandbox = context.runtime.sandbox(podUid);
  if (sandbox === undefined) return undefined;
  const cause = await detach(context, sandbox);
  if (cause !== undefined) return cause;
  if (sandbox.address !== undefined) context.addresses.give(sandbox.address);
  context.runtime.removeSandbox(podUid);
  return undefined;
}

/** CNI DEL for a sandbox; also for one whose namespace a reboot has taken. */
export async function detach({ ports }: Pick<PodContext, 'ports'>, { podUid, namespace, name, id, netns }: Sandbox): Promise<string | undefined> {
  if (netns === 'host') return undefined;
  const detached = await ports.podNetworks.detach({ namespace, name, uid: podUid, containerId: id, netns });
  return detached.ok ? undefined : `failed to destroy network for sandbox "${id}": ${detached.error.cause}`;
}

/** Writes what is attached into the pod's annotations, unless it is there. */
export async function annotateNetworks({ ports }: PodContext, pod: Pod, sandbox: Sandbox): Promise<void> {
  if (sandbox.networks.length === 0) return;
  const text = networkStatusText(sandbox.networks);
  if (pod.metadata.annotations?.[podAnnotations.networkStatus] === text) return;
  const patch = { metadata: { uid: pod.metadata.uid, annotations: { [podAnnotations.networkStatus]: text } } };
  await ports.kube.patch(pods, objectKey(pod), { type: 'merge', patch });
}
