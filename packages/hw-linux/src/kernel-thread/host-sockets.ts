import { AwaitedNetlinkExchange } from '../netlink/exchange.ts';
import type { AwaitedNetlinkSocket, NetlinkAnswer, Received } from '../netlink/exchange.ts';
import { Beginning } from '../netlink/message.ts';
import { RECEIVE_BUFFER_BYTES, openNetlink } from './netlink-socket.ts';
import type { NetlinkProtocol } from './netlink-socket.ts';
import { driverInfoQuery, openDatagram } from './requests.ts';
import type { HostRequest } from './requests.ts';
import type { SystemCalls } from './system-calls.ts';

const MSG_DONTWAIT = 0x40;
const EAGAIN = 11;
const EMSGSIZE = 90;

/**
 * Where a change, or a look at one thing, waits for the kernel, for the lock of all links above all, which another process may hold for
 * seconds: `aside` of the main thread, in a process that has other things to do meanwhile, or `here`, in one that does not (as `ip` does).
 * A change of threads and back costs about a tenth of what setting some VFs does. Dumps always wait aside.
 */
export type Waiting = 'aside' | 'here';

/**
 * The sockets of this process' own namespace. What may wait in the kernel waits as {@link Waiting} says; what the kernel has answered by
 * then is read at once.
 */
export class HostSockets {
  readonly #calls: SystemCalls;
  readonly #waiting: Waiting;
  readonly #netlink = new Map<NetlinkProtocol, OpenSocket>();
  #datagram: number | undefined;
  /** What takes the lock of all links, and the rest, which must not wait behind it. */
  readonly #links = new Lane();
  readonly #others = new Lane();

  constructor(calls: SystemCalls, waiting: Waiting) {
    this.#calls = calls;
    this.#waiting = waiting;
  }

  serve(request: HostRequest): Promise<NetlinkAnswer> {
    return request.kind === 'netlink' ? this.#ask(request) : this.#ethtool(request);
  }

  /** Waits for what is under way: a descriptor that is closed may be another's before the answer is read. */
  async close(): Promise<void> {
    await Promise.all([this.#links.empty(), this.#others.empty()]);
    for (const { fd } of this.#netlink.values()) this.#calls.close(fd);
    if (this.#datagram !== undefined) this.#calls.close(this.#datagram);
    this.#netlink.clear();
    this.#datagram = undefined;
  }

  async #ask({ protocol, request }: Extract<HostRequest, { kind: 'netlink' }>): Promise<NetlinkAnswer> {
    const lane = protocol === 'route' ? this.#links : this.#others;
    if (lane.isBusy) await lane.turn();
    else lane.enter();
    try {
      const socket = this.#netlink.get(protocol) ?? this.#open(protocol);
      return 'errno' in socket ? failure(socket.errno) : await socket.exchange.ask(request);
    } finally {
      lane.leave();
    }
  }

  #open(protocol: NetlinkProtocol): OpenSocket | { readonly errno: number } {
    const fd = openNetlink(this.#calls, protocol);
    if (fd < 0) return { errno: -fd };
    const socket = { fd, exchange: new AwaitedNetlinkExchange(awaitedSocket(this.#calls, fd, this.#waiting)) };
    this.#netlink.set(protocol, socket);
    return socket;
  }

  async #ethtool(request: Exclude<HostRequest, { kind: 'netlink' }>): Promise<NetlinkAnswer> {
    if (this.#links.isBusy) await this.#links.turn();
    else this.#links.enter();
    try {
      return await this.#ioctl(request);
    } finally {
      this.#links.leave();
    }
  }

  async #ioctl(request: Exclude<HostRequest, { kind: 'netlink' }>): Promise<NetlinkAnswer> {
    if (this.#datagram === undefined) {
      const fd = openDatagram(this.#calls);
      if (fd < 0) return failure(-fd);
      this.#datagram = fd;
    }
    const data = request.kind === 'ethtool' ? request.data.slice() : driverInfoQuery();
    const { value, errno } = await this.#calls.aside.ethtool(this.#datagram, request.name, data);
    return value < 0 ? failure(errno) : { ok: true, payloads: [data] };
  }
}

interface OpenSocket {
  readonly fd: number;
  readonly exchange: AwaitedNetlinkExchange;
}

/** One after the other, in the order of asking: who finds it busy awaits its turn. */
class Lane {
  #isBusy = false;
  readonly #waiting: (() => void)[] = [];

  get isBusy(): boolean {
    return this.#isBusy;
  }

  enter(): void {
    this.#isBusy = true;
  }

  turn(): Promise<void> {
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#isBusy = false;
    else next();
  }

  async empty(): Promise<void> {
    while (this.#isBusy) {
      await this.turn();
      this.leave();
    }
  }
}

function awaitedSocket(calls: SystemCalls, fd: number, waiting: Waiting): AwaitedNetlinkSocket {
  const buffer = new Uint8Array(RECEIVE_BUFFER_BYTES);
  const beginning = new Beginning(buffer);
  const received = ({ value, errno }: { readonly value: number; readonly errno: number }): Received => {
    if (value < 0) return { errno };
    return value > buffer.length ? { errno: EMSGSIZE } : { bytes: beginning.of(value) };
  };
  return {
    send: (bytes, isDump) => (isDump || waiting === 'aside' ? calls.aside.send(fd, bytes) : calls.send(fd, bytes)),
    receive(isDump) {
      // The kernel's own families answer within the send (net/netlink/af_netlink.c, netlink_unicast_kernel).
      const atOnce = isDump ? undefined : calls.receive(fd, buffer, MSG_DONTWAIT);
      return atOnce === undefined || atOnce.errno === EAGAIN ? calls.aside.receive(fd, buffer, 0).then(received) : received(atOnce);
    },
  };
}

function failure(errno: number): NetlinkAnswer {
  return { ok: false, failure: { errno } };
}
