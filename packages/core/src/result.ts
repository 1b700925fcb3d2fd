/**
 * An outcome as a value. Used where a failure is an expected answer that the caller decides on (hardware steps, parsing);
 * exceptions stay for programmer errors and for the Kubernetes client, where almost every caller only passes them on.
 */
export type Result<Value, Failure> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: Failure };

export function ok<Value>(value: Value): { readonly ok: true; readonly value: Value } {
  return { ok: true, value };
}

export function fail<Failure>(error: Failure): { readonly ok: false; readonly error: Failure } {
  return { ok: false, error };
}
