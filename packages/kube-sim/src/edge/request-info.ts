/** What a path under /api or /apis names (apiserver pkg/endpoints/request/requestinfo.go). */
export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  readonly namespace?: string;
  readonly plural: string;
  readonly name?: string;
  readonly subresource: string;
  /** The old form /api/v1/watch/… */
  readonly isWatchPath: boolean;
  /** Further segments, which no resource here takes. */
  readonly rest: readonly string[];
}

/** Undefined when the path names no resource: discovery, health and the like. */
export function parseResourcePath(segments: readonly string[]): ResourcePath | undefined {
  const isCore = segments[0] === 'api';
  if (!isCore && segments[0] !== 'apis') return undefined;
  const group = isCore ? '' : segments[1];
  const version = segments[isCore ? 1 : 2];
  let rest = segments.slice(isCore ? 2 : 3);
  if (group === undefined || version === undefined || rest.length === 0) return undefined;
  const isWatchPath = rest[0] === 'watch';
  if (isWatchPath) rest = rest.slice(1);
  // namespaces/NAME/RESOURCE lies in a namespace; namespaces/NAME and its own subresources are the namespace.
  const inNamespace = rest[0] === 'namespaces' && rest.length > 2 && !NAMESPACE_SUBRESOURCES.includes(rest[2]!);
  const namespace = inNamespace ? rest[1] : undefined;
  const [plural, name, subresource = '', ...more] = inNamespace ? rest.slice(2) : rest;
  if (plural === undefined) return undefined;
  return {
    group, version, plural, subresource, isWatchPath, rest: more,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined || name === '' ? {} : { name }),
  };
}

const NAMESPACE_SUBRESOURCES: readonly string[] = ['status', 'finalize'];
