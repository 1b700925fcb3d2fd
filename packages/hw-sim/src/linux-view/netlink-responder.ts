import { errnoNumbers } from '@vfleet/core';
import type { Errno } from '@vfleet/core';
import type { NodeModel } from '../model/node-model.ts';
import type { Outcome } from '../model/operation.ts';
import { addressMessages, changeAddress, changeRoute, routeMessages } from './address-messages.ts';
import { BadRequest, attrMap, dumpOf, get32, getString, isDump, message, readRequest, verdict } from './bytes.ts';
import type { Request } from './bytes.ts';
import { askFamily } from './families.ts';
import type { FamilyAnswer } from './families.ts';
import { changeAltNames, changeLink } from './link-changes.ts';
import { LINK, deviceOfIndex, linkMessage, linkMessages } from './link-messages.ts';
import { deviceOfName, driverInfo, ethtoolIoctl } from './ethtool-ioctl.ts';
import { RdmaResponder } from './rdma.ts';
import type { VdpaBus } from './vdpa.ts';

export type NetlinkProtocolName = 'route' | 'generic' | 'rdma' | 'uevent';

/** Types of rtnetlink messages (include/uapi/linux/rtnetlink.h). */
const RTM = { newLink: 16, getLink: 18, newAddress: 20, deleteAddress: 21, getAddress: 22, newRoute: 24, deleteRoute: 25, getRoute: 26, newLinkProperty: 108, deleteLinkProperty: 109 } as const;
const REPLACE = 0x100;
/** RTEXT_FILTER_VF and RTEXT_FILTER_SKIP_STATS. */
const WITH_VFS = 0x1;
const WITHOUT_COUNTERS = 0x8;

/** Answers bytes with bytes, as the kernel of the node would. */
export class NetlinkResponder {
  readonly #node: NodeModel;
  readonly #vdpa: VdpaBus;
  readonly #lacksFamilies: readonly string[];
  /** Open namespaces by file descriptor. */
  readonly #netnsFds = new Map<number, string>();
  #lastFd = 2;

  constructor(node: NodeModel, vdpa: VdpaBus, lacksFamilies: readonly string[]) {
    this.#lacksFamilies = lacksFamilies;
    this.#node = node;
    this.#vdpa = vdpa;
  }

  hasNetns(netns: string): boolean {
    return netns === 'host' || this.#node.namespaces.has(netns);
  }

