import type { ApiObject } from '../values/json.ts';

/** One committed write. */
export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** `namespace/name`, or `name` for what has no namespace. */
  readonly key: string;
  readonly revision: number;
  /** The object after the write; for DELETED its last state with the resourceVersion of the deletion. */
  readonly object: ApiObject;
  /** The object before the write; absent for ADDED. */
  readonly previous?: ApiObject;
}
