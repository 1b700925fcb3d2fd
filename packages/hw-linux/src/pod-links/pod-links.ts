import { errnoName, fail, hardwareError, ok } from '@vfleet/core';
import type { HardwareError, Netdev, NetnsPath, PciAddress, Result } from '@vfleet/core';
import type { HostPort, HostPortChange, PodLink, PodLinks } from '@vfleet/core/ports/pod-links.ts';
import type { KernelLinks } from '../links.ts';
import { decodeAddress, decodeRoute, encodeGetAddresses, encodeGetRoutes, isOwnAddress, isSetRoute, parsePrefix } from '../netlink/addresses.ts';
import type { InterfaceAddress } from '../netlink/addresses.ts';
import { attribute, bytesOf, hexBytes, u32 } from '../netlink/attributes.ts';
import type { NetlinkFailure } from '../netlink/exchange.ts';
import { RTM, encodeSetMtu, encodeSetUp, linkHeader } from '../netlink/link.ts';
import type { Link } from '../netlink/link.ts';
import { announcement } from './announcements.ts';

const ENODEV = 19;
const ENOENT = 2;
const ENXIO = 6;
const EEXIST = 17;
const ENETDOWN = 100;
const IFLA_MASTER = 10;
/** IFA_F_TENTATIVE (include/uapi/linux/if_addr.h): nobody may be told of the address yet. */
const TENTATIVE = 0x40;

/** 0, or the errno. */
type SendFrames = (netns: NetnsPath, index: number, frames: readonly Uint8Array[]) => Promise<number>;

type Asked<Value> = Promise<Result<Value, HardwareError>>;

/** Pods' interfaces on this machine, through the netlink sockets of its backend; frames go out through a packet socket. */
export class LinuxPodLinks implements PodLinks {
  readonly #links: KernelLinks;
  readonly #send: SendFrames;

  constructor(links: KernelLinks, send: SendFrames = (netns, index, frames) => links.sendFrames(netns, index, frames)) {
    this.#links = links;
    this.#send = send;
  }

