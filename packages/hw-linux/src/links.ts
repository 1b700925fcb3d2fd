import type { NetnsPath, PciAddress, Result, VfChange } from '@vfleet/core';
import { fail, ok } from '@vfleet/core';
import type { Netlink } from './kernel-thread/kernel-thread.ts';
import type { NetlinkProtocol } from './kernel-thread/netlink-socket.ts';
import { MalformedMessage } from './netlink/attributes.ts';
import type { NetlinkAnswer, NetlinkFailure } from './netlink/exchange.ts';
import { CONTROL_FAMILY, decodeFamily, encodeGetFamily } from './netlink/generic.ts';
import { RTM, decodeLink, encodeAltName, encodeGetLink, encodeGetLinkNamed, encodeGetLinks } from './netlink/link.ts';
import { VfMessageRoom, encodeSetVfs, putIndex } from './netlink/vf-message.ts';
import type { Link } from './netlink/link.ts';

const EPROTO = 71;
const ENODEV = 19;
const ENOENT = 2;

/** How many VFs were in the message, and why the kernel refused it, when it did. */
export interface VfsChanged {
  readonly count: number;
  readonly refused: NetlinkFailure | undefined;
}

/** Netlink as values: what is asked, decoded, or why not. */
export class KernelLinks {
  readonly #netlink: Netlink;
  readonly #deviceOf: (link: Link) => string | undefined;
  readonly #families = new Map<string, number>();
  /** Where the host's interfaces of devices were seen last. */
  readonly #indexes = new Map<PciAddress, number>();
  /** Of messages about VFs, as many as there were under way at a time. */
  readonly #rooms: VfMessageRoom[] = [];

  /** `deviceOf` tells whose a link is, where the kernel's own word is not what counts. */
  constructor(netlink: Netlink, deviceOf: (link: Link) => string | undefined = pciParent) {
    this.#netlink = netlink;
    this.#deviceOf = deviceOf;
  }

  /** A change; done when the kernel acknowledged it. */
  async change(netns: NetnsPath, type: number, payload: Uint8Array, options: { readonly flags?: number; readonly targetNetns?: NetnsPath; readonly protocol?: NetlinkProtocol } = {}): Promise<Result<void, NetlinkFailure>> {
    const { flags = 0, targetNetns, protocol = 'route' } = options;
    const answer = await this.#netlink.ask({ kind: 'netlink', netns, protocol, request: { type, flags, payload }, ...(targetNetns === undefined ? {} : { targetNetns }) });
    return answer.ok ? ok(undefined) : fail(answer.failure);
  }

  async ask<Value>(
    netns: NetnsPath, protocol: NetlinkProtocol, type: number, payload: Uint8Array, decode: (payload: Uint8Array) => Value, dump = false,
  ): Promise<Result<readonly Value[], NetlinkFailure>> {
    const answer = await this.#netlink.ask({ kind: 'netlink', netns, protocol, request: { type, payload, dump } });
    if (!answer.ok) return fail(answer.failure);
    try {
      return ok(answer.payloads.map(decode));
    } catch (error) {
      if (error instanceof MalformedMessage) return fail({ errno: EPROTO, says: error.message });
      throw error;
    }
  }

  /** Every link of a namespace, with VFs. */
  async list(netns: NetnsPath): Promise<Result<readonly Link[], NetlinkFailure>> {
    const all = await this.ask(netns, 'route', RTM.getLink, encodeGetLinks(), decodeLink, true);
    if (all.ok && netns === 'host') this.#remember(all.value);
    return all;
  }

  #remember(all: readonly Link[]): void {
    const byDevice = Map.groupBy(all, this.#deviceOf);
    this.#indexes.clear();
    for (const [device, links] of byDevice) {
      const link = primaryLink(links);
      if (device !== undefined && link !== undefined) this.#indexes.set(device as PciAddress, link.index);
    }
  }

