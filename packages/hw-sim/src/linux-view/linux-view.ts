import type { Subscription } from '@vfleet/core';
import type { Volume } from 'memfs';
import { SimulatedNode } from '../node.ts';
import { newsOf } from './kernel-news.ts';
import type { KernelNews } from './kernel-news.ts';
import { NetlinkResponder } from './netlink-responder.ts';
import type { NetlinkProtocolName } from './netlink-responder.ts';
import { SysfsVolume } from './sysfs-volume.ts';
import type { VdpaBus } from './vdpa.ts';

/**
 * A simulated node as a Linux kernel shows its hardware: /sys and /proc as a memfs volume with behaviour, netlink as bytes, and what
 * sockets that listen are told. Code that was written for a kernel runs on it without root and without knowing.
 */
export class LinuxView {
  readonly #node: SimulatedNode;
  readonly #files: SysfsVolume;
  readonly #netlink: NetlinkResponder;
  readonly #model;

  /** `lacksFamilies`: generic netlink families that this kernel was built without. */
  constructor(node: SimulatedNode, options: { readonly lacksFamilies?: readonly string[] } = {}) {
    const vdpa: VdpaBus = { names: new Map(), unbound: new Set() };
    this.#node = node;
    this.#model = SimulatedNode.modelOf(node);
    this.#files = new SysfsVolume(this.#model, vdpa);
    this.#netlink = new NetlinkResponder(this.#model, vdpa, options.lacksFamilies ?? []);
  }

  /** The files as they are now. A volume that was asked for earlier shows the same from then on. */
  volume(): Volume {
    return this.#files.volume();
  }

  /** Reads a file; one that a driver's lock guards, only when that is free. */
  readText(path: string): Promise<string> {
    return this.#files.readText(path);
  }

  /** One write; throws with the kernel's errno as `code`. */
  writeText(path: string, text: string): Promise<void> {
    return this.#files.writeText(path, text);
  }

  hasNetns(netns: string): boolean {
    return this.#netlink.hasNetns(netns);
  }

  /** A file descriptor of a namespace; undefined when it is not there. */
  openNetns(netns: string): number | undefined {
    return this.#netlink.openNetns(netns);
  }

  closeNetns(fd: number): void {
    this.#netlink.closeNetns(fd);
  }

  /** One message to a netlink socket of a namespace, and the datagrams that come back. */
  exchange(netns: string, protocol: NetlinkProtocolName, bytes: Uint8Array): Promise<readonly Uint8Array[]> {
    return this.#netlink.exchange(netns, protocol, bytes);
  }

  /** ETHTOOL_GDRVINFO; undefined when the namespace has no such interface. */
  driverInfo(netns: string, name: string): Uint8Array | undefined {
    return this.#netlink.driverInfo(netns, name);
  }

  /** SIOCETHTOOL on an interface: the structure with the answer in it, or an errno. */
  ethtool(netns: string, name: string, data: Uint8Array): Promise<Uint8Array | number> {
    return this.#netlink.ethtool(netns, name, data);
  }

  /** Uevents and changes of links, in order. Ends when the node goes down. */
  listen(listener: (news: KernelNews) => void): Subscription {
    let sequence = 0;
    return this.#node.watchUevents((event) => {
      const news = newsOf(this.#model, event, ++sequence);
      if (news !== undefined) listener(news);
    });
  }
}