  async look(device: PciAddress, netns: NetnsPath): Asked<PodLink | undefined> {
    const [link, all, routes] = await Promise.all([this.#links.ofDevice(device, netns), this.#addresses(netns), this.#links.ask(netns, 'route', RTM.getRoute, encodeGetRoutes(), decodeRoute, true)]);
    if (!link.ok) return isGone(link.error) ? ok(undefined) : failed(device, link.error);
    if (!all.ok) return failed(device, all.error);
    if (!routes.ok) return failed(device, routes.error);
    const addresses = all.value.filter(({ address }) => address.index === link.value.index);
    return ok({
      netdev: netdevOf(link.value),
      addresses: addresses.filter(({ address }) => isOwnAddress(address)).map(({ address }) => `${textOf(address.bytes)}/${address.length}`),
      routes: routes.value.filter((route) => route.outInterface === link.value.index && isSetRoute(route)).map(({ destination, gateway }) => ({
        dst: `${textOf(destination.bytes)}/${destination.length}`, ...(gateway === undefined ? {} : { gw: textOf(gateway) }),
      })),
    });
  }

  async setAltNames(device: PciAddress, netns: NetnsPath, names: readonly string[]): Asked<void> {
    const link = await this.#links.ofDevice(device, netns);
    if (!link.ok) return failed(device, link.error);
    const { altNames } = link.value;
    for (const name of altNames.filter((one) => !names.includes(one))) {
      const removed = await this.#links.removeAltName(device, netns, name);
      // Somebody, udev say, was faster.
      if (!removed.ok && removed.error.errno !== ENOENT) return failed(device, removed.error);
    }
    for (const name of names.filter((one) => !altNames.includes(one))) {
      const added = await this.#links.addAltName(device, netns, name);
      if (!added.ok && added.error.errno !== EEXIST) return failed(device, added.error);
    }
    return ok(undefined);
  }

  async announce(device: PciAddress, netns: NetnsPath, addresses: readonly string[]): Asked<'announced' | 'notYet' | 'gone'> {
    const link = await this.#links.ofDevice(device, netns);
    if (!link.ok) return isGone(link.error) ? ok('gone') : failed(device, link.error);
    const mac = hexBytes(link.value.mac);
    // InfiniBand announces itself otherwise.
    if (mac?.length !== 6) return ok('announced');
    if (!link.value.up || !link.value.carrier) return ok('notYet');
    const there = await this.#addresses(netns);
    if (!there.ok) return failed(device, there.error);
    const { index } = link.value;
    const wanted = addresses.flatMap((text) => parsePrefix(text) ?? []);
    const tentative = there.value.some(({ address, flags }) => address.index === index && (flags & TENTATIVE) !== 0 && wanted.some(({ bytes }) => Buffer.from(bytes).equals(address.bytes)));
    if (tentative) return ok('notYet');
    const errno = await this.#send(netns, index, wanted.map((address) => announcement(address, mac)));
    if (errno === 0) return ok('announced');
    return errno === ENETDOWN ? ok('notYet') : errno === ENXIO || errno === ENODEV || errno === ENOENT ? ok('gone') : failed(device, { errno });
  }

  async port(name: string): Asked<HostPort | undefined> {
    const found = await this.#named(name);
    if (!found.ok) return failed('host', found.error);
    const { link, all } = found.value;
    if (link === undefined) return ok(undefined);
    const master = all.find(({ index }) => index === link.master)?.name;
    return ok({ up: link.up, mtu: link.mtu, ...(master === undefined ? {} : { master }) });
  }

  async setPort(name: string, { up, mtu, master }: HostPortChange): Asked<void> {
    const found = await this.#named(name);
    if (!found.ok) return failed('host', found.error);
    const { link, all } = found.value;
    const bridge = typeof master === 'string' ? all.find((one) => one.name === master) : undefined;
    if (link === undefined || (typeof master === 'string' && bridge === undefined)) return failed('host', { errno: ENODEV, says: link === undefined ? name : String(master) });
    const changes = [
      ...(mtu === undefined || mtu === link.mtu ? [] : [encodeSetMtu(link.index, mtu)]),
      ...(master === undefined || (bridge?.index ?? 0) === (link.master ?? 0) ? [] : [bytesOf(linkHeader(link.index), attribute(IFLA_MASTER, u32(bridge?.index ?? 0)))]),
      ...(up === undefined || up === link.up ? [] : [encodeSetUp(link.index, up)]),
    ];
    for (const change of changes) {
      const changed = await this.#links.change('host', RTM.newLink, change);
      if (!changed.ok) return failed('host', { ...changed.error, says: [name, changed.error.says].filter((part) => part !== undefined).join('; ') });
    }
    return ok(undefined);
  }

  async #named(name: string): Promise<Result<{ readonly link: Link | undefined; readonly all: readonly Link[] }, NetlinkFailure>> {
    const all = await this.#links.list('host');
    return all.ok ? ok({ link: all.value.find((link) => link.name === name), all: all.value }) : all;
  }

  #addresses(netns: NetnsPath): Promise<Result<readonly { readonly address: InterfaceAddress; readonly flags: number }[], NetlinkFailure>> {
    // The flags of a tentative address fit into the header's one byte.
    return this.#links.ask(netns, 'route', RTM.getAddress, encodeGetAddresses(), (payload) => ({ address: decodeAddress(payload), flags: payload[2] ?? 0 }), true);
  }
}

function isGone({ errno }: NetlinkFailure): boolean {
  return errno === ENODEV || errno === ENOENT;
}

function failed(device: PciAddress | 'host', { errno, says }: NetlinkFailure): { readonly ok: false; readonly error: HardwareError } {
  return fail(hardwareError({ operation: 'discover', failure: errnoName(errno) ?? 'EIO', device, ...(says === undefined ? {} : { detail: says }) }));
}

function netdevOf(link: Link): Netdev {
  return { name: link.name, altNames: link.altNames, mac: link.mac, mtu: link.mtu, adminState: link.up ? 'up' : 'down', carrier: link.carrier };
}

/** IPv6 in full: whoever compares reads it first. */
function textOf(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  return Buffer.from(bytes).toString('hex').match(/.{4}/g)?.join(':') ?? '';
}
