import type { Netlink } from '../kernel-thread/kernel-thread.ts';
import type { NetlinkProtocol } from '../kernel-thread/netlink-socket.ts';
import type { ThreadRequest } from '../kernel-thread/requests.ts';
import { AwaitedNetlinkExchange } from '../netlink/exchange.ts';
import type { NetlinkAnswer } from '../netlink/exchange.ts';

/** Netlink of a kernel in this process. */
export interface NetlinkView {
  hasNetns(netns: string): boolean;
  openNetns(netns: string): number | undefined;
  closeNetns(fd: number): void;
  exchange(netns: string, protocol: NetlinkProtocol, bytes: Uint8Array): Promise<readonly Uint8Array[]>;
  driverInfo(netns: string, name: string): Uint8Array | undefined;
  /** SIOCETHTOOL: the structure with its answer, or an errno. */
  ethtool(netns: string, name: string, data: Uint8Array): Promise<Uint8Array | number>;
}

const ENOENT = 2;
const EAGAIN = 11;
const ENODEV = 19;

/** The sockets' place is taken by the view; messages, sequence numbers, dumps and errors are the backend's own {@link AwaitedNetlinkExchange}. */
export class ViewNetlink implements Netlink {
  readonly #view: NetlinkView;

  constructor(view: NetlinkView) {
    this.#view = view;
  }

  async ask(request: ThreadRequest): Promise<NetlinkAnswer> {
    const { netns } = request;
    if (!this.#view.hasNetns(netns)) return { ok: false, failure: { errno: ENOENT } };
    if (request.kind === 'driverInfo') {
      const info = this.#view.driverInfo(netns, request.name);
      return info === undefined ? { ok: false, failure: { errno: ENODEV } } : { ok: true, payloads: [info] };
    }
    if (request.kind === 'ethtool') {
      const answer = await this.#view.ethtool(netns, request.name, request.data);
      return typeof answer === 'number' ? { ok: false, failure: { errno: answer } } : { ok: true, payloads: [answer] };
    }
    // Nobody is at the other end of a link that is only shown.
    if (request.kind === 'frames') return { ok: true, payloads: [] };
    if (request.targetNetns === undefined) return this.#exchange(request, request.request.payload);
    const fd = this.#view.openNetns(request.targetNetns);
    if (fd === undefined) return { ok: false, failure: { errno: ENOENT } };
    try {
      const payload = request.request.payload.slice();
      new DataView(payload.buffer).setUint32(payload.length - 4, fd, true);
      return await this.#exchange(request, payload);
    } finally {
      this.#view.closeNetns(fd);
    }
  }

  #exchange({ netns, protocol, request }: Extract<ThreadRequest, { kind: 'netlink' }>, payload: Uint8Array): Promise<NetlinkAnswer> {
    const waiting: Uint8Array[] = [];
    return new AwaitedNetlinkExchange({
      send: async (bytes) => {
        waiting.push(...(await this.#view.exchange(netns, protocol, bytes)));
        return { errno: 0 };
      },
      receive() {
        const bytes = waiting.shift();
        return bytes === undefined ? { errno: EAGAIN } : { bytes };
      },
    }).ask({ ...request, payload });
  }
}
