import type { SimulatedNode } from './node.ts';

/** What a process can say of a namespace by its path: the shape of the controllers' `NamespaceSight`. */
export type SimNamespaceSight =
  | { readonly kind: 'present' }
  | { readonly kind: 'gone'; readonly evidence: string }
  | { readonly kind: 'unknown'; readonly cause: string; readonly remedy: string };

/** The network namespaces of a simulated node as a process on it sees them, which is as much as on a host: of a path that leads nowhere it is known only whether the node has booted since. */
export class SimNamespaces {
  readonly #node: Pick<SimulatedNode, 'bootId' | 'namespaces'>;
  readonly #isHidden: () => boolean;

  /** `isHidden`: the process has not the mount that they are under. */
  constructor(node: Pick<SimulatedNode, 'bootId' | 'namespaces'>, isHidden: () => boolean = () => false) {
    this.#node = node;
    this.#isHidden = isHidden;
  }

  async identify(netns: string): Promise<string | undefined> {
    return this.#sees(netns) ? this.#node.bootId : undefined;
  }

  async look(netns: string, identity: string | undefined): Promise<SimNamespaceSight> {
    if (this.#sees(netns)) return { kind: 'present' };
    if (identity !== undefined && identity !== this.#node.bootId) return { kind: 'gone', evidence: 'the node has booted since' };
    return { kind: 'unknown', cause: `there is nothing at ${netns}`, remedy: 'Mount the folder of namespaces.' };
  }

  #sees(netns: string): boolean {
    return !this.#isHidden() && this.#node.namespaces.includes(netns);
  }
}
