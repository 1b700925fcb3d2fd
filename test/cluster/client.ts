import { Agent, request as httpsRequest } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** A server of the Kubernetes API that can be spoken to. */
export interface ApiAccess {
  readonly url: string;
  /** PEM certificates that the server's own verifies against. */
  readonly certificateAuthority: string;
  readonly token: string;
}

export interface RawRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** An answer that goes on until one side ends it. */
export interface AnswerStream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Lines received so far that nobody took. */
  readonly lines: string[];
  readonly ended: boolean;
  /** Resolves when there are `count` lines, the stream ended, or the time is over. */
  wait(count: number, timeoutMs: number): Promise<void>;
  close(): void;
}

const requestTimeoutMs = 120_000;

/** Speaks HTTPS over kept-alive connections, and nothing above it. */
export class ApiClient {
  readonly access: ApiAccess;
  readonly #agent: Agent;
  readonly #streamAgent: Agent;
  readonly #host: string;
  readonly #port: string;

  constructor(access: ApiAccess, connectionsMax = 16) {
    this.access = access;
    const { hostname, port } = new URL(access.url);
    this.#host = hostname;
    this.#port = port;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connectionsMax, ca: access.certificateAuthority });
    // Watches hold their connection; they must not starve the rest.
    this.#streamAgent = new Agent({ keepAlive: true, ca: access.certificateAuthority });
  }

  async send(request: RawRequest): Promise<RawAnswer> {
    const response = await this.#open(request, this.#agent, requestTimeoutMs);
    response.setEncoding('utf8');
    let text = '';
    for await (const chunk of response) text += chunk as string;
    return { status: response.statusCode ?? 0, headers: response.headers, text };
  }

  /** Resolves when the headers are there. */
  async stream(request: RawRequest): Promise<AnswerStream> {
    return streamOf(await this.#open(request, this.#streamAgent, undefined));
  }

  close(): void {
    this.#agent.destroy();
    this.#streamAgent.destroy();
  }

  #open(request: RawRequest, agent: Agent, timeoutMs: number | undefined): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const pending = httpsRequest(
        {
          agent, host: this.#host, port: this.#port, method: request.method, path: request.path,
          headers: {
            authorization: `Bearer ${this.access.token}`, accept: 'application/json', 'user-agent': 'vfleet-suite/1.0', ...request.headers,
            ...(request.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(request.body)) }),
          },
        },
        (response) => {
          answered = true;
          resolve(response);
        },
      );
      let answered = false;
      if (timeoutMs !== undefined) pending.setTimeout(timeoutMs, () => pending.destroy(new Error(`No answer to ${request.method} ${request.path} within ${timeoutMs} ms.`)));
      // A server may refuse a large body and close before it is sent: the answer counts, not the broken pipe.
      pending.on('error', (error) => {
        if (!answered) reject(error);
      });
      pending.end(request.body);
    });
  }
}

function streamOf(response: IncomingMessage): AnswerStream {
  const lines: string[] = [];
  const wakers = new Set<() => void>();
  const wake = () => wakers.forEach((waker) => waker());
  let rest = '';
  let ended = false;
  const end = () => {
    if (ended) return;
    ended = true;
    if (rest !== '') lines.push(rest);
    wake();
  };
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
    wake();
  });
  response.on('end', end).on('error', end).on('close', end);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    lines,
    get ended() {
      return ended;
    },
    wait: (count, timeoutMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(finish, timeoutMs);
        function finish(): void {
          clearTimeout(timer);
          wakers.delete(check);
          resolve();
        }
        function check(): void {
          if (ended || lines.length >= count) finish();
        }
        wakers.add(check);
        check();
      }),
    close: () => void response.destroy(),
  };
}
