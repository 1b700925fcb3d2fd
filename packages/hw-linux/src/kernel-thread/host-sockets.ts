import { AwaitedNetlinkExchange } from '../netlink/exchange.ts';
import type { AwaitedNetlinkSocket, NetlinkAnswer } from '../netlink/exchange.ts';
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
    if (request.kind !== 'netlink') return this.#links.run(() => this.#ethtool(request));
    const lane = request.protocol === 'route' ? this.#links : this.#others;
    return lane.run(() => this.#ask(request));
  }

  /** Waits for what is under way: a descriptor that is closed may be another's before the answer is read. */
  async close(): Promise<void> {
    await Promise.all([this.#links.empty(), this.#others.empty()]);
    for (const { fd } of this.#netlink.values()) this.#calls.close(fd);
    if (this.#datagram !== undefined) this.#calls.close(this.#datagram);
    this.#netlink.clear();
    this.#datagram = undefined;
  }

  #ask({ protocol, request }: Extract<HostRequest, { kind: 'netlink' }>): Promise<NetlinkAnswer> {
    let socket = this.#netlink.get(protocol);
    if (socket === undefined) {
      const fd = openNetlink(this.#calls, protocol);
      if (fd < 0) return Promise.resolve(failure(-fd));
      socket = { fd, exchange: new AwaitedNetlinkExchange(awaitedSocket(this.#calls, fd, this.#waiting)) };
      this.#netlink.set(protocol, socket);
    }
    return socket.exchange.ask(request);
  }

  async #ethtool(request: Exclude<HostRequest, { kind: 'netlink' }>): Promise<NetlinkAnswer> {
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

/** One after the other, in the order of asking. */
class Lane {
  #tail: Promise<unknown> | undefined;

  run<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = this.#tail === undefined ? work() : this.#tail.then(work, work);
    this.#tail = done;
    const leave = () => {
      if (this.#tail === done) this.#tail = undefined;
    };
    done.then(leave, leave);
    return done;
  }

  async empty(): Promise<void> {
    while (this.#tail !== undefined) await Promise.allSettled([this.#tail]);
  }
}

function awaitedSocket(calls: SystemCalls, fd: number, waiting: Waiting): AwaitedNetlinkSocket {
  const buffer = new Uint8Array(RECEIVE_BUFFER_BYTES);
  const received = ({ value, errno }: { readonly value: number; readonly errno: number }) => {
    if (value < 0) return { errno };
    return value > buffer.length ? { errno: EMSGSIZE } : { bytes: buffer.subarray(0, value) };
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
