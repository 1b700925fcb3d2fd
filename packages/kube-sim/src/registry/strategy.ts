import type { FieldError } from '../errors/field-error.ts';
import type { ApiObject } from '../values/json.ts';
import type { RequestContext } from './request.ts';

/** What is particular to a kind when it is written. Everything else is the same for all kinds. */
export interface Strategy {
  /** Sets what clients may not say and what is derived; the object is complete and defaulted otherwise. */
  prepareForCreate(object: ApiObject, context: RequestContext): ApiObject;
  validateCreate(object: ApiObject): readonly FieldError[];
  /** Takes over from `previous` what this request may not change. */
  prepareForUpdate(next: ApiObject, previous: ApiObject): ApiObject;
  validateUpdate(next: ApiObject, previous: ApiObject): readonly FieldError[];
  /** Sentences for the client, after validation passed. */
  warnings(next: ApiObject, previous: ApiObject | undefined): readonly string[];
  /** What is wrong with a name, one sentence each; `isPrefix` for generateName. */
  nameProblems(name: string, isPrefix: boolean): readonly string[];
  /** Whether the kind's own validation looks at metadata on create; else only the rules for all kinds hold. */
  readonly checksMetaOnCreate: boolean;
  /** What the kind's own validation of an update repeats of the rules for metadata: visible in the causes of a refusal. */
  readonly metaChecksOnUpdate: readonly ('change' | 'whole')[];
  /** Finalizers without a domain are refused, as all kinds of Kubernetes itself do. */
  readonly needsQualifiedFinalizers: boolean;
  /** PUT of what does not exist creates it. */
  readonly allowCreateOnUpdate: boolean;
  /** PUT without resourceVersion overwrites whatever is there. */
  readonly allowUnconditionalUpdate: boolean;
  /** Whether metadata.generation is kept. */
  readonly hasGeneration: boolean;
  /** Seconds until the object is removed, 0 for at once; absent where a kind has no graceful deletion. */
  graceSeconds?(object: ApiObject, requested: number | undefined): number;
  /** For kinds that hold their own deletion in more than metadata.finalizers (namespaces): how it begins, and what holds it. */
  readonly heldDeletion?: { begin(object: ApiObject, nowMs: number): ApiObject; isHeld(object: ApiObject): boolean };
  /** Finalizers that deletion without a propagation policy sets (jobs orphan their pods). */
  readonly defaultPropagation?: 'Orphan';
  /** A sentence for clients that delete without saying what becomes of dependents. */
  readonly unsaidPropagationWarning?: string;
  /** The answer to DELETE is the object and not a Status. */
  readonly returnsDeletedObject: boolean;
}
