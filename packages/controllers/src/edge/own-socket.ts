import { chmod, lstat, rename, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, dirname, join } from 'node:path';
import type { Random } from '@vfleet/core';

/** Longest path of a unix socket: sun_path of 108 bytes with its final zero (unix(7)). */
const PATH_BYTES_MAX = 107;
/** Room for the dot and the name under which a socket is made. */
const TEMPORARY_LENGTH = 11;

/**
 * A unix socket put in its place atomically: it is made under a dotted name, which the kubelet's plugin watcher passes over, and takes
 * its place by rename, so that nobody meets a socket that does not answer yet, and a successor takes over from us without a gap.
 */
export class OwnSocket {
  readonly path: string;
  readonly #identity: string;

  private constructor(path: string, identity: string) {
    this.path = path;
    this.#identity = identity;
  }

  static async place(path: string, random: Random, listen: (temporary: string) => Promise<void>): Promise<OwnSocket> {
    const temporary = join(dirname(path), `.${random.suffix(TEMPORARY_LENGTH - 1)}`);
    try {
      await listen(temporary);
      await chmod(temporary, 0o600);
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    const identity = await identityOf(path);
    if (identity === undefined) throw new Error(`${path} vanished while it was made`);
    return new OwnSocket(path, identity);
  }

  /** Whether the path still leads to this socket. While it is open its inode is not used again. */
  async isInPlace(): Promise<boolean> {
    return (await identityOf(this.path)) === this.#identity;
  }

  /** Removes the path, unless somebody else's socket is there by now. */
  async remove(): Promise<void> {
    if (await this.isInPlace()) await rm(this.path, { force: true });
  }
}

async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await lstat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined;
    throw error;
  }
}

/**
 * The name of a resource's socket, as users know it from the SR-IOV network device plugin: `<prefix>_<name>.sock`. One that would be too
 * long for a socket is cut and told apart by a checksum.
 */
export function socketName(resourceName: string, folder: string): string {
  const name = `${resourceName.replace('/', '_')}.sock`;
  const room = PATH_BYTES_MAX - Buffer.byteLength(folder) - 1;
  if (Math.max(name.length, TEMPORARY_LENGTH) <= room) return name;
  const short = `${resourceName.replace('/', '_').slice(0, Math.max(0, room - '_00000000.sock'.length))}_${checksum(resourceName)}.sock`;
  if (short.length > room) throw new Error(`${folder} is too long a path for a unix socket (${PATH_BYTES_MAX} bytes with the socket's name)`);
  return short;
}

/** FNV-1a, 32 bits, eight hexadecimal digits. */
function checksum(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, '0');
}

/** The endpoint that a kubelet is told in legacy mode: a name in its folder. */
export function endpointOf(path: string): string {
  return basename(path);
}

/** Whether somebody accepts connections at a path. */
export function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}

export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isDirectory();
  } catch {
    return false;
  }
}
