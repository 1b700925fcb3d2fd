import { readFile, stat, statfs } from 'node:fs/promises';
import type { NamespaceSight, Namespaces } from '@vfleet/controllers';

/** File system type of namespace files (linux/magic.h, NSFS_MAGIC). */
const NSFS_MAGIC = 0x6e736673;
/** Drawn anew by every boot, and the same in all containers (random(4)). */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

const REMEDY = 'Give the process the host\'s /run/netns, with mounts that come later (mountPropagation: HostToContainer), as deploy/ does. A namespace that has ended in fact is accounted for when its pod is deleted, or the node boots.';

type Found = { readonly kind: 'namespace'; readonly file: string } | { readonly kind: 'missing'; readonly cause: string } | { readonly kind: 'unreadable'; readonly cause: string };

/**
 * Network namespaces as a process of the host, or of a container, sees them. What it does not see may be behind a mount that it lacks: gone is only what an
 * earlier boot had, and what has left its path to another namespace.
 */
export class HostNamespaces implements Namespaces {
  readonly #bootIdPath: string;

  constructor(bootIdPath: string = BOOT_ID) {
    this.#bootIdPath = bootIdPath;
  }

  async identify(netns: string): Promise<string | undefined> {
    const [bootId, found] = await Promise.all([this.#bootId(), find(netns)]);
    return bootId === undefined || found.kind !== 'namespace' ? undefined : `${bootId} ${found.file}`;
  }

  async look(netns: string, identity: string | undefined): Promise<NamespaceSight> {
    const [bootIdThen, fileThen] = identity?.split(' ') ?? [];
    const found = await find(netns);
    if (found.kind === 'namespace') return fileThen === undefined || found.file === fileThen ? { kind: 'present' } : { kind: 'gone', evidence: `another namespace is at ${netns} now` };
    const bootId = bootIdThen === undefined ? undefined : await this.#bootId();
    return bootId === undefined || bootId === bootIdThen ? this.missing(found) : { kind: 'gone', evidence: 'the node has booted since' };
  }

  protected missing({ cause }: Exclude<Found, { kind: 'namespace' }>): NamespaceSight {
    return { kind: 'unknown', cause, remedy: REMEDY };
  }

  async #bootId(): Promise<string | undefined> {
    try {
      return (await readFile(this.#bootIdPath, 'utf8')).trim();
    } catch {
      return undefined;
    }
  }
}

/** As a process that the container runtime starts sees them: with the runtime's own mounts, so that what has no path there is no pod's any more. */
export class RuntimeNamespaces extends HostNamespaces {
  protected override missing(found: Exclude<Found, { kind: 'namespace' }>): NamespaceSight {
    return found.kind === 'missing' ? { kind: 'gone', evidence: `for the container runtime, ${found.cause}` } : super.missing(found);
  }
}

/** A path that was left behind without its mount is no namespace. */
async function find(netns: string): Promise<Found> {
  try {
    if ((await statfs(netns)).type !== NSFS_MAGIC) return { kind: 'missing', cause: `${netns} is a file, and no namespace is mounted there` };
    const { dev, ino } = await stat(netns);
    return { kind: 'namespace', file: `${dev}:${ino}` };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return code === 'ENOENT' || code === 'ENOTDIR' ? { kind: 'missing', cause: `there is nothing at ${netns}` } : { kind: 'unreadable', cause: `${netns} cannot be looked at: ${code}` };
  }
}