  /**
   * The attributes of as many of the VFs as one message takes, by RTM_NEWLINK on the host's interface of their PF: none when those of the
   * first cannot be put into one. An index that is known is not asked for again: the kernel gives it to no other PF (net/core/dev.c
   * dev_new_index), and one that has become another interface's by way of a namespace refuses what is a PF's. After a refusal it is looked at.
   */
  async changeVfsOf(pf: PciAddress, vfs: readonly VfChange[]): Promise<VfsChanged> {
    const room = this.#rooms.pop() ?? new VfMessageRoom();
    const { payload, count } = encodeSetVfs(vfs, room);
    const known = count === 0 ? undefined : this.#indexes.get(pf);
    const before = known === undefined ? undefined : await this.#changeAt(known, payload);
    const refused = count === 0 || before?.ok === true ? undefined : await this.#changeLookedAt(pf, payload, known, before);
    this.#rooms.push(room);
    return { count, refused };
  }

  async #changeLookedAt(pf: PciAddress, payload: Uint8Array, known: number | undefined, before: NetlinkAnswer | undefined): Promise<NetlinkFailure | undefined> {
    const link = await this.ofDevice(pf, 'host');
    if (!link.ok) return link.error;
    const changed = before !== undefined && link.value.index === known ? before : await this.#changeAt(link.value.index, payload);
    return changed.ok ? undefined : changed.failure;
  }

  #changeAt(index: number, payload: Uint8Array): Promise<NetlinkAnswer> {
    putIndex(payload, index);
    return this.#netlink.ask({ kind: 'netlink', netns: 'host', protocol: 'route', request: { type: RTM.newLink, payload } });
  }

  /**
   * The netdev of a PCI function in a namespace, without what it says of VFs: of several under one PF, the one that is no representor.
   * ENODEV when there is none.
   */
  async ofDevice(device: PciAddress, netns: NetnsPath): Promise<Result<Link, NetlinkFailure>> {
    const known = netns === 'host' ? await this.#asBefore(device) : undefined;
    if (known !== undefined) return ok(known);
    const all = await this.list(netns);
    // A namespace that is gone has no interfaces.
    if (!all.ok) return fail(all.error.errno === ENOENT && netns !== 'host' ? { errno: ENODEV, says: `${netns} is not there` } : all.error);
    const link = primaryLink(all.value.filter((one) => this.#deviceOf(one) === device));
    return link === undefined ? fail({ errno: ENODEV, says: `no interface of ${device} in ${netns}` }) : ok(link);
  }

  /** A table of all links with their VFs costs many times what one link costs, so it is asked only when the one is not there any more. */
  async #asBefore(device: PciAddress): Promise<Link | undefined> {
    const index = this.#indexes.get(device);
    if (index === undefined) return undefined;
    const answer = await this.ask('host', 'route', RTM.getLink, encodeGetLink(index), decodeLink);
    const link = answer.ok ? primaryLink(answer.value.filter((one) => this.#deviceOf(one) === device)) : undefined;
    if (link === undefined) this.#indexes.delete(device);
    return link;
  }

  /** The host's link of a name; undefined when there is none. */
  async named(name: string, withVfs: boolean): Promise<Result<Link | undefined, NetlinkFailure>> {
    const answer = await this.ask('host', 'route', RTM.getLink, encodeGetLinkNamed(name, withVfs), decodeLink);
    if (answer.ok) return ok(answer.value[0]);
    return answer.error.errno === ENODEV ? ok(undefined) : answer;
  }

  async addAltName(device: PciAddress, netns: NetnsPath, name: string): Promise<Result<void, NetlinkFailure>> {
    return this.#altName(device, netns, name, RTM.newLinkProperty);
  }

  async removeAltName(device: PciAddress, netns: NetnsPath, name: string): Promise<Result<void, NetlinkFailure>> {
    return this.#altName(device, netns, name, RTM.deleteLinkProperty);
  }

  async #altName(device: PciAddress, netns: NetnsPath, name: string, type: number): Promise<Result<void, NetlinkFailure>> {
    const link = await this.ofDevice(device, netns);
    // NLM_F_CREATE and NLM_F_EXCL, as a name is made.
    return link.ok ? this.change(netns, type, encodeAltName(link.value.index, name), type === RTM.newLinkProperty ? { flags: 0x600 } : {}) : link;
  }

  /** The number of a generic netlink family; ENOENT when the kernel has none of that name. */
  async family(name: string): Promise<Result<number, NetlinkFailure>> {
    const known = this.#families.get(name);
    if (known !== undefined) return ok(known);
    const found = await this.ask('host', 'generic', CONTROL_FAMILY, encodeGetFamily(name), decodeFamily);
    if (!found.ok) return found;
    const id = found.value[0];
    if (id === undefined) return fail({ errno: ENOENT });
    // Families keep their numbers while the kernel runs, unless their module is loaded anew: then the number is refused and asked again.
    this.#families.set(name, id);
    return ok(id);
  }

  /** One request to a family, decoded. */
  async askFamily<Value>(name: string, netns: NetnsPath, payload: Uint8Array, decode: (payload: Uint8Array) => Value): Promise<Result<Value | undefined, NetlinkFailure>> {
    const family = await this.family(name);
    if (!family.ok) return family;
    const answer = await this.ask(netns, 'generic', family.value, payload, decode);
    if (!answer.ok && answer.error.errno === ENOENT) this.#families.delete(name);
    return answer.ok ? ok(answer.value[0]) : answer;
  }

  /** Everything that a family has of a kind: a dump. */
  async dumpFamily<Value>(name: string, payload: Uint8Array, decode: (payload: Uint8Array) => Value): Promise<Result<readonly Value[], NetlinkFailure>> {
    const family = await this.family(name);
    return family.ok ? this.ask('host', 'generic', family.value, payload, decode, true) : family;
  }

  /** SIOCETHTOOL on an interface: `data` with what the kernel wrote into it. */
  async ethtoolIoctl(name: string, netns: NetnsPath, data: Uint8Array): Promise<Result<Uint8Array, NetlinkFailure>> {
    const answer = await this.#netlink.ask({ kind: 'ethtool', netns, name, data });
    return answer.ok ? ok(answer.payloads[0] ?? data) : fail(answer.failure);
  }

  /** Frames out of an interface of a namespace; 0, or the errno of what failed. */
  async sendFrames(netns: NetnsPath, index: number, frames: readonly Uint8Array[]): Promise<number> {
    const answer = await this.#netlink.ask({ kind: 'frames', netns, index, frames });
    return answer.ok ? 0 : answer.failure.errno;
  }

  /** The driver's name and firmware version, as `ethtool -i` shows them. */
  async driverInfo(name: string, netns: NetnsPath = 'host'): Promise<Result<{ readonly driver: string; readonly firmware: string }, NetlinkFailure>> {
    const answer = await this.#netlink.ask({ kind: 'driverInfo', netns, name });
    if (!answer.ok) return fail(answer.failure);
    // struct ethtool_drvinfo: a number, then driver, version and fw_version of 32 bytes each.
    const bytes = Buffer.from(answer.payloads[0] ?? new Uint8Array(196));
    const textAt = (at: number) => bytes.subarray(at, at + 32).toString('latin1').split('\0')[0]!.trim();
    return ok({ driver: textAt(4), firmware: textAt(68) });
  }
}

/** The PCI function that a link's driver made it for. */
function pciParent(link: Link): string | undefined {
  return link.parentBus === 'pci' ? link.parentDevice : undefined;
}

/** In switchdev mode the representors of the VFs are under the PF's address too; the uplink is the one named `p<n>`, or not at all. */
export function primaryLink(links: readonly Link[]): Link | undefined {
  return links.find((link) => link.physPortName !== undefined && /^p\d+$/.test(link.physPortName)) ?? links.find((link) => !isRepresentor(link));
}

export function isRepresentor(link: Link): boolean {
  return link.physPortName !== undefined && /^(?:c\d+)?pf\d+(?:vf|sf)\d+$/.test(link.physPortName);
}

/** The representor of VF `index` among the links under the PF's address. */
export function representorOf(links: readonly Link[], index: number): Link | undefined {
  return links.find((link) => link.physPortName !== undefined && new RegExp(`^(?:c\\d+)?pf\\d+vf${index}$`).test(link.physPortName));
}
