import type * as https from 'node:https';

/** Who says where the API server is, and as whom to speak to it. */
export interface AccessSource {
  /** Undefined where the configuration names no cluster for its current context. */
  readonly server: string | undefined;
  /** What it says never changes: it is asked once. */
  readonly isStatic: boolean;
  /** Requests must go through the agent that {@link apply} sets. */
  readonly isProxied: boolean;
  /** Sets headers, `auth`, `agent` and TLS settings of a request. Rejects when credentials cannot be had. */
  apply(options: https.RequestOptions): Promise<void>;
}
