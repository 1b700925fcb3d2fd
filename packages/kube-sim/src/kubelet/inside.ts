import type { Netdev, NetworkStatus } from '@vfleet/core';
import type { Pod } from '@vfleet/kube';
import type { ContainerInside, InsideInterface, InsideRun } from '../inside/container-inside.ts';
import type { Container } from '../pods/requests.ts';
import type { ContainerRun, ContainerState, Sandbox } from './runtime.ts';

/** A device's interface in a network namespace. */
export interface PodInterface {
  /** PCI address. */
  readonly device: string;
  readonly netdev: Netdev;
  readonly addresses: readonly string[];
}

/** Interfaces of the node's NICs in a network namespace (`host`: the node's own). */
export type PodInterfaces = (netns: string) => readonly PodInterface[];

/** VXLAN takes 50 bytes of each packet: what flannel's bridge leaves of 1500. */
const CLUSTER_NETWORK_MTU = 1450;

const LOOPBACK: InsideInterface = { name: 'lo', link: 'loopback', isVeth: false, mac: '00:00:00:00:00:00', mtu: 65_536, up: true, carrier: true, addresses: ['127.0.0.1/8', '::1/128'] };

/** A container as programs in it see it. */
export function containerInside(pod: Pod, container: Container, state: ContainerState, sandbox: Sandbox, devices: readonly PodInterface[], nodeName: string): ContainerInside {
  return {
    hostname: sandbox.netns === 'host' ? nodeName : (pod.spec?.hostname ?? pod.metadata.name),
    environment: state.current.environment,
    interfaces: [LOOPBACK, ...interfacesOf(sandbox.networks, devices)],
    command: [...(container.command ?? []), ...(container.args ?? [])],
    run: runOf(state.current),
    ...(state.previous !== undefined && { previous: runOf(state.previous) }),
  };
}

function runOf({ id, startedAtMs, finishedAtMs }: ContainerRun): InsideRun {
  return { id, startedAtMs, ...(finishedAtMs !== undefined && { finishedAtMs }) };
}

/** What was attached, as the hardware has it now where it is hardware; then devices that nobody recorded. */
function interfacesOf(networks: readonly NetworkStatus[], devices: readonly PodInterface[]): readonly InsideInterface[] {
  const attached = networks.flatMap((network) => {
    const device = devices.find(({ netdev }) => netdev.name === network.interface);
    return device === undefined ? recorded(network) : [present(device, network)];
  });
  const names = new Set(networks.map((network) => network.interface));
  return [...attached, ...devices.filter(({ netdev }) => !names.has(netdev.name)).map((device) => present(device))];
}

function present({ device, netdev, addresses }: PodInterface, network?: NetworkStatus): InsideInterface {
  return {
    name: netdev.name, link: netdev.mac.length > 17 ? 'infiniband' : 'ether', isVeth: false, mac: netdev.mac, mtu: netdev.mtu, up: netdev.adminState === 'up', carrier: netdev.carrier,
    addresses: addresses.length > 0 ? addresses : (network?.ips ?? []), device,
  };
}

/** Only what its record says: the cluster network, and attachments on nodes whose NICs nobody can ask. Devices without a netdev have none. */
function recorded(network: NetworkStatus): readonly InsideInterface[] {
  if (network.interface === undefined || network.mac === undefined) return [];
  const isDefault = network.default === true;
  return [{
    name: network.interface, link: 'ether', isVeth: isDefault, mac: network.mac, mtu: network.mtu ?? (isDefault ? CLUSTER_NETWORK_MTU : 1500), up: true, carrier: true, addresses: network.ips ?? [],
  }];
}
