import { canonical } from './compare.ts';
import type { Difference } from './differential.ts';

/** A difference that stays, and why. `npm run test:cluster` fails when it is no difference any more. */
export interface KnownDifference {
  /** `theme/case`; `*` stands for any text, here and in the path. */
  readonly case: string;
  /** As a {@link Difference} has it. */
  readonly path: string;
  /** What the two say, as JSON (`nothing` where there is nothing), where the difference is no matter of its place alone. */
  readonly real?: string;
  readonly ours?: string;
  /** For the documentation: what our server does instead, and why that is right for it. */
  readonly reason: string;
}

const oneAdministrator = 'There is one user, an administrator: no RBAC decisions, no impersonation, no tokens for service accounts. RBAC objects are stored and validated, so that manifests apply, and reviews say yes.';
const goComparison = 'The real server adds a comparison as Go\'s cmp package prints it, with the names of Go\'s fields; the sentence before it is the same.';
const goStruct = 'The message shows the whole value: the real server as its internal Go struct with the names and zeros of all its fields, ours as the object. The field and the sentence are the same.';
const noDebugging = 'No ephemeral containers: nothing runs in a simulated pod that one could debug. The subresource is not there, and kubectl debug says that ephemeral containers are disabled for this cluster.';
const yamlParser = 'What is wrong with a YAML text is said in the words of another parser.';

export const knownDifferences: readonly KnownDifference[] = [
  {
    case: 'statuses/Accept of protobuf first', path: '*',
    reason: 'No protobuf: every client that prefers it also takes JSON, and gets that. Only components of Kubernetes itself write protobuf.',
  },
  {
    case: 'custom/protobuf is not for custom resources', path: '*',
    reason: 'Both refuse a client that takes nothing but protobuf, with the same status and sentence; ours is in JSON.',
  },
  {
    case: 'custom/an integer beyond 64 bits', path: '*',
    reason: 'Numbers are those of JavaScript: integers beyond 2^53 keep no last digits, so the first one that needs 64 bits is taken for the largest that does not.',
  },
  {
    case: 'evolution/two versions of different fields', path: 'body.metadata.managedFields', real: 'nothing',
    reason: 'An update with fields that another version with a record of owners does not know costs the real server the whole record, which it fails to translate; ours keeps it.',
  },
  { case: 'access/impersonation: refused', path: '*', reason: oneAdministrator },
  { case: 'access/impersonation: a service account', path: '*', reason: oneAdministrator },
  { case: 'access/impersonation: a group without a user', path: '*', reason: oneAdministrator },
  { case: 'access/may I: as somebody else', path: '*', reason: oneAdministrator },
  { case: 'access/may they', path: '*', reason: oneAdministrator },
  { case: 'access/a role that gives more than one has', path: '*', reason: oneAdministrator },
  { case: 'access/a token for a service account', path: '*', reason: oneAdministrator },
  { case: 'access/cluster roles that come with the server', path: '*', reason: oneAdministrator },
  { case: 'discovery/version', path: 'gitVersion', reason: 'The version says that it is not the real server: 1.34.x with +vfleet behind it.' },
  { case: 'pod-life/*', path: 'body.message', real: '*pod updates may not change fields other than*', ours: '*pod updates may not change fields other than*', reason: goComparison },
  { case: 'pod-life/*', path: 'body.details.causes[0].message', real: '*pod updates may not change fields other than*', ours: '*pod updates may not change fields other than*', reason: goComparison },
  { case: 'pod-life/an ephemeral container', path: '*', reason: noDebugging },
  { case: 'pod-life/an ephemeral container changes', path: '*', reason: noDebugging },
  { case: 'pod-life/resize', path: '*', reason: 'Pods are not resized in place: no container is held to what it may use. The subresource is not there, as on clusters before 1.33.' },
  { case: 'subresources/scale: by apply', path: '*', reason: 'A Scale is read, replaced and patched, which is what kubectl scale and autoscalers do; it cannot be applied.' },
  { case: 'workloads/Job: the template cannot change', path: 'body.message', real: '*field is immutable*', ours: '*field is immutable*', reason: goStruct },
  { case: 'workloads/Job: the template cannot change', path: 'body.details.causes[0].message', real: '*field is immutable*', ours: '*field is immutable*', reason: goStruct },
  { case: 'drawn/*', path: 'body.message', real: '*pod updates may not change fields other than*', ours: '*pod updates may not change fields other than*', reason: goComparison },
  { case: 'drawn/*', path: 'body.details.causes[*].message', real: '*pod updates may not change fields other than*', ours: '*pod updates may not change fields other than*', reason: goComparison },
  { case: 'applying/YAML scalar *, ? x', path: 'body.message', reason: yamlParser },
  { case: 'applying/YAML that is none', path: 'body.message', reason: yamlParser },
  { case: 'statuses/YAML that is none', path: 'body.message', reason: yamlParser },
];

/** What is new, and which entries were seen. */
export interface Sifted {
  readonly unknown: readonly Difference[];
  readonly seen: readonly KnownDifference[];
}

export function sift(found: readonly Difference[], known: readonly KnownDifference[]): Sifted {
  const explains = (entry: KnownDifference, difference: Difference) =>
    matches(entry.case, difference.case) && matches(entry.path, difference.path) && matches(entry.real ?? '*', canonical(difference.real)) && matches(entry.ours ?? '*', canonical(difference.ours));
  return {
    unknown: found.filter((difference) => !known.some((entry) => explains(entry, difference))),
    seen: known.filter((entry) => found.some((difference) => explains(entry, difference))),
  };
}

/** Entries whose cases ran and showed no such difference. */
export function stale(known: readonly KnownDifference[], ran: ReadonlySet<string>, seen: ReadonlySet<KnownDifference>): readonly KnownDifference[] {
  return known.filter((entry) => !seen.has(entry) && [...ran].some((name) => matches(entry.case, name)));
}

function matches(pattern: string, text: string): boolean {
  const source = pattern.split('*').map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)).join('.*');
  return new RegExp(`^${source}$`, 's').test(text);
}
