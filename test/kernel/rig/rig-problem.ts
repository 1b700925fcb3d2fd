/** Why the kernel rig cannot run here: what is missing, and how to get it. */
export class RigProblem extends Error {
  override readonly name = 'RigProblem';
  readonly remedy: string;

  constructor(cause: string, remedy: string) {
    super(cause);
    this.remedy = remedy;
  }
}
