import koffi from 'koffi';

/** What socket code needs of libc. Every call gives its result and, when that is negative, the errno. */
export interface SystemCalls {
  socket(domain: number, type: number, protocol: number): CallResult;
  bindNetlink(fd: number, groups: number): CallResult;
  setOption(fd: number, level: number, name: number, value: Uint8Array): CallResult;
  send(fd: number, bytes: Uint8Array): CallResult;
  /** `address` is a struct sockaddr. */
  sendTo(fd: number, bytes: Uint8Array, address: Uint8Array): CallResult;
  /** Into `buffer`; the result is the datagram's full length, also when the buffer was too small. */
  receive(fd: number, buffer: Uint8Array, flags: number): CallResult;
  open(path: string): CallResult;
  close(fd: number): void;
  setns(fd: number, kind: number): CallResult;
  eventFd(): CallResult;
  /** SIOCETHTOOL on an interface: the answer's bytes are left in `data`. */
  ethtool(fd: number, name: string, data: Uint8Array): CallResult;
  readonly aside: CallsAside;
}

/**
 * Calls that may wait in the kernel, on a thread of the process' pool: there is nothing but the call on that thread, so a round costs a
 * fraction of what a worker's message and its answer do. Other work needs threads of the pool too: never more than two calls at a time, beside
 * one in poll, and `vfleet` makes the pool larger by those three.
 */
export interface CallsAside {
  /** Which of the descriptors have something to read, or an error. */
  poll(fds: readonly number[], timeoutMs: number): Promise<readonly boolean[]>;
  send(fd: number, bytes: Uint8Array): Promise<CallResult>;
  receive(fd: number, buffer: Uint8Array, flags: number): Promise<CallResult>;
  ethtool(fd: number, name: string, data: Uint8Array): Promise<CallResult>;
}

export interface CallResult {
  readonly value: number;
  readonly errno: number;
}

const AF_NETLINK = 16;
const MSG_TRUNC = 0x20;
const POLL_IN = 0x1;
const SIOCETHTOOL = 0x8946;
const O_RDONLY_CLOEXEC = 0o2000000;
const EFD_NONBLOCK_CLOEXEC = 0o2004000;

/** Binds libc. Once for each thread: errno belongs to the thread that made the call. */
export function loadSystemCalls(): SystemCalls {
  const libc = koffi.load('libc.so.6');
  const ifreq = koffi.struct({ name: koffi.array('char', 16), data: koffi.pointer('uint8_t') });
  const c = {
    socket: libc.func('int socket(int domain, int type, int protocol)'),
    bind: libc.func('int bind(int fd, const void *address, uint32_t length)'),
    setsockopt: libc.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)'),
    send: libc.func('long send(int fd, const void *bytes, size_t length, int flags)'),
    sendto: libc.func('long sendto(int fd, const void *bytes, size_t length, int flags, const void *address, uint32_t address_length)'),
    recv: libc.func('long recv(int fd, void *buffer, size_t length, int flags)'),
    poll: libc.func('int poll(void *fds, unsigned long count, int timeout)'),
    open: libc.func('int open(const char *path, int flags)'),
    close: libc.func('int close(int fd)'),
    setns: libc.func('int setns(int fd, int kind)'),
    eventfd: libc.func('int eventfd(unsigned int initial, int flags)'),
    ioctl: libc.func('ioctl', 'int', ['int', 'unsigned long', koffi.pointer(ifreq)]),
  };
  const checked = (value: number): CallResult => ({ value, errno: value < 0 ? koffi.errno() : 0 });
  // The arguments stay in reach of the closure, and so where they are, until the call is over.
  const awaited = (resolve: (result: CallResult) => void, ...keep: readonly unknown[]) => (error: unknown, value: number) => {
    if (error !== null && error !== undefined) throw new Error('a system call could not be made', { cause: { error, keep } });
    resolve(checked(value));
  };
  return {
    socket: (domain, type, protocol) => checked(c.socket(domain, type, protocol)),
    bindNetlink(fd, groups) {
      const address = new Uint8Array(12);
      const view = new DataView(address.buffer);
      view.setUint16(0, AF_NETLINK, true);
      view.setUint32(8, groups, true);
      return checked(c.bind(fd, address, address.length));
    },
    setOption: (fd, level, name, value) => checked(c.setsockopt(fd, level, name, value, value.length)),
    send: (fd, bytes) => checked(c.send(fd, bytes, bytes.length, 0)),
    sendTo: (fd, bytes, address) => checked(Number(c.sendto(fd, bytes, bytes.length, 0, address, address.length))),
    receive: (fd, buffer, flags) => checked(c.recv(fd, buffer, buffer.length, flags | MSG_TRUNC)),
    open: (path) => checked(c.open(path, O_RDONLY_CLOEXEC)),
    close: (fd) => void c.close(fd),
    setns: (fd, kind) => checked(c.setns(fd, kind)),
    eventFd: () => checked(c.eventfd(0, EFD_NONBLOCK_CLOEXEC)),
    ethtool: (fd, name, data) => checked(c.ioctl(fd, SIOCETHTOOL, { name, data })),
    aside: {
      async poll(fds, timeoutMs) {
        const table = new Uint8Array(8 * fds.length);
        const view = new DataView(table.buffer);
        fds.forEach((fd, index) => {
          view.setInt32(8 * index, fd, true);
          view.setUint16(8 * index + 4, POLL_IN, true);
        });
        await new Promise((resolve) => void c.poll.async(table, fds.length, timeoutMs, awaited(resolve, table)));
        return fds.map((_, index) => view.getUint16(8 * index + 6, true) !== 0);
      },
      send: (fd, bytes) => new Promise((resolve) => void c.send.async(fd, bytes, bytes.length, 0, awaited(resolve, bytes))),
      receive: (fd, buffer, flags) => new Promise((resolve) => void c.recv.async(fd, buffer, buffer.length, flags | MSG_TRUNC, awaited(resolve, buffer))),
      ethtool: (fd, name, data) => new Promise((resolve) => void c.ioctl.async(fd, SIOCETHTOOL, { name, data }, awaited(resolve, data))),
    },
  };
}
