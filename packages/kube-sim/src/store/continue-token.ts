/** Where a paged list goes on: the revision of its snapshot and the key of the last item. Opaque to clients. */
export interface ContinueToken {
  /** -1: the snapshot is gone; go on in the newest state, knowing that it may not be consistent. */
  readonly revision: number;
  readonly startKey: string;
}

/** The token's form is etcd3's, base64url of JSON with a version tag (apiserver pkg/storage/continue.go). */
export function encodeContinue({ revision, startKey }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: startKey })).toString('base64url');
}

/** Undefined when the text is none of ours. */
export function decodeContinue(text: string): ContinueToken | undefined {
  if (!/^[A-Za-z0-9_-]+={0,2}$/.test(text)) return undefined;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (typeof parsed !== 'object' || parsed === null) return undefined;
    const { v, rv, start } = parsed as Readonly<Record<string, unknown>>;
    if (v !== 'meta.k8s.io/v1' || typeof rv !== 'number' || !Number.isSafeInteger(rv) || typeof start !== 'string' || start === '') return undefined;
    return { revision: rv, startKey: start };
  } catch {
    return undefined;
  }
}
