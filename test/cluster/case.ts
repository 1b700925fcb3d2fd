import type { JsonValue } from '@vfleet/core';

/**
 * One request, the same for both servers. Every string in it may hold `{{name}}`: `{{ns}}`, the case's own namespace;
 * `{{id}}`, a name of its own for what has no namespace; `{{webhook}}` and `{{webhookCa}}`, where the suite's admission webhook is;
 * and whatever earlier steps kept. `{{name|text}}` is the text where nothing was kept.
 */
export interface Request {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[]>>;
  /** Lower case. `content-type` is application/json for a body unless said here. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: JsonValue;
  /** Sent as it stands, for bodies that are not JSON or must not be normalised. */
  readonly text?: string;
  /** The name of a kept object; it is sent with `body` merged over it (RFC 7386). */
  readonly from?: string;
  /** Sent in place of a kept object that is not there. */
  readonly orElse?: JsonValue;
}

export interface RequestStep extends Request {
  /** Values of a successful answer that later steps want: `{ version: 'metadata.resourceVersion' }`; an empty path keeps the whole. */
  readonly keep?: Readonly<Record<string, string>>;
  /** Prepares a later step: has to succeed on both servers, is not compared. */
  readonly prepares?: boolean;
  /** A preparation whose answer may be a refusal. */
  readonly toleratesFailure?: boolean;
  /** Paths to compare instead of the whole body, where a server may rightly have more than ours. */
  readonly only?: readonly string[];
  /** Headers to compare beyond those that always are. */
  readonly alsoHeaders?: readonly string[];
  /** Repeats the request until the answer has this status, or this value at `path`: for what the API does in its own time. */
  readonly until?: { readonly status: number } | { readonly path: string; readonly is: JsonValue };
  /** Compare an array at these paths as a set: where the API promises no order. */
  readonly unordered?: readonly string[];
}

/** Opens a watch and leaves it open; what it answers before the first event is compared at once. */
export interface WatchStep {
  readonly watch: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Waits for events of an open watch and compares them. Bookmarks that come by the clock count only when all are asked for. */
export interface EventsStep {
  readonly events: string;
  /** So many, all until the server ends the watch, or all up to the first one of an object of this name. */
  readonly count: number | 'all' | { readonly untilName: string };
}

export interface PauseStep {
  readonly pauseMs: number;
}

/** The server forgets every version up to now. For themes that run alone. */
export interface CompactStep {
  readonly compact: true;
}

/** Compares what the admission webhook was asked about the case's namespace since the last such step. */
export interface ReviewsStep {
  readonly reviews: true;
  readonly prepares?: boolean;
}

export type Step = RequestStep | WatchStep | EventsStep | PauseStep | CompactStep | ReviewsStep;

export interface Case {
  /** Unique within its theme. */
  readonly name: string;
  readonly steps: readonly Step[];
  /** What the case needs before it starts, beside the namespace. */
  readonly needs?: readonly ('serviceAccount')[];
  /** Several mistakes that the real server finds while it walks a map of Go: their order is chance. */
  readonly causesInAnyOrder?: true;
}

/** The cases of one file. */
export interface Theme {
  /** DNS-1123 label of at most 20 characters: part of the namespaces' names. */
  readonly name: string;
  /** Done once, before the first case; `{{id}}` is the theme's name. */
  readonly setup?: readonly RequestStep[];
  readonly cases: readonly Case[];
  /** Disturbs whatever else runs on the server. */
  readonly alone?: true;
}

// ---------------------------------------------------------------------------------------------------------------------
// Steps in few words
// ---------------------------------------------------------------------------------------------------------------------

type Extra = Omit<RequestStep, 'method' | 'path' | 'body'>;

export const get = (path: string, extra: Extra = {}): RequestStep => ({ method: 'GET', path, ...extra });
export const create = (path: string, body: JsonValue, extra: Extra = {}): RequestStep => ({ method: 'POST', path, body, ...extra });
export const update = (path: string, body: JsonValue, extra: Extra = {}): RequestStep => ({ method: 'PUT', path, body, ...extra });
export const remove = (path: string, extra: Extra & { readonly body?: JsonValue } = {}): RequestStep => ({ method: 'DELETE', path, ...extra });
export const reviews: ReviewsStep = { reviews: true };
export const compact: CompactStep = { compact: true };
export const pause = (pauseMs: number): PauseStep => ({ pauseMs });

/** Sends a kept object back, with `changes` merged over it. */
export const sendBack = (path: string, kept: string, changes: JsonValue, extra: Extra = {}): RequestStep => ({ method: 'PUT', path, from: kept, body: changes, ...extra });

const patchOf = (type: string) => (path: string, body: JsonValue, extra: Extra = {}): RequestStep => ({
  method: 'PATCH', path, body, ...extra, headers: { 'content-type': `application/${type}`, ...extra.headers },
});

export const mergePatch = patchOf('merge-patch+json');
export const jsonPatch = patchOf('json-patch+json');
export const strategicPatch = patchOf('strategic-merge-patch+json');

const applyType = patchOf('apply-patch+yaml');

/** Server-side apply. */
export function apply(path: string, fieldManager: string, body: JsonValue, extra: Extra = {}): RequestStep {
  return applyType(path, body, { ...extra, query: { fieldManager, ...extra.query } });
}

export const watch = (name: string, path: string, query: Readonly<Record<string, string>> = {}, headers: Readonly<Record<string, string>> = {}): WatchStep => ({
  watch: name, path, query: { watch: 'true', ...query }, headers,
});

export const events = (name: string, count: EventsStep['count']): EventsStep => ({ events: name, count });

/** The step, as a preparation that is not compared. */
export const prepare = (step: RequestStep): RequestStep => ({ ...step, prepares: true });

// ---------------------------------------------------------------------------------------------------------------------
// Paths
// ---------------------------------------------------------------------------------------------------------------------

/** `core('pods', 'a')` is a pod of the case's namespace. */
export const core = (plural: string, name?: string, subresource?: string): string => path('/api/v1/namespaces/{{ns}}', plural, name, subresource);
export const clusterCore = (plural: string, name?: string, subresource?: string): string => path('/api/v1', plural, name, subresource);
export const group = (groupVersion: string, plural: string, name?: string, subresource?: string): string =>
  path(`/apis/${groupVersion}/namespaces/{{ns}}`, plural, name, subresource);
export const clusterGroup = (groupVersion: string, plural: string, name?: string, subresource?: string): string =>
  path(`/apis/${groupVersion}`, plural, name, subresource);

function path(base: string, ...parts: readonly (string | undefined)[]): string {
  return [base, ...parts.filter((part) => part !== undefined)].join('/');
}
