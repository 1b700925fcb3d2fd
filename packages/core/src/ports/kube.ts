import type { Subscription } from './hardware.ts';

/** apimachinery ObjectMeta, as far as our code reads it. Objects from a cache or a list are frozen: copy on write. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly generateName?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
  readonly managedFields?: readonly Readonly<Record<string, unknown>>[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/** Names a resource of the API and, as a type parameter only, the shape of its objects. */
export interface Resource<Type extends KubeObject = KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural, lower case: `sriovnetworknodestates`. */
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never present at run time; carries the type. */
  readonly type?: Type;
}

export interface ObjectKey {
  readonly namespace?: string;
  readonly name: string;
}

export interface ListOptions {
  /** All namespaces when absent. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: 'NotOlderThan' | 'Exact';
}

export interface ListPage<Type> {
  readonly resourceVersion: string;
  /** Present when there is more. */
  readonly continue?: string;
  readonly remainingItemCount?: number;
  readonly items: readonly Type[];
}

export interface WatchOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Absent or "": synthetic ADDED events first, then from "now". */
  readonly resourceVersion?: string;
  readonly allowBookmarks?: boolean;
  readonly timeoutSeconds?: number;
}

export type WatchEvent<Type> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: Type }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

export interface WatchSink<Type> {
  event(event: WatchEvent<Type>): void;
  /** Called once, last. No error: the server closed the stream in an orderly way (timeout). */
  end(error?: KubeError): void;
}

export type Patch =
  | { readonly type: 'json'; readonly operations: readonly Readonly<Record<string, unknown>>[] }
  | { readonly type: 'merge'; readonly patch: Readonly<Record<string, unknown>> }
  | { readonly type: 'strategic'; readonly patch: Readonly<Record<string, unknown>> }
  | { readonly type: 'apply'; readonly patch: Readonly<Record<string, unknown>>; readonly fieldManager: string; readonly force?: boolean };

export interface WriteOptions {
  readonly fieldManager?: string;
  readonly dryRun?: boolean;
}

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: boolean;
}

/** Reasons of apimachinery's metav1.StatusReason, and what only a client can see. */
export type KubeErrorReason =
  | 'BadRequest' | 'Unauthorized' | 'Forbidden' | 'NotFound' | 'AlreadyExists' | 'Conflict' | 'Gone' | 'Expired' | 'Invalid'
  | 'MethodNotAllowed' | 'NotAcceptable' | 'UnsupportedMediaType' | 'RequestEntityTooLarge' | 'TooManyRequests' | 'Timeout' | 'ServerTimeout'
  | 'InternalError' | 'ServiceUnavailable' | 'StoreReadError'
  /** No answer arrived: the request may or may not have been carried out. */
  | 'Unreachable'
  | 'Unknown';

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

/** A refusal by the API server (or the lack of an answer), as thrown by every Kube adapter. */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly reason: KubeErrorReason;
  /** HTTP status; 0 for Unreachable. */
  readonly code: number;
  readonly causes: readonly StatusCause[];
  /** Seconds, from Retry-After or the status details. */
  readonly retryAfterSeconds?: number;

  constructor(reason: KubeErrorReason, code: number, message: string, more: { readonly causes?: readonly StatusCause[]; readonly retryAfterSeconds?: number } = {}) {
    super(message);
    this.reason = reason;
    this.code = code;
    this.causes = more.causes ?? [];
    if (more.retryAfterSeconds !== undefined) this.retryAfterSeconds = more.retryAfterSeconds;
  }
}

/** True when `error` is a KubeError with one of `reasons`. */
export function isKubeError(error: unknown, ...reasons: readonly KubeErrorReason[]): error is KubeError {
  return error instanceof KubeError && (reasons.length === 0 || reasons.includes(error.reason));
}

/** The Kubernetes API as controllers use it. Every method throws KubeError and nothing else. */
export interface Kube {
  get<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey): Promise<Type>;
  list<Type extends KubeObject>(resource: Resource<Type>, options?: ListOptions): Promise<ListPage<Type>>;
  watch<Type extends KubeObject>(resource: Resource<Type>, options: WatchOptions, sink: WatchSink<Type>): Subscription;
  create<Type extends KubeObject>(resource: Resource<Type>, object: Type, options?: WriteOptions): Promise<Type>;
  /** PUT: refused with Conflict when `metadata.resourceVersion` is set and not the newest. Only namespaces have `finalize`. */
  update<Type extends KubeObject>(resource: Resource<Type>, object: Type, options?: WriteOptions & { readonly subresource?: 'status' | 'finalize' }): Promise<Type>;
  patch<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey, patch: Patch, options?: WriteOptions & { readonly subresource?: 'status' }): Promise<Type>;
  delete(resource: Resource, key: ObjectKey, options?: DeleteOptions): Promise<void>;
  /** POST pods/NAME/eviction (policy/v1). TooManyRequests when a PodDisruptionBudget forbids it. */
  evict(key: ObjectKey, options?: DeleteOptions): Promise<void>;
  /** POST pods/NAME/binding. */
  bind(key: ObjectKey, nodeName: string): Promise<void>;
}
