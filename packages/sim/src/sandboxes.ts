import type { PodSandbox } from '@vfleet/core';

export type SandboxId = Pick<PodSandbox, 'namespace' | 'name' | 'uid' | 'containerId' | 'netns'>;

/** What a container runtime knows of its sandboxes by the CNI calls that it made. */
export class Sandboxes {
  readonly #attached = new Map<string, SandboxId>();
  /** Attachments under way, and whether a DEL has come meanwhile. */
  readonly #underWay = new Map<string, { ended: boolean }>();

  /** Of an ADD: the sandbox is attached when that succeeds, unless a DEL came in the middle of it. */
  async during<Value extends { readonly ok: boolean }>({ namespace, name, uid, containerId, netns }: SandboxId, adding: Promise<Value>): Promise<Value> {
    const mine = { ended: false };
    this.#underWay.set(containerId, mine);
    const added = await adding;
    if (this.#underWay.get(containerId) === mine) this.#underWay.delete(containerId);
    if (added.ok && !mine.ended) this.#attached.set(containerId, { namespace, name, uid, containerId, netns });
    return added;
  }

  /** A DEL begins: whether it succeeds or not, the sandbox is no longer used. */
  end(containerId: string): void {
    const adding = this.#underWay.get(containerId);
    if (adding !== undefined) adding.ended = true;
    this.#attached.delete(containerId);
  }

  /** The machine went down. */
  clear(): void {
    for (const adding of this.#underWay.values()) adding.ended = true;
    this.#attached.clear();
  }

  all(): readonly SandboxId[] {
    return [...this.#attached.values()];
  }
}
