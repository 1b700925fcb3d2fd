import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { isJsonObject, MemFiles } from '@vfleet/core';
import type { JsonValue } from '@vfleet/core';
import { RealClock } from '@vfleet/core/real.ts';
import { servingIdentity } from '@vfleet/kube-sim/edge/certificates.ts';
import { valueAt } from './paths.ts';

/**
 * An admission webhook that both servers call. The path says what it does: `/<side>/<behaviour>`, and each side's requests are
 * kept by namespace, to be compared too.
 */
export interface Webhook extends AsyncDisposable {
  readonly url: string;
  /** PEM, in base64 as webhook configurations want it. */
  readonly caBundle: string;
  /** The AdmissionReviews that came for objects of a namespace, and forgets them. */
  take(side: string, namespace: string): readonly JsonValue[];
  stop(): Promise<void>;
}

const slowMs = 3_000;
const patchOf = (operations: JsonValue) => Buffer.from(JSON.stringify(operations)).toString('base64');

/** What a behaviour answers to a review, or undefined where it misbehaves on the level of HTTP. */
const answers: Readonly<Record<string, (uid: JsonValue) => JsonValue>> = {
  allow: (uid) => ({ uid, allowed: true }),
  deny: (uid) => ({ uid, allowed: false }),
  explain: (uid) => ({ uid, allowed: false, status: { code: 418, message: 'the policy says no', reason: 'Policy' } }),
  warn: (uid) => ({ uid, allowed: true, warnings: ['first warning', 'second "quoted" warning'], auditAnnotations: { key: 'value' } }),
  label: (uid) => ({ uid, allowed: true, patchType: 'JSONPatch', patch: patchOf([{ op: 'add', path: '/metadata/labels', value: { 'added-by': 'webhook' } }]) }),
  data: (uid) => ({ uid, allowed: true, patchType: 'JSONPatch', patch: patchOf([{ op: 'add', path: '/data/webhook', value: 'was here' }]) }),
  break: (uid) => ({ uid, allowed: true, patchType: 'JSONPatch', patch: patchOf([{ op: 'add', path: '/metadata/name', value: 'Not A Name' }]) }),
  badpatch: (uid) => ({ uid, allowed: true, patchType: 'JSONPatch', patch: patchOf([{ op: 'remove', path: '/none/there' }]) }),
  otheruid: () => ({ uid: 'other', allowed: true }),
  patchtype: (uid) => ({ uid, allowed: true, patch: patchOf([]) }),
};

export async function startWebhook(): Promise<Webhook> {
  const clock = new RealClock();
  const identity = await servingIdentity(new MemFiles(), clock, '/webhook', '127.0.0.1');
  const seen = new Map<string, JsonValue[]>();
  const server = createServer({ key: identity.key, cert: identity.certificate }, (request, response) => void serve(request, response, seen));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    caBundle: Buffer.from(identity.caCertificate).toString('base64'),
    take: (side, namespace) => {
      const key = `${side}/${namespace}`;
      const found = seen.get(key) ?? [];
      seen.delete(key);
      return found;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function serve(request: IncomingMessage, response: ServerResponse, seen: Map<string, JsonValue[]>): Promise<void> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk as string;
  const [, side = '', behaviour = ''] = (request.url ?? '').split('?')[0]?.split('/') ?? [];
  const review = JSON.parse(text) as JsonValue;
  const key = `${side}/${String(valueAt(review, 'request.namespace') ?? '')}`;
  seen.set(key, [...(seen.get(key) ?? []), { behaviour, 'content-type': request.headers['content-type'] ?? 'none', review: withoutUser(review) }]);
  const send = (status: number, body: string, type = 'application/json') => void response.writeHead(status, { 'content-type': type }).end(body);
  const uid = valueAt(review, 'request.uid') ?? '';
  const answer = answers[behaviour];
  if (answer !== undefined) return send(200, JSON.stringify({ apiVersion: valueAt(review, 'apiVersion') ?? '', kind: 'AdmissionReview', response: answer(uid) }));
  if (behaviour === 'slow') await new Promise((resolve) => setTimeout(resolve, slowMs));
  if (behaviour === 'error') return send(500, 'something broke', 'text/plain');
  if (behaviour === 'garbage') return send(200, 'no JSON at all');
  if (behaviour === 'empty') return send(200, JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' }));
  if (behaviour === 'reset') return void request.socket.destroy();
  const known = isJsonObject(review) && behaviour === 'slow';
  send(known ? 200 : 404, JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid, allowed: true } }));
}

/** Who asked is not the same on both servers: each has an administrator of its own. */
function withoutUser(review: JsonValue): JsonValue {
  const request = valueAt(review, 'request');
  if (!isJsonObject(review) || request === undefined || !isJsonObject(request)) return review;
  const { userInfo, ...rest } = request;
  return { ...review, request: { ...rest, userInfo: userInfo === undefined ? 'none' : 'somebody' } };
}
