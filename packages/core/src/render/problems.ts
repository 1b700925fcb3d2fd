interface Told {
  /** What is wrong, in one sentence. */
  readonly cause: string;
  /** What to do about it. */
  readonly remedy: string;
}

interface OfPolicy extends Told {
  readonly policy: string;
}

/** Policies with these problems are left out of the rendering as a whole. */
export type PolicyBroken =
  /** An element of `pfNames` is not `name` or `name#first-last`. */
  | (OfPolicy & { readonly kind: 'malformedRange'; readonly selector: string })
  /** A range of `pfNames` names VFs that the policy does not create. */
  | (OfPolicy & { readonly kind: 'rangeBeyondNumVfs'; readonly selector: string })
  /** It is marked so, which is no mistake. */
  | (OfPolicy & { readonly kind: 'dryRun' });

/** What rendering one node found wrong. A problem of one policy never takes the others down. */
export type RenderProblem =
  | PolicyBroken
  /** The VFs are rendered, the bridge is not. */
  | (OfPolicy & { readonly kind: 'bridgeNotPossible'; readonly why: 'gateOff' | 'notSwitchdev' | 'notEthernet' | 'externallyManaged' })
  /** Rendered as asked; the node will refuse. */
  | (OfPolicy & { readonly kind: 'moreVfsThanTotal'; readonly pciAddress: string })
  /** The RDMA mode is left as it is, and the node is not drained, until only one pool selects it. */
  | (Told & { readonly kind: 'nodeInTwoPools'; readonly pools: readonly string[] });

export function isPolicyBroken(problem: RenderProblem): problem is PolicyBroken {
  return problem.kind === 'malformedRange' || problem.kind === 'rangeBeyondNumVfs' || problem.kind === 'dryRun';
}
