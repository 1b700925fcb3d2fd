/** What an informer is to follow: a resource in a namespace, or in all when it is empty, as far as labels select. */
export interface Scope {
  readonly resource: ChurnedResource;
  readonly namespace: string;
  /** Only objects that are labelled as shown. */
  readonly onlyShown: boolean;
}

export type ChurnedResource = 'configmaps' | 'parts';

/** An informer, as the processes that run them are told of it. */
export interface InformerSpec extends Scope {
  readonly name: string;
  /** Bounds of the timeouts that its watches ask for; 0 leaves it to the client. */
  readonly minSeconds: number;
  readonly maxSeconds: number;
}

/** An object as seen by somebody: `namespace/name`, uid, resourceVersion, and the number that its writer put into it. */
export type Seen = readonly [key: string, uid: string, version: string, number: string];

/** What an informer did or was told, in order. The processes that run informers write one as JSON a line. */
export type InformerRecord = { readonly informer: string } & (
  | { readonly what: 'list'; readonly version: string; readonly continued?: boolean; readonly more?: boolean; readonly objects: readonly Seen[] }
  /** `initial`: a streaming list, whose first events are what there is. */
  | { readonly what: 'watch'; readonly version?: string; readonly initial?: boolean }
  | { readonly what: 'event'; readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: Seen }
  | { readonly what: 'bookmark'; readonly version: string; readonly initialEnd?: boolean }
  | { readonly what: 'error'; readonly code?: number; readonly text: string }
  /** What its handler was told. */
  | { readonly what: 'told'; readonly type: 'add' | 'update' | 'delete'; readonly object: Seen }
  /** What its store holds, when asked. */
  | { readonly what: 'state'; readonly objects: readonly Seen[] }
);

export const churnedGroup = 'churn.vfleet.example';
export const shownSelector = 'shown=yes';

/** Where a resource is, without a name. */
export function pathOf(resource: ChurnedResource, namespace: string): string {
  const base = resource === 'configmaps' ? '/api/v1' : `/apis/${churnedGroup}/v1`;
  return namespace === '' ? `${base}/${resource}` : `${base}/namespaces/${namespace}/${resource}`;
}

/** The namespaces of everything that is churned; the real server keeps objects of its own in others. */
export const churnedNamespaces = ['churn-a', 'churn-b'] as const;

export function isChurned([key]: Seen): boolean {
  return churnedNamespaces.some((namespace) => key.startsWith(`${namespace}/`));
}
