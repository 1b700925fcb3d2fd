/** Who asks. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid?: string;
}

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

/** Something in the text of a body that its value shows no more: a key that stands there twice. */
export interface TextProblem {
  /** As strict field validation refuses it. */
  readonly refusal: string;
  readonly warnings: readonly string[];
}

/** What every operation knows of the request it belongs to. */
export interface RequestContext {
  readonly user: User;
  /** Name under which managedFields record who set what. */
  readonly fieldManager: string;
  readonly dryRun: boolean;
  readonly fieldValidation: FieldValidation;
  /** What the client said of options (CreateOptions and the like), as admission webhooks are told it; absent in process. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** What is wrong with the text of the body. */
  readonly textProblems?: readonly TextProblem[];
  /** A sentence for the `Warning` header; dropped in process. */
  warn(text: string): void;
}
