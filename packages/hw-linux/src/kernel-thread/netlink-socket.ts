import type { NetlinkSocket } from '../netlink/exchange.ts';
import type { SystemCalls } from './system-calls.ts';

export const NETLINK_PROTOCOLS = { route: 0, uevent: 15, generic: 16, rdma: 20 } as const;
export type NetlinkProtocol = keyof typeof NETLINK_PROTOCOLS;

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const SOL_NETLINK = 270;
const CAP_ACK = 10;
const EXT_ACK = 11;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SO_RCVBUFFORCE = 33;
const EMSGSIZE = 90;
/** The kernel answers within the call that asks; only a dump's next part and a lost answer let one wait. */
const RECEIVE_TIMEOUT_S = 5;
/** Largest datagram: a link with 256 VFs has about 60 kB. */
export const RECEIVE_BUFFER_BYTES = 256 * 1024;

/** An open netlink socket of the calling thread's namespace; a negative value is the errno. */
export function openNetlink(calls: SystemCalls, protocol: NetlinkProtocol, groups = 0, kernelBufferBytes = 0): number {
  const { value: fd, errno } = calls.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_PROTOCOLS[protocol]);
  if (fd < 0) return -errno;
  const one = new Uint8Array([1, 0, 0, 0]);
  // Old kernels lack these: their errors are then without words.
  calls.setOption(fd, SOL_NETLINK, CAP_ACK, one);
  calls.setOption(fd, SOL_NETLINK, EXT_ACK, one);
  const timeout = new Uint8Array(16);
  timeout[0] = RECEIVE_TIMEOUT_S;
  calls.setOption(fd, SOL_SOCKET, SO_RCVTIMEO, timeout);
  if (kernelBufferBytes > 0) {
    const size = new Uint8Array(4);
    new DataView(size.buffer).setUint32(0, kernelBufferBytes, true);
    calls.setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, size);
  }
  const bound = calls.bindNetlink(fd, groups);
  if (bound.value >= 0) return fd;
  calls.close(fd);
  return -bound.errno;
}

/** The socket as an exchange sees it. `buffer` is used for one datagram at a time. */
export function netlinkSocket(calls: SystemCalls, fd: number, buffer: Uint8Array): NetlinkSocket {
  return {
    send: (bytes) => ({ errno: calls.send(fd, bytes).errno }),
    receive() {
      const { value, errno } = calls.receive(fd, buffer, 0);
      if (value < 0) return { errno };
      return value > buffer.length ? { errno: EMSGSIZE } : { bytes: buffer.subarray(0, value) };
    },
  };
}
