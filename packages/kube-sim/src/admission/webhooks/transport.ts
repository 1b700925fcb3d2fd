/** One call of a webhook over HTTPS. */
export interface WebhookCall {
  /** `https://host[:port]/path?timeout=10s`. */
  readonly url: string;
  /** Where the URL names a service of the cluster, `https://NAME.NAMESPACE.svc:PORT/…`. */
  readonly service?: WebhookService;
  /** PEM certificates that the webhook's own must verify against; the host's trusted ones when absent. */
  readonly certificateAuthority?: string;
  /** JSON. */
  readonly body: string;
  readonly timeoutMs: number;
}

export interface WebhookService {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

export type WebhookReply =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string }
  /** The timeout is over. */
  | { readonly kind: 'timeout' }
  /** No answer, and why: `dial tcp 127.0.0.1:1: connect: connection refused`. */
  | { readonly kind: 'failure'; readonly cause: string };

/** How webhooks are reached: {@link noWebhooks} and in-process ones here, HTTPS in this package's edge. */
export interface WebhookTransport {
  /** POSTs the body. Never rejects. */
  post(call: WebhookCall): Promise<WebhookReply>;
}

/** Reaches nobody: for clusters without a network, in which every call fails and failure policies decide. */
export const noWebhooks: WebhookTransport = {
  post: async ({ url }) => ({ kind: 'failure', cause: `dial tcp: lookup ${hostOf(url)}: this cluster has no network to its webhooks` }),
};

export function hostOf(url: string): string {
  return /^https:\/\/([^/?#]*)/.exec(url)?.[1] ?? url;
}
