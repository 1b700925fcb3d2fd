import type { KubeErrorReason, StatusCause } from '@vfleet/core';
import { KubeError } from '@vfleet/core';

/** Reasons by HTTP status, for answers that carry no metav1.Status (a proxy's, say). */
const BY_CODE: Readonly<Record<number, KubeErrorReason>> = {
  400: 'BadRequest', 401: 'Unauthorized', 403: 'Forbidden', 404: 'NotFound', 405: 'MethodNotAllowed', 406: 'NotAcceptable', 409: 'Conflict', 410: 'Gone',
  413: 'RequestEntityTooLarge', 415: 'UnsupportedMediaType', 422: 'Invalid', 429: 'TooManyRequests', 500: 'InternalError', 503: 'ServiceUnavailable', 504: 'Timeout',
};

const KNOWN: readonly KubeErrorReason[] = [...Object.values(BY_CODE), 'AlreadyExists', 'Expired', 'ServerTimeout', 'StoreReadError'];

const TEXT_SHOWN_MAX = 500;

/** The error that a refusal means: by its Status where it has one, else by its code. `retryAfter` is the header's text. */
export function errorOfAnswer(code: number, body: string, retryAfter: string | undefined): KubeError {
  const status = parseStatus(body);
  const seconds = secondsOf(retryAfter);
  if (status !== undefined) return errorOfStatus(status, code, seconds);
  const text = body.trim().slice(0, TEXT_SHOWN_MAX);
  return new KubeError(BY_CODE[code] ?? 'Unknown', code, text === '' ? `the API server answered ${code} without a reason` : text, seconds === undefined ? {} : { retryAfterSeconds: seconds });
}

/** The error that a metav1.Status means; `code` stands in where it has none. */
export function errorOfStatus(status: object, code: number, headerSeconds?: number): KubeError {
  const { reason, message, code: ownCode, details } = status as { readonly reason?: unknown; readonly message?: unknown; readonly code?: unknown; readonly details?: { readonly causes?: unknown; readonly retryAfterSeconds?: unknown } | null };
  const numeric = typeof ownCode === 'number' ? ownCode : code;
  const known = KNOWN.find((one) => one === reason) ?? BY_CODE[numeric] ?? 'Unknown';
  const seconds = headerSeconds ?? (typeof details?.retryAfterSeconds === 'number' && details.retryAfterSeconds > 0 ? details.retryAfterSeconds : undefined);
  return new KubeError(known, numeric, typeof message === 'string' && message !== '' ? message : `the API server answered ${numeric} ${known}`, {
    causes: causesOf(details?.causes),
    ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }),
  });
}

function parseStatus(body: string): object | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null && 'kind' in parsed && parsed.kind === 'Status' ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function causesOf(causes: unknown): readonly StatusCause[] {
  if (!Array.isArray(causes)) return [];
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  return causes.filter((one) => typeof one === 'object' && one !== null).map((one: object): StatusCause => {
    const { reason, message, field } = one as Readonly<Record<string, unknown>>;
    return { ...(text(reason) === undefined ? {} : { reason: text(reason)! }), ...(text(message) === undefined ? {} : { message: text(message)! }), ...(text(field) === undefined ? {} : { field: text(field)! }) };
  });
}

/** Retry-After in seconds; its other form, a date, is not used by API servers. */
function secondsOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) : undefined;
}
