import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** As much of what is left of a refused request is read, so that its connection serves on (net/http server.go: maxPostHandlerReadBytes). */
const DRAINED_BODY_MAX_BYTES = 256 * 1024;
/** How long a client that still sends may take to read its answer, which a reset would take from it (net/http server.go: rstAvoidanceDelay). */
const RESET_DELAY_MS = 500;

/**
 * Whether the connection ends with the answer to a request, because more of the request may be left than is read. The answer has to
 * say so: a client that takes the connection for its next request finds it closed, and cannot know whether that was carried out.
 */
export function endsConnection({ complete, headers }: IncomingMessage): boolean {
  return !complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > DRAINED_BODY_MAX_BYTES);
}

/** Node closes at once after an answer that says `Connection: close`. This connection ends as {@link drain} ends it. */
export function lingerAfterAnswer({ socket }: ServerResponse): void {
  if (socket !== null) socket.destroySoon = () => linger(socket);
}

/** What is left of a refused request is read and dropped; a long rest ends the connection. */
export function drain(request: IncomingMessage): void {
  const { socket } = request;
  let leftBytes = DRAINED_BODY_MAX_BYTES;
  request.on('data', (chunk: Buffer) => {
    const wasEnough = leftBytes < 0;
    leftBytes -= chunk.length;
    if (leftBytes >= 0 || wasEnough) return;
    request.pause();
    linger(socket);
  });
  request.resume();
}

function linger(socket: Socket): void {
  socket.end();
  const timer = setTimeout(() => socket.destroy(), RESET_DELAY_MS);
  socket.once('close', () => clearTimeout(timer));
}
