/**
 * A thread that enters a network namespace, sends frames there and ends: it never comes back, so that nothing of the host can be done in a pod by
 * mistake. Its answer is 0 or the errno of what failed.
 */
import { parentPort, workerData } from 'node:worker_threads';
import koffi from 'koffi';
import type { NetnsPath } from '@vfleet/core';

/** What the thread is started with. */
export interface FramesToSend {
  readonly netns: NetnsPath;
  /** Index of the interface there. */
  readonly index: number;
  readonly frames: readonly Uint8Array[];
}

const CLONE_NEWNET = 0x4000_0000;
const O_RDONLY_CLOEXEC = 0o2000000;
const AF_PACKET = 17;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;

parentPort!.postMessage(send(workerData as FramesToSend));

function send({ netns, index, frames }: FramesToSend): number {
  const libc = koffi.load('libc.so.6');
  const open = libc.func('int open(const char *path, int flags)');
  const close = libc.func('int close(int fd)');
  const setns = libc.func('int setns(int fd, int kind)');
  const socket = libc.func('int socket(int domain, int type, int protocol)');
  const sendto = libc.func('long sendto(int fd, const void *bytes, size_t length, int flags, const void *address, uint32_t address_length)');
  if (netns !== 'host') {
    const target = open(netns, O_RDONLY_CLOEXEC) as number;
    if (target < 0) return koffi.errno();
    const entered = setns(target, CLONE_NEWNET) as number;
    const errno = entered < 0 ? koffi.errno() : 0;
    close(target);
    if (errno !== 0) return errno;
  }
  // Protocol 0: it only sends.
  const fd = socket(AF_PACKET, SOCK_RAW_CLOEXEC, 0) as number;
  if (fd < 0) return koffi.errno();
  const address = linkAddress(index);
  let errno = 0;
  for (const frame of frames) if (errno === 0 && Number(sendto(fd, frame, frame.length, 0, address, address.length)) < 0) errno = koffi.errno();
  close(fd);
  return errno;
}

/** struct sockaddr_ll with the interface; the frame brings its own addresses. */
function linkAddress(index: number): Uint8Array {
  const address = new Uint8Array(20);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setInt32(4, index, true);
  return address;
}
