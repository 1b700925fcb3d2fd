import type { HardwareStep, NetnsPath, PciAddress } from '@vfleet/core';
import type { KernelLinks } from '../links.ts';
import { decodeAddress, decodeRoute, encodeAddress, encodeGetAddresses, encodeGetRoutes, encodeRoute, isOwnAddress, isSetRoute, parsePrefix, samePrefix } from '../netlink/addresses.ts';
import type { InterfaceAddress, Prefix, Route } from '../netlink/addresses.ts';
import { hexBytes } from '../netlink/attributes.ts';
import { NLM } from '../netlink/message.ts';
import { RTM, encodeMove, encodeRename, encodeSetMac, encodeSetMtu, encodeSetUp } from '../netlink/link.ts';
import { failed, ofNetlink } from './outcome.ts';
import type { StepOutcome } from './outcome.ts';

/** rtnetlink on the interface of one PCI function, in the namespace that the step names. */

type LinkMessage = (index: number) => Uint8Array;

async function changeLink(links: KernelLinks, device: PciAddress, netns: NetnsPath, encode: LinkMessage, detail?: string): Promise<StepOutcome> {
  const link = await links.ofDevice(device, netns);
  if (!link.ok) return ofNetlink(link.error);
  const changed = await links.change(netns, RTM.newLink, encode(link.value.index));
  return changed.ok ? undefined : ofNetlink(changed.error, detail);
}

export function setMtu(links: KernelLinks, step: Extract<HardwareStep, { kind: 'setMtu' }>): Promise<StepOutcome> {
  if (!Number.isInteger(step.mtu) || step.mtu < 0 || step.mtu > 0x7fff_ffff) return Promise.resolve(failed('EINVAL', `MTU ${step.mtu}`));
  return changeLink(links, step.device, step.netns, (index) => encodeSetMtu(index, step.mtu), `MTU ${step.mtu}`);
}

export function setLink(links: KernelLinks, step: Extract<HardwareStep, { kind: 'setLink' }>): Promise<StepOutcome> {
  return changeLink(links, step.device, step.netns, (index) => encodeSetUp(index, step.up));
}

export function setNetdevMac(links: KernelLinks, step: Extract<HardwareStep, { kind: 'setNetdevMac' }>): Promise<StepOutcome> {
  const mac = hexBytes(step.mac);
  if (mac === undefined) return Promise.resolve(failed('EINVAL', step.mac));
  return changeLink(links, step.device, step.netns, (index) => encodeSetMac(index, mac), step.mac);
}

/** What the kernel takes as an interface name (net/core/dev.c dev_valid_name), which netlink's own length check would answer with ERANGE. */
function isInterfaceName(name: string): boolean {
  return name !== '' && new TextEncoder().encode(name).length <= 15 && name !== '.' && name !== '..' && !/[/:\s]/.test(name);
}

export async function renameNetdev(links: KernelLinks, device: PciAddress, netns: NetnsPath, name: string): Promise<StepOutcome> {
  if (!isInterfaceName(name)) return failed('EINVAL', name);
  const link = await links.ofDevice(device, netns);
  if (!link.ok) return ofNetlink(link.error);
  if (link.value.name === name) return undefined;
  const changed = await links.change(netns, RTM.newLink, encodeRename(link.value.index, name));
  return changed.ok ? undefined : ofNetlink(changed.error, name);
}

/** One message moves and renames: no name is visible in between that others could take. */
export async function moveNetdev(links: KernelLinks, step: Extract<HardwareStep, { kind: 'moveNetdev' }>): Promise<StepOutcome> {
  const { device, from, to, name } = step;
  if (name !== undefined && !isInterfaceName(name)) return failed('EINVAL', name);
  if (from === to) return name === undefined ? undefined : renameNetdev(links, device, from, name);
  const link = await links.ofDevice(device, from);
  if (!link.ok) return ofNetlink(link.error);
  const moved = await links.change(from, RTM.newLink, encodeMove(link.value.index, name), { targetNetns: to });
  return moved.ok ? undefined : ofNetlink(moved.error, `from ${from} to ${to}`);
}

interface WantedRoute {
  readonly destination: Prefix;
  readonly gateway: Uint8Array | undefined;
}

