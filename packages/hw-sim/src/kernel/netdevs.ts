import type { HardwareStep } from '@vfleet/core';
import { PfFlag, VfFlag } from '../model/columns.ts';
import { isMulticast, isZero, parseMac } from '../model/mac.ts';
import { isInterfaceName } from '../model/names.ts';
import { birthName, hasCarrier, isAdminUp, isNameTaken, netdevName, netnsOf, rareFor, rareOf } from '../model/netdev.ts';
import type { Device, NodeModel } from '../model/node-model.ts';
import type { Outcome } from '../model/operation.ts';
import { isHeard } from './vfs.ts';

/** rtnetlink on the interface of one device. Every call names the namespace it looks in; elsewhere the interface is not seen. */

function inNetns(node: NodeModel, device: Device, netns: string, effect: () => Outcome | Promise<Outcome>): Outcome | Promise<Outcome> {
  if (netns !== 'host' && !node.namespaces.has(netns)) return 'ENODEV';
  return netnsOf(node, device) === netns ? effect() : 'ENODEV';
}

export function setMtu(node: NodeModel, device: Device, netns: string, mtu: number): Outcome | Promise<Outcome> {
  return inNetns(node, device, netns, () => {
    const model = node.modelOf(device.pf);
    const maximum = device.vf < 0 ? model.maxMtu : model.vfMaxMtu;
    if (!Number.isInteger(mtu) || mtu < model.minMtu || mtu > maximum) return 'EINVAL';
    return node.afterOn(device.pf, node.fleet.draw(model.delays.netdevAttribute), () => {
      if (device.vf < 0) node.fleet.pfs.mtu[device.pf] = mtu;
      else node.fleet.vfs.mtu[device.vf] = mtu;
      announceChange(node, device);
      return 'ok';
    });
  });
}

export function setLink(node: NodeModel, device: Device, netns: string, up: boolean): Outcome | Promise<Outcome> {
  return inNetns(node, device, netns, () => {
    if (isAdminUp(node, device) === up) return 'ok';
    if (device.vf < 0) setPfLink(node, device, up);
    else setVfLink(node, device, up);
    announceChange(node, device);
    return 'ok';
  });
}

function setVfLink(node: NodeModel, device: Device, up: boolean): void {
  const { flags } = node.fleet.vfs;
  const before = hasCarrier(node, device);
  flags[device.vf] = up ? flags[device.vf]! | VfFlag.adminUp : flags[device.vf]! & ~VfFlag.adminUp;
  announceCarrier(node, device, before);
}

/** Carrier comes after link training and goes at once. */
function setPfLink(node: NodeModel, device: Device, up: boolean): void {
  node.setFlag(device.pf, PfFlag.adminUp, up);
  if (!up) setCarrier(node, device.pf, false);
  else if (node.hasFlag(device.pf, PfFlag.cable)) trainLink(node, device.pf);
}

/** Carrier after the time the PHY needs, if nothing changed meanwhile. */
export function trainLink(node: NodeModel, pf: number): void {
  const ready = (): Outcome => {
    const wanted = PfFlag.adminUp | PfFlag.cable;
    if ((node.fleet.pfs.flags[pf]! & wanted) === wanted) setCarrier(node, pf, true);
    return 'ok';
  };
  void node.afterOn(pf, node.fleet.draw(node.modelOf(pf).delays.linkTraining), ready);
}

/** Changes a port's carrier and tells of it, also for the interfaces that follow the port. */
export function setCarrier(node: NodeModel, pf: number, carrier: boolean): void {
  if (node.hasFlag(pf, PfFlag.carrier) === carrier) return;
  const followers = node.hasListeners ? linkFollowers(node, pf) : [];
  const before = followers.map((device) => hasCarrier(node, device));
  node.setFlag(pf, PfFlag.carrier, carrier);
  followers.forEach((device, position) => announceCarrier(node, device, before[position]!));
}

