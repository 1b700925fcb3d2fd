import { StatusError } from '../errors/status.ts';

/** How an answer shall look. */
export interface Accepted {
  readonly format: 'json' | 'yaml';
  readonly as: 'object' | 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList' | 'APIGroupDiscoveryList';
  /** Of meta.k8s.io, where `as` is one of its kinds. */
  readonly version: 'v1' | 'v1beta1';
}

const PLAIN: Accepted = { format: 'json', as: 'object', version: 'v1' };

/** The first offer of an Accept header that this server can make. Protobuf is declined, so clients that also take JSON get it. */
export function parseAccept(header: string | undefined): Accepted | undefined {
  if (header === undefined || header.trim() === '' || header === 'application/json') return PLAIN;
  for (const offer of byQuality(header)) {
    const accepted = acceptOne(offer);
    if (accepted !== undefined) return accepted;
  }
  return undefined;
}

/** Whether some offer is of a type that the real server makes at all, in whatever transformation. */
export function acceptsKnownType(header: string | undefined): boolean {
  return byQuality(header ?? '*/*').some(({ type }) => KNOWN.includes(type));
}

interface Offer {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

function byQuality(header: string): readonly Offer[] {
  const offers = header.split(',').map((part) => {
    const [type, ...rest] = part.split(';').map((piece) => piece.trim());
    return { type: type!.toLowerCase(), parameters: new Map(rest.map((piece) => piece.split('=') as [string, string])) };
  });
  const quality = ({ parameters }: Offer) => Number(parameters.get('q') ?? 1);
  return offers.map((offer, index) => ({ offer, index })).sort((a, b) => quality(b.offer) - quality(a.offer) || a.index - b.index).map(({ offer }) => offer);
}

const KNOWN: readonly string[] = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf', '*/*'];

function acceptOne({ type, parameters }: Offer): Accepted | undefined {
  const format = type === 'application/json' || type === '*/*' ? 'json' : type === 'application/yaml' ? 'yaml' : undefined;
  if (format === undefined) return undefined;
  const as = parameters.get('as');
  if (as === undefined) return { format, as: 'object', version: 'v1' };
  const version = parameters.get('v');
  const group = parameters.get('g');
  if (group === 'meta.k8s.io' && (version === 'v1' || version === 'v1beta1') && (as === 'Table' || as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList')) return { format, as, version };
  if (group === 'apidiscovery.k8s.io' && version === 'v2' && as === 'APIGroupDiscoveryList') return { format, as, version: 'v1' };
  return undefined;
}

const TYPES = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';

/**
 * 406, in the words for a type that is not made at all (which name what is) or for a transformation that is not made.
 * Protobuf stands in both, since the real server's words are kept; see the docs for what is not answered in it.
 */
export function notAcceptable(what: 'type of an object' | 'type of a list' | 'transformation'): StatusError {
  if (what === 'transformation') return new StatusError('NotAcceptable', 406, `only the following media types are accepted: ${TYPES}`);
  const streams = what === 'type of a list' ? ', application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch' : '';
  return new StatusError('NotAcceptable', 406, `406: Not Acceptable\n\nAvailable representations: ${TYPES}${streams}`, {});
}
