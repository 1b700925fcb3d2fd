/**
 * The thread that speaks netlink. A request may wait in the kernel for the lock of all links, and other namespaces are entered by
 * thread: both are kept off the main thread.
 */
import { parentPort } from 'node:worker_threads';
import { KernelSockets } from './kernel-sockets.ts';
import type { ThreadCall, ThreadReply } from './requests.ts';
import { loadSystemCalls } from './system-calls.ts';

const sockets = new KernelSockets(loadSystemCalls());

parentPort!.on('message', (calls: readonly ThreadCall[]) => {
  const replies: readonly ThreadReply[] = calls.map(({ id, request }) => ({ id, answer: sockets.serve(request) }));
  parentPort!.postMessage(replies);
});
