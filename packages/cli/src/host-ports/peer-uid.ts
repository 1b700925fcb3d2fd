import type { Socket } from 'node:net';
import koffi from 'koffi';

/** socket(7), asm-generic/socket.h. */
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** struct ucred: pid, uid, gid. */
const UCRED_BYTES = 12;

/**
 * Who is at the other end of a unix socket: the user of the process that connected (unix(7), SO_PEERCRED). Node has no word for it. Undefined
 * when it cannot be asked; then the socket's own mode decides alone.
 */
export function createPeerUid(): (socket: Socket) => number | undefined {
  if (process.platform !== 'linux') return () => undefined;
  // MIPS and a few others number these otherwise; no Node runs there.
  const getsockopt = koffi.load(null).func('int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *length)');
  return (socket) => {
    const handle: unknown = Reflect.get(socket, '_handle');
    const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
    if (typeof fd !== 'number' || fd < 0) return undefined;
    const credentials = Buffer.alloc(UCRED_BYTES);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, [UCRED_BYTES]) === 0 ? credentials.readUInt32LE(4) : undefined;
  };
}
