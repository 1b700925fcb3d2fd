import { KubeError } from '@vfleet/core';
import * as http from 'node:http';
import * as https from 'node:https';
import type { AccessSource } from './access-source.ts';

/** What a request needs beyond its path: where to, as whom, over which connections. */
export interface Access {
  readonly base: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** For requests that end: few connections, kept alive and reused. */
  readonly requests: http.Agent;
  /** For watches: one connection each. */
  readonly watches: http.Agent;
}

/** TLS settings by which connections differ. */
type TlsKey = 'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'rejectUnauthorized' | 'servername';
const TLS_KEYS: readonly TlsKey[] = ['ca', 'cert', 'key', 'pfx', 'passphrase', 'rejectUnauthorized', 'servername'];

const CONNECTIONS_MAX = 64;
/** Below the idle timeouts of the usual load balancers, so that they do not close a connection under a request. */
const IDLE_MS = 30_000;

/**
 * Connections to an API server. Its source is asked for credentials (it may run exec plugins, read token files, refresh); the
 * connections are ours, because client-node 2.x makes a new agent, and with it a new TLS connection, for every request.
 */
export class Connection {
  readonly #source: AccessSource;
  #access: Access | undefined;
  #tls: https.AgentOptions = {};

  constructor(source: AccessSource) {
    this.#source = source;
  }

  /** Access as of now. Throws KubeError Unauthorized when credentials cannot be had. */
  async access(): Promise<Access> {
    if (this.#access !== undefined && this.#source.isStatic) return this.#access;
    const options: https.RequestOptions = {};
    try {
      await this.#source.apply(options);
    } catch (error) {
      throw new KubeError('Unauthorized', 401, `no credentials for the API server: ${error instanceof Error ? error.message : String(error)}`);
    }
    return (this.#access = this.#renewed(options));
  }

  close(): void {
    this.#access?.requests.destroy();
    this.#access?.watches.destroy();
  }

  #renewed(options: https.RequestOptions): Access {
    const { server } = this.#source;
    if (server === undefined) throw new KubeError('BadRequest', 400, 'the kubeconfig names no cluster for its current context');
    const base = this.#access?.base ?? new URL(server);
    const headers = { ...headersOf(options), ...(typeof options.auth !== 'string' ? {} : { Authorization: `Basic ${Buffer.from(options.auth).toString('base64')}` }) };
    const tls = Object.fromEntries(TLS_KEYS.filter((key) => options[key] !== undefined).map((key) => [key, options[key]])) as https.AgentOptions;
    if (this.#access !== undefined && sameTls(tls, this.#tls)) return { ...this.#access, headers };
    // Rotated credentials: what runs on the old connections ends on them, and idle ones time out by themselves.
    this.#tls = tls;
    return { base, headers, ...this.#agents(base, tls, options) };
  }

  #agents(base: URL, tls: https.AgentOptions, options: https.RequestOptions): Pick<Access, 'requests' | 'watches'> {
    // A proxy's agent knows how to tunnel: it is taken as client-node makes it.
    if (this.#source.isProxied && options.agent instanceof http.Agent) return { requests: options.agent, watches: options.agent };
    const Agent = base.protocol === 'https:' ? https.Agent : http.Agent;
    return {
      requests: new Agent({ ...tls, keepAlive: true, maxSockets: CONNECTIONS_MAX, maxFreeSockets: CONNECTIONS_MAX, scheduling: 'lifo', timeout: IDLE_MS }),
      watches: new Agent({ ...tls, keepAlive: false, maxSockets: Number.POSITIVE_INFINITY }),
    };
  }
}

function headersOf(options: https.RequestOptions): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(options.headers ?? {}).map(([name, value]) => [name, String(value)]));
}

function sameTls(a: https.AgentOptions, b: https.AgentOptions): boolean {
  return TLS_KEYS.every((key) => {
    const [one, other] = [a[key], b[key]];
    return Buffer.isBuffer(one) && Buffer.isBuffer(other) ? one.equals(other) : one === other;
  });
}
