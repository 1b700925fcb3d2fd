import type { KubeError } from '@vfleet/core';
import type { Core, Target } from '../registry/core.ts';
import { apiVersionOf } from '../registry/definition.ts';
import { watchObjects } from '../registry/watching.ts';
import type { WatchRequest } from '../registry/watching.ts';
import { StatusError } from '../errors/status.ts';
import type { HubEvent } from '../store/watch-hub.ts';
import { objectAt } from '../values/json.ts';
import type { ApiObject, JsonObject } from '../values/json.ts';
import { partialMetadata, renderTable } from '../table/render.ts';
import { DurableLines } from './durable-lines.ts';
import type { Exchange } from './exchange.ts';
import type { View } from './render.ts';

/** Watches without a timeout of their own end after 30 to 60 minutes (apiserver --min-request-timeout). */
const TIMEOUT_MIN_SECONDS = 1800;

/** Lines already made for events that many watchers get: one encoding serves them all. */
const encodedEvents = new WeakMap<HubEvent, string>();

/** Streams a watch as lines of JSON until the client goes, the time is over or the watch fails. */
export function streamWatch(core: Core, exchange: Exchange, target: Target, options: WatchRequest, view: View): void {
  const { response } = exchange;
  exchange.limits.streams.enter(response);
  const lines = new DurableLines(response, core.store, exchange.limits);
  const encode = encoderFor(core, target, view);
  const timeoutSeconds = options.timeoutSeconds !== undefined && options.timeoutSeconds > 0 ? options.timeoutSeconds : TIMEOUT_MIN_SECONDS + core.random.integer(TIMEOUT_MIN_SECONDS);
  const watch = watchObjects(core, target, { ...options, timeoutSeconds }, {
    event: (event) => {
      const line = encode(event);
      if (line !== undefined) lines.write(line);
    },
    end: (error) => {
      if (error !== undefined) lines.write(`${JSON.stringify({ type: 'ERROR', object: statusOf(error) })}\n`);
      lines.end();
    },
  });
  response.once('close', () => watch.stop());
  exchange.startStream('application/json');
}

function statusOf(error: KubeError): object {
  return error instanceof StatusError ? error.status : { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: error.message, reason: error.reason, code: error.code };
}

type BookmarkEvent = HubEvent & { readonly type: 'BOOKMARK' };

function bookmarkMetadata(event: BookmarkEvent): object {
  return { resourceVersion: event.resourceVersion, ...(event.initialEventsEnd === true ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}) };
}

/** Inside of the real server a workload's number of replicas is always there. */
function withZeroReplicas(object: JsonObject): JsonObject {
  return { ...object, spec: { replicas: 0, ...objectAt(object, 'spec') } };
}

function encoderFor(core: Core, { resource }: Target, { accepted, includeObject }: View): (event: HubEvent) => string | undefined {
  const kind = { kind: resource.kind, apiVersion: apiVersionOf(resource) };
  // A bookmark is an object of the kind of which nothing is said.
  const empty = resource.scale === undefined || resource.custom ? resource.emptyObject() : withZeroReplicas(resource.emptyObject());
  const nothing = (metadata: object) => ({ ...kind, ...empty, metadata });
  const bookmark = (event: BookmarkEvent, shape: (metadata: object) => object) => `${JSON.stringify({ type: 'BOOKMARK', object: shape(bookmarkMetadata(event)) })}\n`;
  if (accepted.as === 'Table') {
    let withColumns = true;
    return (event) => {
      const object = event.type === 'BOOKMARK' ? (nothing(bookmarkMetadata(event)) as ApiObject) : event.object;
      const metadata = { resourceVersion: object.metadata.resourceVersion };
      const table = renderTable(resource, [object], metadata, { includeObject, nowMs: core.clock.now(), withColumns, version: accepted.version });
      withColumns = false;
      return `${JSON.stringify({ type: event.type, object: table })}\n`;
    };
  }
  if (accepted.as !== 'object') {
    return (event) => event.type === 'BOOKMARK'
      ? bookmark(event, (metadata) => ({ kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${accepted.version}`, metadata }))
      : `${JSON.stringify({ type: event.type, object: partialMetadata(event.object, accepted.version) })}\n`;
  }
  return (event) => {
    if (event.type === 'BOOKMARK') return bookmark(event, nothing);
    let line = encodedEvents.get(event);
    if (line === undefined) {
      line = `${JSON.stringify({ type: event.type, object: event.object })}\n`;
      encodedEvents.set(event, line);
    }
    return line;
  };
}
