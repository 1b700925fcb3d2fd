import type { NetnsPath } from '@vfleet/core';
import { NetlinkExchange } from '../netlink/exchange.ts';
import type { NetlinkAnswer, NetlinkRequest } from '../netlink/exchange.ts';
import { RECEIVE_BUFFER_BYTES, netlinkSocket, openNetlink } from './netlink-socket.ts';
import type { NetlinkProtocol } from './netlink-socket.ts';
import { driverInfoQuery, linkAddress, openDatagram, openPacket } from './requests.ts';
import type { ThreadRequest } from './requests.ts';
import type { SystemCalls } from './system-calls.ts';

const OWN_NETNS = '/proc/thread-self/ns/net';
const CLONE_NEWNET = 0x4000_0000;

/**
 * The sockets of one thread. Those of its own namespace stay open; into another namespace it goes only to open a socket, and comes
 * back at once: a socket belongs to the namespace that it was opened in. RDMA alone also asks where the thread is, which gives a device out of
 * no other namespace than that (drivers/infiniband/core/device.c, rdma_dev_change_netns): there it comes back after the answer.
 */
export class KernelSockets {
  readonly #calls: SystemCalls;
  readonly #own: number;
  readonly #buffer = new Uint8Array(RECEIVE_BUFFER_BYTES);
  readonly #exchanges = new Map<NetlinkProtocol, NetlinkExchange>();

  constructor(calls: SystemCalls) {
    this.#calls = calls;
    this.#own = calls.open(OWN_NETNS).value;
  }

  serve(request: ThreadRequest): NetlinkAnswer {
    if (request.kind === 'netlink') return this.#serveNetlink(request);
    if (request.kind === 'frames') return this.#withSocket(request.netns, () => openPacket(this.#calls), (fd) => this.#sendFrames(fd, request.index, request.frames));
    const data = request.kind === 'ethtool' ? request.data.slice() : driverInfoQuery();
    return this.#withSocket(request.netns, () => openDatagram(this.#calls), (fd) => this.#ethtool(fd, request.name, data));
  }

  #serveNetlink({ netns, protocol, request, targetNetns }: Extract<ThreadRequest, { kind: 'netlink' }>): NetlinkAnswer {
    const ask = (exchange: NetlinkExchange) => (targetNetns === undefined ? exchange.ask(request) : this.#askWithNetns(exchange, request, targetNetns));
    const askOn = (fd: number) => ask(new NetlinkExchange(netlinkSocket(this.#calls, fd, this.#buffer)));
    if (netns !== 'host' && protocol === 'rdma') return this.#inside(netns, () => this.#withSocket('host', () => openNetlink(this.#calls, protocol), askOn), failure);
    if (netns !== 'host') return this.#withSocket(netns, () => openNetlink(this.#calls, protocol), askOn);
    let exchange = this.#exchanges.get(protocol);
    if (exchange === undefined) {
      const fd = openNetlink(this.#calls, protocol);
      if (fd < 0) return failure(-fd);
      exchange = new NetlinkExchange(netlinkSocket(this.#calls, fd, this.#buffer));
      this.#exchanges.set(protocol, exchange);
    }
    return ask(exchange);
  }

  #askWithNetns(exchange: NetlinkExchange, request: NetlinkRequest, target: NetnsPath): NetlinkAnswer {
    const opened = target === 'host' ? { value: this.#own, errno: 0 } : this.#calls.open(target);
    if (opened.value < 0) return failure(opened.errno);
    try {
      const payload = request.payload.slice();
      new DataView(payload.buffer).setUint32(payload.length - 4, opened.value, true);
      return exchange.ask({ ...request, payload });
    } finally {
      if (target !== 'host') this.#calls.close(opened.value);
    }
  }

  /** The socket is closed after the work: one that stays open would keep the namespace. */
  #withSocket(netns: NetnsPath, open: () => number, work: (fd: number) => NetlinkAnswer): NetlinkAnswer {
    const fd = netns === 'host' ? open() : this.#inside(netns, open, (errno) => -errno);
    if (fd < 0) return failure(-fd);
    try {
      return work(fd);
    } finally {
      this.#calls.close(fd);
    }
  }

  /** Work with the thread in another namespace, or what becomes of the errno that keeps it out. */
  #inside<Value>(netns: NetnsPath, work: () => Value, refused: (errno: number) => Value): Value {
    const target = this.#calls.open(netns);
    if (target.value < 0) return refused(target.errno);
    const entered = this.#calls.setns(target.value, CLONE_NEWNET);
    this.#calls.close(target.value);
    if (entered.value < 0) return refused(entered.errno);
    try {
      return work();
    } finally {
      this.#comeBack();
    }
  }

  /** A thread that cannot would do the host's work in a pod. */
  #comeBack(): void {
    if (this.#calls.setns(this.#own, CLONE_NEWNET).value < 0) throw new Error('the kernel thread cannot return to its own network namespace');
  }

  #sendFrames(fd: number, index: number, frames: readonly Uint8Array[]): NetlinkAnswer {
    const address = linkAddress(index);
    for (const frame of frames) {
      const { value, errno } = this.#calls.sendTo(fd, frame, address);
      if (value < 0) return failure(errno);
    }
    return { ok: true, payloads: [] };
  }

  #ethtool(fd: number, name: string, data: Uint8Array): NetlinkAnswer {
    const { value, errno } = this.#calls.ethtool(fd, name, data);
    return value < 0 ? failure(errno) : { ok: true, payloads: [data] };
  }
}

function failure(errno: number): NetlinkAnswer {
  return { ok: false, failure: { errno } };
}