/** The port's own interface, and the host's view of those VFs' that are up. */
function linkFollowers(node: NodeModel, port: number): readonly Device[] {
  const { pfs, vfs } = node.fleet;
  const followers: Device[] = [];
  for (let pf = node.firstPf; pf < node.endPf; pf++) {
    if (pfs.portRow[pf] !== port) continue;
    followers.push({ pf, vf: -1, index: -1 });
    const first = pfs.firstVf[pf]!;
    for (let index = 0; index < pfs.numVfs[pf]!; index++) {
      if ((vfs.flags[first + index]! & VfFlag.adminUp) !== 0) followers.push({ pf, vf: first + index, index });
    }
  }
  return followers;
}

/** Something other than carrier changed. */
export function announceChange(node: NodeModel, device: Device): void {
  if (node.hasListeners) node.emit({ action: 'newlink', subsystem: 'rtnetlink', device: node.addressOf(device) });
}

function announceCarrier(node: NodeModel, device: Device, before: boolean): void {
  if (!node.hasListeners) return;
  const carrier = hasCarrier(node, device);
  if (carrier !== before) node.emit({ action: 'link', subsystem: 'rtnetlink', device: node.addressOf(device), carrier });
}

export function setNetdevMac(node: NodeModel, device: Device, netns: string, text: string): Outcome | Promise<Outcome> {
  return inNetns(node, device, netns, () => {
    const mac = parseMac(text);
    if (mac === undefined) return 'EINVAL';
    if (isMulticast(mac) || isZero(mac)) return 'EADDRNOTAVAIL';
    if (device.vf < 0) {
      rareFor(node, device).mac = text.toLowerCase();
      return 'ok';
    }
    const { vfs } = node.fleet;
    const { macRules } = node.modelOf(device.pf);
    const fixed = { high: vfs.adminMacHigh[device.vf]!, low: vfs.adminMacLow[device.vf]! };
    const overrides = !isZero(fixed) && (fixed.high !== mac.high || fixed.low !== mac.low);
    const trusted = macRules.trustedMayOverride && (vfs.flags[device.vf]! & VfFlag.trust) !== 0;
    if (overrides && isHeard(node, device.pf) && !trusted && macRules.override !== 'ok') return macRules.override;
    vfs.macHigh[device.vf] = mac.high;
    vfs.macLow[device.vf] = mac.low;
    return 'ok';
  });
}

/** Kernels from 6.2 rename interfaces that are up ("net/core: Allow live renaming when an interface is up"). */
export function renamesWhileUp(kernelVersion: string): boolean {
  const [major = 0, minor = 0] = kernelVersion.split('.').map((part) => parseInt(part, 10));
  return major > 6 || (major === 6 && minor >= 2);
}

export function renameNetdev(node: NodeModel, device: Device, netns: string, name: string): Outcome | Promise<Outcome> {
  return inNetns(node, device, netns, () => {
    if (netdevName(node, device) === name) return 'ok';
    // Names that rtnetlink's own policy refuses never come as far as the interface.
    if (!isInterfaceName(name)) return 'EINVAL';
    if (isAdminUp(node, device) && !renamesWhileUp(node.spec.kernelVersion)) return 'EBUSY';
    if (isNameTaken(node, netns, name)) return 'EEXIST';
    setName(node, device, name);
    if (node.hasListeners) node.emit({ action: 'move', subsystem: 'net', device: node.addressOf(device), name });
    return 'ok';
  });
}

function setName(node: NodeModel, device: Device, name: string): void {
  node.hasRenamedNetdevs = true;
  if (birthName(node, device) !== name) rareFor(node, device).name = name;
  else {
    const rare = rareOf(node, device);
    if (rare !== undefined) delete rare.name;
  }
}

export function addAltName(node: NodeModel, device: Device, netns: string, name: string): Outcome | Promise<Outcome> {
  return inNetns(node, device, netns, () => {
    // Alternative names may be longer: ALTIFNAMSIZ is 128 (include/uapi/linux/if.h).
    if (name === '' || name.length > 127 || /[/:\s]/.test(name)) return 'EINVAL';
    if (isNameTaken(node, netns, name)) return 'EEXIST';
    const rare = rareFor(node, device);
    rare.altNames = [...rare.altNames, name];
    return 'ok';
  });
}

export function removeAltName(node: NodeModel, device: Device, netns: string, name: string): Outcome | Promise<Outcome> {
  return inNetns(node, device, netns, () => {
    const rare = rareOf(node, device);
    if (rare?.altNames.includes(name) !== true) return 'ENOENT';
    rare.altNames = rare.altNames.filter((known) => known !== name);
    return 'ok';
  });
}

