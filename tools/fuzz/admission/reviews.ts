import type { Admission } from '@vfleet/controllers';
import { admissionPaths } from '@vfleet/controllers';
import { JSON_DEPTH_MAX } from '@vfleet/core';
import { applyJsonPatch } from '@vfleet/kube-sim/patch/json-patch.ts';
import { Draw } from '../draw.ts';
import { TEXTS, anyValue, mutated } from '../values.ts';
import { KINDS, NAMESPACE, drawCustomResource, drawPod } from './objects.ts';

/** What one request for admission was, and what is wrong with the answer. */
export interface ReviewOutcome {
  readonly outcome: 'allowed' | 'denied' | 'not a review' | 'no webhook';
  /** Undefined: all is well. */
  readonly failure: string | undefined;
}

interface Drawn {
  readonly path: string;
  readonly body: string;
  /** Reviewed objects, for patches. */
  readonly object: unknown;
}

const PATHS: readonly string[] = Object.values(admissionPaths);
const MESSAGE_MAX = 64 * 1024;

/** The body of a review, now and then with something in it that no API server sends, or no JSON at all. */
export function drawReview(seed: string, index: number): Drawn {
  const draw = new Draw(`${seed}/${index}`);
  const isPod = draw.once(3);
  const drawn = isPod ? undefined : drawCustomResource(draw, 3);
  const object: unknown = drawn?.object ?? drawPod(draw);
  const [group, kind] = isPod ? ['', 'Pod'] : ['sriovnetwork.openshift.io', drawn!.object.kind];
  const request = {
    uid: 'u', kind: { group, version: 'v1', kind }, operation: draw.from(['CREATE', 'CREATE', 'CREATE', 'UPDATE', 'DELETE', 'CONNECT']), namespace: draw.from([NAMESPACE, 'default']), name: 'x', object,
    ...(draw.once(4) ? { oldObject: drawCustomResource(draw, 2, draw.from(KINDS)).object } : {}),
  };
  let review: unknown = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request };
  if (draw.once(10)) review = mutated(draw, review);
  const path = draw.once(50) ? draw.from(['/', '/mutate/', '/__proto__', ...TEXTS]) : isPod ? admissionPaths.inject : draw.from(PATHS);
  const body = draw.once(30) ? broken(draw, JSON.stringify(review)) : draw.once(40) ? JSON.stringify(anyValue(draw)) : JSON.stringify(review);
  return { path, body, object };
}

function broken(draw: Draw, text: string): string {
  const at = draw.integer(text.length + 1);
  switch (draw.integer(4)) {
    case 0: return text.slice(0, at);
    case 1: return text.slice(0, at) + draw.from([...TEXTS, '{', ']', ',', '\u0000']) + text.slice(at);
    case 2: return draw.from(TEXTS);
    default: return `${'['.repeat(at)}${text}`;
  }
}

/** Asks twice, compares with what a plain reading of the body says, and applies what is answered. */
export async function fuzzReview(admission: Admission, seed: string, index: number): Promise<ReviewOutcome> {
  const { path, body } = drawReview(seed, index);
  const answer = await admission.answer(path, body);
  const again = await admission.answer(path, body);
  const outcome = answer.status === 404 ? 'no webhook' : answer.status !== 200 ? 'not a review' : answer.allowed === true ? 'allowed' : 'denied';
  const failure = (answer.status !== again.status || answer.body !== again.body ? 'two answers to one request' : undefined) ?? (await problemOf(admission, path, body, answer));
  return { outcome, failure };
}

async function problemOf(admission: Admission, path: string, body: string, answer: { readonly status: number; readonly body: string; readonly allowed?: boolean }): Promise<string | undefined> {
  const request = PATHS.includes(path) ? requestIn(body) : undefined;
  const expected = !PATHS.includes(path) ? 404 : request === undefined ? 400 : 200;
  if (answer.status !== expected) return `${answer.status} instead of ${expected}: ${answer.body.slice(0, 200)}`;
  if (answer.status !== 200) return answer.body === '' || answer.body.length > MESSAGE_MAX ? `a refusal of ${answer.body.length} characters` : undefined;
  const { apiVersion, kind, response } = JSON.parse(answer.body) as { readonly apiVersion: unknown; readonly kind: unknown; readonly response: Readonly<Record<string, unknown>> };
  if (apiVersion !== 'admission.k8s.io/v1' || kind !== 'AdmissionReview' || response['uid'] !== request!.uid || response['allowed'] !== answer.allowed) return `no answer to the request: ${answer.body.slice(0, 200)}`;
  if (answer.allowed === false) {
    const { code, message } = response['status'] as { readonly code: unknown; readonly message: unknown };
    return code === 422 && typeof message === 'string' && message !== '' && message.length <= MESSAGE_MAX ? undefined : `a denial with ${String(code)} and ${String(message).length} characters`;
  }
  const patch = response['patch'];
  if (patch === undefined) return undefined;
  const operations = JSON.parse(Buffer.from(String(patch), 'base64').toString()) as readonly Readonly<Record<string, unknown>>[];
  const patched = applyJsonPatch(request!.object, operations);
  // API servers ask again when another webhook changed something: what was done is not done twice.
  const second = await admission.answer(path, JSON.stringify({ ...(JSON.parse(body) as object), request: { ...(JSON.parse(body) as { readonly request: object }).request, object: patched } }));
  const repeated = second.status === 200 && second.allowed === true ? (JSON.parse(second.body) as { readonly response: { readonly patch?: string } }).response.patch : undefined;
  if (second.allowed !== true) return `refused after its own patch: ${second.body.slice(0, 300)}`;
  return repeated === undefined ? undefined : `patched twice: ${Buffer.from(repeated, 'base64').toString().slice(0, 300)}`;
}

/** By the words of admission.k8s.io/v1: what must be there for a request to be one. */
function requestIn(body: string): { readonly uid: string; readonly object: unknown } | undefined {
  let review: unknown;
  try {
    review = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (depthOf(review) > JSON_DEPTH_MAX) return undefined;
  const at = (value: unknown, key: string): unknown => (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, key) ? (value as Readonly<Record<string, unknown>>)[key] : undefined);
  const request = at(review, 'request');
  const [uid, group, kind, operation] = [at(request, 'uid'), at(at(request, 'kind'), 'group') ?? '', at(at(request, 'kind'), 'kind'), at(request, 'operation')];
  const isReview = at(review, 'kind') === 'AdmissionReview' && at(review, 'apiVersion') === 'admission.k8s.io/v1' && typeof uid === 'string' && uid !== '' && typeof group === 'string' && typeof kind === 'string';
  return isReview && ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'].includes(String(operation)) && typeof operation === 'string' ? { uid: uid as string, object: at(request, 'object') } : undefined;
}

/** Without recursion: bodies may be deeper than the stack. */
function depthOf(value: unknown): number {
  let level: unknown[] = [value];
  let depth = 0;
  for (; level.some((one) => typeof one === 'object' && one !== null); depth++) level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []));
  return depth;
}
