/** One entry of an initramfs. A directory has no data, a link has its target as data. */
export interface ArchiveEntry {
  readonly path: string;
  readonly kind: 'directory' | 'file' | 'link';
  /** Permission bits. */
  readonly mode?: number;
  readonly data?: Uint8Array;
}

const TYPES = { directory: 0o040000, file: 0o100000, link: 0o120000 } as const;
const NEWC = '070701';
const TRAILER = 'TRAILER!!!';

/** A cpio archive in the `newc` format, which is what the kernel unpacks (Documentation/driver-api/early-userspace/buffer-format.rst). */
export function cpioArchive(entries: readonly ArchiveEntry[]): Buffer {
  const parts = entries.flatMap((entry, index) => record(index + 1, entry.path, TYPES[entry.kind] | (entry.mode ?? 0o755), entry.data ?? new Uint8Array()));
  return Buffer.concat([...parts, ...record(0, TRAILER, 0, new Uint8Array())]);
}

function record(inode: number, path: string, mode: number, data: Uint8Array): readonly Buffer[] {
  const name = Buffer.from(`${path}\0`);
  const fields = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(NEWC + fields.map((field) => field.toString(16).padStart(8, '0')).join(''));
  return [padded(Buffer.concat([header, name])), padded(Buffer.from(data))];
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