/**
 * IFLA_NET_NS_FD, with IFLA_IFNAME when `name` is given (net/core/dev.c dev_change_net_namespace): the interface goes down, its
 * addresses and routes are flushed, its MAC, MTU and alternative names stay.
 */
export function moveNetdev(node: NodeModel, device: Device, from: string, to: string, name: string | undefined): Outcome | Promise<Outcome> {
  return inNetns(node, device, from, () => {
    if (to !== 'host' && !node.openNetns(to)) return 'ENOENT';
    if (name !== undefined && !isInterfaceName(name)) return 'EINVAL';
    const arrives = name ?? netdevName(node, device);
    if (from !== to && collides(node, device, to, arrives)) return 'EEXIST';
    if (from === to) return name === undefined ? 'ok' : renameNetdev(node, device, from, name);
    return node.afterOn(device.pf, node.fleet.options.interfaces === 'real' ? 0 : node.fleet.draw(node.modelOf(device.pf).delays.moveNetdev), () => {
      if (netnsOf(node, device) !== from) return 'ENODEV';
      if (to !== 'host' && !node.namespaces.has(to)) return 'ENOENT';
      if (collides(node, device, to, arrives)) return 'EEXIST';
      place(node, device, to, arrives);
      return 'ok';
    });
  });
}

function collides(node: NodeModel, device: Device, netns: string, name: string): boolean {
  const altNames = rareOf(node, device)?.altNames ?? [];
  return [name, ...altNames].some((taken) => isNameTaken(node, netns, taken, device));
}

/** Puts an interface into a namespace without asking: its host's view is a removal or an addition. */
export function place(node: NodeModel, device: Device, netns: string, name: string): void {
  const rare = rareFor(node, device);
  const oldName = netdevName(node, device);
  const wasHost = rare.netns === undefined;
  if (device.vf < 0) {
    node.setFlag(device.pf, PfFlag.adminUp, false);
    setCarrier(node, device.pf, false);
  } else setVfLink(node, device, false);
  rare.addresses = [];
  rare.routes = [];
  node.hasRenamedNetdevs = true;
  if (netns === 'host') delete rare.netns;
  else rare.netns = netns;
  setName(node, device, name);
  if (!node.hasListeners) return;
  const address = node.addressOf(device);
  if (wasHost && netns !== 'host') node.emit({ action: 'remove', subsystem: 'net', device: address, name: oldName });
  if (!wasHost && netns === 'host') node.emit({ action: 'add', subsystem: 'net', device: address, name });
}

export type AddressStep = Pick<Extract<HardwareStep, { kind: 'setAddresses' }>, 'addresses' | 'routes'>;

const CIDR = /^(?:\d{1,3}(?:\.\d{1,3}){3}\/(?:\d|[12]\d|3[0-2])|[0-9a-f:]*:[0-9a-f:.]*\/(?:\d{1,2}|1[01]\d|12[0-8]))$/i;

/** Replaces the addresses and routes of an interface. */
export function setAddresses(node: NodeModel, device: Device, netns: string, wanted: AddressStep): Outcome | Promise<Outcome> {
  return inNetns(node, device, netns, () => {
    if (!wanted.addresses.every(isCidr) || !wanted.routes.every(({ dst }) => isCidr(dst))) return 'EINVAL';
    // ip route add answers ENETDOWN when the outgoing interface is down (net/ipv4/fib_semantics.c fib_check_nh).
    // A gateway is looked for first, and behind an interface that is down there is none.
    if (wanted.routes.length > 0 && !isAdminUp(node, device)) return wanted.routes[0]!.gw === undefined ? 'ENETDOWN' : 'ENETUNREACH';
    const rare = rareFor(node, device);
    rare.addresses = [...wanted.addresses];
    rare.routes = [...wanted.routes];
    return 'ok';
  });
}

/** An address with its prefix. */
export function isCidr(text: string): boolean {
  return CIDR.test(text) && text.split('/')[0]!.split('.').every((part) => part.includes(':') || Number(part) <= 255);
}