  /** A descriptor of a namespace, for IFLA_NET_NS_FD; undefined when there is no such namespace. */
  openNetns(netns: string): number | undefined {
    if (netns !== 'host' && !this.#node.openNetns(netns)) return undefined;
    this.#netnsFds.set(++this.#lastFd, netns);
    return this.#lastFd;
  }

  closeNetns(fd: number): void {
    this.#netnsFds.delete(fd);
  }

  /** The datagrams that answer one message sent on a socket of a namespace. */
  async exchange(netns: string, protocol: NetlinkProtocolName, bytes: Uint8Array): Promise<readonly Uint8Array[]> {
    const request = readRequest(bytes);
    try {
      return await this.#answer(netns, protocol, request);
    } catch (error) {
      if (error instanceof BadRequest) return [verdict(request, numberOf(error.errno as Outcome), error.message)];
      throw error;
    }
  }

  /** ETHTOOL_GDRVINFO: struct ethtool_drvinfo; undefined when there is no such interface. */
  driverInfo(netns: string, name: string): Uint8Array | undefined {
    const device = deviceOfName(this.#node, netns, name);
    return device === undefined ? undefined : driverInfo(this.#node, device);
  }

  /** SIOCETHTOOL: the structure with its answer, or an errno. */
  async ethtool(netns: string, name: string, data: Uint8Array): Promise<Uint8Array | number> {
    const device = deviceOfName(this.#node, netns, name);
    if (device === undefined) return errnoNumbers.ENODEV;
    const answer = await ethtoolIoctl(this.#node, device, data);
    return typeof answer === 'string' ? numberOf(answer) : answer;
  }

  async #answer(netns: string, protocol: NetlinkProtocolName, request: Request): Promise<readonly Uint8Array[]> {
    if (!this.#node.up) return [verdict(request, errnoNumbers.ENETDOWN)];
    switch (protocol) {
      case 'route':
        return this.#route(netns, request);
      case 'generic':
        return told(request, await askFamily({ node: this.#node, vdpa: this.#vdpa, lacks: this.#lacksFamilies }, netns, request.type, request.payload));
      case 'rdma':
        return this.#rdma(netns, request);
      case 'uevent':
        return [verdict(request, errnoNumbers.EPERM)];
    }
  }

  async #rdma(netns: string, request: Request): Promise<readonly Uint8Array[]> {
    const rdma = new RdmaResponder(this.#node, netns, (fd) => this.#netnsFds.get(fd));
    if (isDump(request)) return dumpOf(request, request.type, rdma.devices(request.type));
    return told(request, await rdma.ask(request.type, request.payload));
  }

  async #route(netns: string, request: Request): Promise<readonly Uint8Array[]> {
    const node = this.#node;
    const { type, payload, flags } = request;
    switch (type) {
      case RTM.getLink:
        return this.#links(netns, request);
      case RTM.newLink:
        return ended(request, await changeLink(node, netns, payload, (fd) => this.#netnsFds.get(fd)));
      case RTM.newLinkProperty:
      case RTM.deleteLinkProperty:
        return ended(request, await changeAltNames(node, netns, payload, type === RTM.newLinkProperty));
      case RTM.getAddress:
        return dumpOf(request, RTM.newAddress, addressMessages(node, netns));
      case RTM.newAddress:
      case RTM.deleteAddress:
        return ended(request, changeAddress(node, netns, payload, type === RTM.newAddress, (flags & REPLACE) !== 0));
      case RTM.getRoute:
        return dumpOf(request, RTM.newRoute, routeMessages(node, netns));
      case RTM.newRoute:
      case RTM.deleteRoute:
        return ended(request, changeRoute(node, netns, payload, type === RTM.newRoute));
      default:
        return ended(request, 'EOPNOTSUPP');
    }
  }

  #links(netns: string, request: Request): readonly Uint8Array[] {
    const asked = attrMap(request.payload.subarray(16));
    const mask = asked.get(LINK.extMask);
    const bits = mask === undefined ? 0 : get32(mask);
    const withVfs = (bits & WITH_VFS) === 0 ? 'none' : (bits & WITHOUT_COUNTERS) === 0 ? 'counters' : 'settings';
    if (isDump(request)) return dumpOf(request, RTM.newLink, linkMessages(this.#node, netns, withVfs));
    // net/core/rtnetlink.c, rtnl_getlink: the index counts, and without one the name does.
    const [index, name] = [get32(request.payload, 4), asked.get(LINK.name)];
    if (index === 0 && name === undefined) return ended(request, 'EINVAL');
    const device = index !== 0 ? deviceOfIndex(this.#node, netns, index) : deviceOfName(this.#node, netns, getString(name!));
    return device === undefined ? ended(request, 'ENODEV') : told(request, { outcome: 'ok', payloads: [linkMessage(this.#node, device, withVfs)] }, RTM.newLink);
  }
}

function told(request: Request, { outcome, payloads }: FamilyAnswer, type = request.type): readonly Uint8Array[] {
  return [...payloads.map((payload) => message(type, 0, request.sequence, payload)), ...ended(request, outcome)];
}

function ended(request: Request, outcome: Outcome): readonly Uint8Array[] {
  return [verdict(request, outcome === 'ok' ? 0 : numberOf(outcome))];
}

/** What no errno says comes of a node that went down, or of a PF that hangs. */
function numberOf(outcome: Outcome): number {
  if (outcome in errnoNumbers) return errnoNumbers[outcome as Errno];
  return outcome === 'stuckWrite' ? errnoNumbers.EBUSY : errnoNumbers.EIO;
}
