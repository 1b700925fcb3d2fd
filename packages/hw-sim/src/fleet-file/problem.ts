/** Something wrong in a fleet file. */
export interface FleetProblem {
  /** Where, as in `nodes[2].pfs[0].personality`. */
  readonly path: string;
  readonly cause: string;
  /** What is allowed, or what was probably meant. */
  readonly remedy: string;
}

export function problem(path: string, cause: string, remedy: string): FleetProblem {
  return { path, cause, remedy };
}
