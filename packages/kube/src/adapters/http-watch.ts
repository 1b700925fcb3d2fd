import type { KubeObject, Subscription, WatchSink } from '@vfleet/core';
import { KubeError, isKubeError } from '@vfleet/core';
import type { IncomingMessage } from 'node:http';
import type { Connection } from './connection.ts';
import { LineSplitter } from './json-lines.ts';
import { freezeDeep } from './objects.ts';
import type { ApiRequest } from './request.ts';
import { errorOfAnswer, errorOfStatus } from './status-error.ts';
import type { TransportLimits } from './transport.ts';
import { open, read } from './transport.ts';

export interface HttpWatchOptions extends TransportLimits {
  readonly userAgent: string;
  readonly eventBytesMax: number;
}

/** One watch: a response of JSON lines, each an event (apimachinery pkg/apis/meta/v1/watch.go). */
export class HttpWatch<Type extends KubeObject> implements Subscription {
  readonly #sink: WatchSink<Type>;
  readonly #abort = new AbortController();
  #isOver = false;

  constructor(connection: Connection, request: ApiRequest, options: HttpWatchOptions, sink: WatchSink<Type>) {
    this.#sink = sink;
    void this.#run(connection, request, options);
  }

  /** Nothing is told to the sink from here on. */
  stop(): void {
    this.#isOver = true;
    this.#abort.abort();
  }

  async #run(connection: Connection, request: ApiRequest, options: HttpWatchOptions): Promise<void> {
    let incoming: IncomingMessage;
    try {
      incoming = await open(connection, request, options.userAgent, options, this.#abort.signal);
      if (incoming.statusCode !== 200) {
        const { code, body, retryAfter } = await read(incoming, options.answerBytesMax, options.requestTimeoutMs);
        throw errorOfAnswer(code, body, retryAfter);
      }
    } catch (error) {
      this.#end(isKubeError(error) ? error : broken(error));
      return;
    }
    this.#follow(incoming, options.eventBytesMax);
  }

  #follow(incoming: IncomingMessage, eventBytesMax: number): void {
    const lines = new LineSplitter(eventBytesMax, (line) => this.#line(line));
    incoming.on('data', (chunk: Buffer) => {
      if (!this.#isOver && !lines.push(chunk)) this.#end(new KubeError('RequestEntityTooLarge', 413, `an event of the watch is longer than ${eventBytesMax} bytes`));
    });
    incoming.once('error', (error) => this.#end(broken(error)));
    incoming.once('end', () => this.#end());
    incoming.once('close', () => this.#end(incoming.complete ? undefined : broken('the connection broke')));
  }

  #line(line: string): void {
    if (this.#isOver) return;
    const event = parseEvent(line);
    if (event === undefined) {
      this.#end(new KubeError('Unknown', 200, `an event of the watch is none: ${line.slice(0, 200)}`));
      return;
    }
    const { type, object } = event;
    // An event for an object holds what the resource's path promises; the sink's type is that of the resource.
    if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') this.#sink.event({ type, object: freezeDeep(object) as Type });
    else if (type === 'BOOKMARK') this.#sink.event({ type, resourceVersion: (object as KubeObject).metadata.resourceVersion ?? '' });
    else if (type === 'ERROR') this.#end(errorOfStatus(object, 500));
  }

  #end(error?: KubeError): void {
    if (this.#isOver) return;
    this.stop();
    this.#sink.end(error);
  }
}

function parseEvent(line: string): { readonly type: string; readonly object: object } | undefined {
  try {
    const { type, object } = JSON.parse(line) as { readonly type?: unknown; readonly object?: unknown };
    return typeof type === 'string' && typeof object === 'object' && object !== null ? { type, object } : undefined;
  } catch {
    return undefined;
  }
}

function broken(cause: unknown): KubeError {
  return new KubeError('Unreachable', 0, `watch: ${cause instanceof Error ? cause.message : String(cause)}`);
}
