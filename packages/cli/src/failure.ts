/** A failure that a person at the terminal is told: what happened, and what to do next. Never a stack trace. */
export class CliFailure extends Error {
  override readonly name = 'CliFailure';
  readonly remedy: string;
  readonly exitStatus: number;

  constructor(cause: string, remedy: string, exitStatus = 1) {
    super(cause);
    this.remedy = remedy;
    this.exitStatus = exitStatus;
  }
}
