import type { ApiServer } from '@vfleet/kube-sim';

type CommitListener = Parameters<ApiServer['core']['store']['onCommit']>[0];
/** One resource's objects in the API server. */
export type Collection = Parameters<CommitListener>[0];
/** One committed write. */
export type Change = Parameters<CommitListener>[1];