/** Makes the interface's addresses and routes those of the step: what is there already stays untouched. */
export async function setAddresses(links: KernelLinks, step: Extract<HardwareStep, { kind: 'setAddresses' }>): Promise<StepOutcome> {
  const addresses = step.addresses.map(parsePrefix);
  const routes = step.routes.map(parseRoute);
  if (addresses.some((address) => address === undefined) || routes.some((route) => route === undefined)) return failed('EINVAL', [...step.addresses, ...step.routes.map(({ dst }) => dst)].join(', '));
  // Asked together: of another namespace that is one message to the thread that may enter it.
  const [link, theirAddresses, theirRoutes] = await Promise.all([
    links.ofDevice(step.device, step.netns), links.ask(step.netns, 'route', RTM.getAddress, encodeGetAddresses(), decodeAddress, true), links.ask(step.netns, 'route', RTM.getRoute, encodeGetRoutes(), decodeRoute, true),
  ]);
  if (!link.ok) return ofNetlink(link.error);
  if (!theirAddresses.ok) return ofNetlink(theirAddresses.error);
  if (!theirRoutes.ok) return ofNetlink(theirRoutes.error);
  const change = new AddressChange(links, step.netns, link.value.index);
  return (await change.toAddresses(theirAddresses.value, addresses as readonly Prefix[])) ?? (await change.toRoutes(theirRoutes.value, routes as readonly WantedRoute[]));
}

function parseRoute(route: { readonly dst: string; readonly gw?: string }): WantedRoute | undefined {
  const destination = parsePrefix(route.dst);
  const gateway = route.gw === undefined ? undefined : parsePrefix(route.gw);
  if (destination === undefined || (route.gw !== undefined && (gateway === undefined || route.gw.includes('/')))) return undefined;
  return { destination, gateway: gateway?.bytes };
}

class AddressChange {
  readonly #links: KernelLinks;
  readonly #netns: NetnsPath;
  readonly #index: number;

  constructor(links: KernelLinks, netns: NetnsPath, index: number) {
    this.#links = links;
    this.#netns = netns;
    this.#index = index;
  }

  async toAddresses(all: readonly InterfaceAddress[], wanted: readonly Prefix[]): Promise<StepOutcome> {
    const there = all.filter((address) => address.index === this.#index && isOwnAddress(address));
    const stale = there.filter((address) => !wanted.some((other) => samePrefix(address, other)));
    const missing = wanted.filter((prefix) => !there.some((address) => samePrefix(address, prefix)));
    for (const address of stale) {
      const failure = await this.#change(RTM.deleteAddress, encodeAddress(this.#index, address), 0);
      // A first address takes its secondaries along when it goes.
      if (failure !== undefined && failure.failure !== 'EADDRNOTAVAIL') return failure;
    }
    for (const prefix of missing) {
      const failure = await this.#change(RTM.newAddress, encodeAddress(this.#index, prefix), NLM.create | NLM.replace);
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  /** `all`: as they were before the addresses were changed. */
  async toRoutes(all: readonly Route[], wanted: readonly WantedRoute[]): Promise<StepOutcome> {
    const same = (gateway: Uint8Array | undefined, other: Uint8Array | undefined) => Buffer.from(gateway ?? []).equals(Buffer.from(other ?? []));
    for (const route of all.filter((candidate) => candidate.outInterface === this.#index && isSetRoute(candidate))) {
      if (wanted.some(({ destination, gateway }) => samePrefix(destination, route.destination) && same(gateway, route.gateway))) continue;
      // It may have gone with its address.
      const failure = await this.#change(RTM.deleteRoute, encodeRoute(this.#index, route.destination, route.gateway), 0);
      if (failure !== undefined && failure.failure !== 'ESRCH') return failure;
    }
    for (const { destination, gateway } of wanted) {
      const failure = await this.#change(RTM.newRoute, encodeRoute(this.#index, destination, gateway), NLM.create | NLM.replace);
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  async #change(type: number, payload: Uint8Array, flags: number): Promise<StepOutcome> {
    const changed = await this.#links.change(this.#netns, type, payload, { flags });
    return changed.ok ? undefined : ofNetlink(changed.error);
  }
}
