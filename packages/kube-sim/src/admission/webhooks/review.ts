import { apiVersionOf } from '../../registry/definition.ts';
import type { ResourceDefinition } from '../../registry/definition.ts';
import { StatusError } from '../../errors/status.ts';
import type { StatusDetails } from '../../errors/status.ts';
import { isObject } from '../../values/json.ts';
import type { JsonObject } from '../../values/json.ts';
import type { AdmissionRequest } from '../admission.ts';

/** Why a webhook's answer is not taken, or why there is none: the tail of `failed calling webhook "x": …`. */
export class WebhookFailure extends Error {}

/** What an AdmissionReview of admission.k8s.io/v1 asks (apiserver pkg/admission/plugin/webhook/request, CreateV1AdmissionReview). */
export function admissionRequest(uid: string, request: AdmissionRequest, resource: ResourceDefinition): JsonObject {
  const { context, operation, subresource, name, namespace = '', object, previous } = request;
  const subKind = subresource === '' ? undefined : resource.subresources.find((candidate) => candidate.name === subresource);
  const kindOf = (definition: ResourceDefinition) => ({ group: subKind?.group ?? definition.group, version: subKind?.version ?? definition.version, kind: subKind?.kind ?? definition.kind });
  const resourceOf = ({ group, version, plural }: ResourceDefinition) => ({ group, version, resource: plural });
  const inVersion = (value: JsonObject | undefined) => (value === undefined ? null : versioned(value, request.resource, resource));
  return {
    uid,
    kind: kindOf(resource),
    resource: resourceOf(resource),
    ...(subresource === '' ? {} : { subResource: subresource }),
    requestKind: kindOf(request.resource),
    requestResource: resourceOf(request.resource),
    ...(subresource === '' ? {} : { requestSubResource: subresource }),
    ...(name === '' ? {} : { name }),
    ...(namespace === '' ? {} : { namespace }),
    operation,
    userInfo: { username: context.user.name, ...(context.user.uid === undefined ? {} : { uid: context.user.uid }), groups: context.user.groups },
    object: operation === 'DELETE' ? null : inVersion(object),
    oldObject: inVersion(previous),
    dryRun: context.dryRun,
    options: { kind: OPTIONS[operation], apiVersion: 'meta.k8s.io/v1', ...context.options },
  };
}

const OPTIONS: Readonly<Record<AdmissionRequest['operation'], string>> = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions', CONNECT: 'PodExecOptions' };

/** Versions of a resource differ in nothing but their name here. */
function versioned(object: JsonObject, from: ResourceDefinition, to: ResourceDefinition): JsonObject {
  return from === to ? object : { ...object, apiVersion: apiVersionOf(to) };
}

export function reviewText(request: JsonObject): string {
  return JSON.stringify({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request });
}

/** An answer that holds up. */
export interface ReviewResponse {
  readonly allowed: boolean;
  readonly status: JsonObject | undefined;
  readonly warnings: readonly string[];
  /** Operations of a JSON patch, as text; empty for none. */
  readonly patch: string;
}

/** Reads and checks an answer (VerifyAdmissionResponse). Throws WebhookFailure. */
export function readReview(text: string, uid: string, isMutating: boolean): ReviewResponse {
  const review = parsed(text);
  const response = review['response'];
  const invalid = (why: string) => new WebhookFailure(`received invalid webhook response: ${why}`);
  if (!isObject(response)) throw invalid('webhook response was absent');
  if (response['uid'] !== uid) throw invalid(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response['uid'] ?? '')}`);
  const [apiVersion, kind] = [String(review['apiVersion'] ?? ''), String(review['kind'] ?? '')];
  if (apiVersion !== 'admission.k8s.io/v1' || kind !== 'AdmissionReview') {
    throw invalid(`expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${apiVersion}, Kind=${kind}`);
  }
  const patch = typeof response['patch'] === 'string' ? response['patch'] : '';
  const { patchType } = response;
  if (!isMutating && patch !== '') throw invalid('validating webhook may not return response.patch');
  if (!isMutating && patchType !== undefined) throw invalid('validating webhook may not return response.patchType');
  if (patch !== '' && (patchType === undefined || patchType === null)) throw invalid('webhook returned response.patch but not response.patchType');
  if (patch === '' && patchType !== undefined && patchType !== null) throw invalid('webhook returned response.patchType but not response.patch');
  if (patchType === '') throw invalid('webhook returned invalid response.patchType of ""');
  if (patch !== '' && patchType !== 'JSONPatch') throw new WebhookFailure(`unsupported patch type ${JSON.stringify(patchType)}`);
  const warnings = Array.isArray(response['warnings']) ? response['warnings'].filter((warning) => typeof warning === 'string') : [];
  return { allowed: response['allowed'] === true, status: isObject(response['status']) ? response['status'] : undefined, warnings, patch: decoded(patch) };
}

function parsed(text: string): JsonObject {
  const refuse = (why: string) => new WebhookFailure(`failed to call webhook: couldn't get version/kind; json parse error: ${why}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // What is no JSON is taken for YAML, and a line of words is a string there.
    throw refuse(`json: cannot unmarshal string into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`);
  }
  if (!isObject(value)) throw refuse(`json: cannot unmarshal ${Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`);
  return value;
}

function decoded(base64: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  } catch {
    throw new WebhookFailure('failed to call webhook: illegal base64 data at input byte 0');
  }
}

/** A refusal in the webhook's own words (apiserver pkg/admission/plugin/webhook/errors/statuserror.go). */
export function refusal(name: string, status: JsonObject | undefined): StatusError {
  const deniedBy = `admission webhook "${name}" denied the request`;
  const said = (key: string) => (typeof status?.[key] === 'string' ? (status[key] as string) : '');
  const message = said('message') !== '' ? `${deniedBy}: ${said('message')}` : said('reason') !== '' ? `${deniedBy}: ${said('reason')}` : `${deniedBy} without explanation`;
  const code = typeof status?.['code'] === 'number' && status['code'] >= 400 ? status['code'] : 400;
  const details = isObject(status?.['details']) ? (status['details'] as StatusDetails) : undefined;
  // The reason is the webhook's and may be any word; an empty one is Unknown to us.
  return new StatusError((said('reason') || 'Unknown') as 'Unknown', code, message, details);
}
