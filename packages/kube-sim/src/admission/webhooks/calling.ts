import type { Random } from '@vfleet/core';
import { badRequestError, internalError } from '../../errors/status.ts';
import type { StatusError } from '../../errors/status.ts';
import type { AdmissionRequest } from '../admission.ts';
import type { Store } from '../../store/store.ts';
import type { WebhookSpec } from './configuration.ts';
import type { Invocation } from './matching.ts';
import { admissionRequest, readReview, reviewText, WebhookFailure } from './review.ts';
import type { ReviewResponse } from './review.ts';
import type { WebhookCall, WebhookReply, WebhookTransport } from './transport.ts';

const DEFAULT_TIMEOUT_SECONDS = 10;

export interface CallPorts {
  readonly random: Random;
  readonly store: Store;
  readonly transport: WebhookTransport;
}

/**
 * Asks one webhook. Undefined when it could not be asked and its policy is to go on. Throws StatusError: 500 for a call that
 * fails, 400 for a dry run that the webhook cannot take part in.
 */
export async function callWebhook({ webhook, resource }: Invocation, request: AdmissionRequest, isMutating: boolean, ports: CallPorts): Promise<ReviewResponse | undefined> {
  const { spec } = webhook;
  if (request.context.dryRun && spec.sideEffects !== 'None' && spec.sideEffects !== 'NoneOnDryRun') {
    throw badRequestError(`admission webhook "${spec.name}" does not support dry run`);
  }
  try {
    if (spec.admissionReviewVersions?.includes('v1') === false) {
      throw new WebhookFailure('could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)');
    }
    const uid = ports.random.uuid();
    const call = callOf(spec, reviewText(admissionRequest(uid, request, resource)));
    const reply = missingService(spec, ports.store) ?? (await ports.transport.post(call));
    const response = readReview(bodyOf(call, reply), uid, isMutating);
    for (const warning of response.warnings) request.context.warn(warning);
    return response;
  } catch (error) {
    if (!(error instanceof WebhookFailure)) throw error;
    if (spec.failurePolicy === 'Ignore') return undefined;
    throw callFailure(spec.name, error.message);
  }
}

export function callFailure(name: string, why: string): StatusError {
  return internalError(`failed calling webhook "${name}": ${why}`);
}

function callOf({ clientConfig: { url, service, caBundle }, timeoutSeconds = DEFAULT_TIMEOUT_SECONDS }: WebhookSpec, body: string): WebhookCall {
  const port = service?.port ?? 443;
  const base = service === undefined ? url! : `https://${service.name}.${service.namespace}.svc:${port}${service.path ?? '/'}`;
  const withPath = /^https:\/\/[^/]*$/.test(base) ? `${base}/` : base;
  return {
    url: `${withPath}${withPath.includes('?') ? '&' : '?'}timeout=${timeoutSeconds}s`,
    ...(service === undefined ? {} : { service: { namespace: service.namespace, name: service.name, port } }),
    ...(caBundle === undefined || caBundle === '' ? {} : { certificateAuthority: atob(caBundle) }),
    body,
    timeoutMs: timeoutSeconds * 1000,
  };
}

function missingService({ clientConfig: { service } }: WebhookSpec, store: Store): WebhookReply | undefined {
  if (service === undefined || store.collection('services').get(`${service.namespace}/${service.name}`) !== undefined) return undefined;
  return { kind: 'failure', cause: `service "${service.name}" not found` };
}

function bodyOf({ url }: WebhookCall, reply: WebhookReply): string {
  switch (reply.kind) {
    case 'timeout': throw new WebhookFailure(`failed to call webhook: Post "${url}": context deadline exceeded`);
    case 'failure': throw new WebhookFailure(`failed to call webhook: Post "${url}": ${reply.cause}`);
    case 'answer': {
      if (reply.status >= 200 && reply.status < 300) return reply.body;
      throw new WebhookFailure(`failed to call webhook: ${httpProblem(reply.status, reply.body)}`);
    }
  }
}

/** What client-go makes of a status code (apimachinery pkg/api/errors, NewGenericServerResponse). */
function httpProblem(status: number, body: string): string {
  switch (status) {
    case 400: return 'the server rejected our request for an unknown reason';
    case 401: return 'the server has asked for the client to provide credentials';
    case 403: return body.trim() === '' ? 'forbidden' : body.trim();
    case 404: return 'the server could not find the requested resource';
    case 405: return 'the server does not allow this method on the requested resource';
    case 406: return 'the server was unable to respond with a content type that the client supports';
    case 409: return 'the server reported a conflict';
    case 415: return 'the body of the request was in an unknown format - accepted media types include: ';
    case 422: return 'the server rejected our request due to an error in our request';
    case 429: return 'the server has received too many requests and has asked us to try again later';
    case 503: return 'the server is currently unable to handle the request';
    case 504: return 'the server was unable to return a response in the time allotted, but may still be processing the request';
    default: return status >= 500 ? `an error on the server (${JSON.stringify(body.trim() || 'unknown')}) has prevented the request from succeeding` : `the server responded with the status code ${status} but did not return more information`;
  }
}
