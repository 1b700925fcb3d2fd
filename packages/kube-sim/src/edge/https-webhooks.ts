import { request as httpsRequest } from 'node:https';
import type { RequestOptions } from 'node:https';
import { rootCertificates } from 'node:tls';
import type { WebhookCall, WebhookReply, WebhookService, WebhookTransport } from '../admission/webhooks/transport.ts';

export interface HttpsWebhookOptions {
  /** Where a service of the cluster listens; by default nowhere, since services of a simulated cluster have no network. */
  readonly resolve?: (service: WebhookService) => { readonly host: string; readonly port: number } | undefined;
}

/** Answers larger than this are no AdmissionReviews. */
const ANSWER_MAX_BYTES = 4 * 1024 * 1024;

/** Calls webhooks over TLS, which their certificates must pass. */
export function httpsWebhooks({ resolve }: HttpsWebhookOptions = {}): WebhookTransport {
  return {
    post(call) {
      const { hostname, port, pathname, search } = new URL(call.url);
      const name = hostname.replace(/^\[(.*)\]$/, '$1');
      const place = call.service === undefined ? { host: name, port: Number(port) || 443 } : resolve?.(call.service);
      if (place === undefined) return Promise.resolve({ kind: 'failure', cause: `dial tcp: lookup ${name}: no such host` });
      return post(call, {
        ...place, path: `${pathname}${search}`, method: 'POST', agent: false,
        ...(isAddress(name) ? {} : { servername: name }),
        ca: call.certificateAuthority ?? [...rootCertificates],
        headers: { host: port === '' ? hostname : `${hostname}:${port}`, 'content-type': 'application/json', accept: 'application/json, */*', 'content-length': Buffer.byteLength(call.body), 'user-agent': 'kube-apiserver-admission' },
      });
    },
  };
}

function isAddress(name: string): boolean {
  return /^[\d.]+$/.test(name) || name.includes(':');
}

function post({ body, timeoutMs }: WebhookCall, options: RequestOptions): Promise<WebhookReply> {
  return new Promise((resolve) => {
    const deadline = AbortSignal.timeout(timeoutMs);
    const fail = (error: Error) => resolve(deadline.aborted ? { kind: 'timeout' } : { kind: 'failure', cause: causeOf(error, options) });
    const outgoing = httpsRequest({ ...options, signal: deadline }, (incoming) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      incoming.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > ANSWER_MAX_BYTES) incoming.destroy(new Error('the answer is too large'));
        else chunks.push(chunk);
      });
      incoming.on('error', fail);
      incoming.on('end', () => resolve({ kind: 'answer', status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }));
    });
    outgoing.on('error', fail);
    outgoing.end(body);
  });
}

const UNKNOWN_AUTHORITY: readonly string[] = ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'CERT_SIGNATURE_FAILURE'];

/** What Go's net/http and crypto/tls say of the same. */
function causeOf(error: Error & { readonly code?: string; readonly reason?: string }, { host, port }: RequestOptions): string {
  const code = error.code ?? '';
  if (UNKNOWN_AUTHORITY.includes(code)) return 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') return 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `tls: failed to verify certificate: x509: ${error.reason ?? error.message}`;
  if (code === 'ECONNREFUSED') return `dial tcp ${host}:${port}: connect: connection refused`;
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${host}: no such host`;
  if (code === 'ECONNRESET') return 'EOF';
  return error.message;
}
