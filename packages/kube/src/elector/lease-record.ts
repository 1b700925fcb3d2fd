import { rfc3339Micro } from '@vfleet/core';
import type { Lease } from '../api/resources.ts';

/** What an elector reads in a Lease (coordination.k8s.io/v1). */
export interface LeaseRecord {
  /** Empty: nobody holds it. */
  readonly holder: string;
  /** How long others wait after they last saw it change. */
  readonly durationMs: number;
  readonly transitions: number;
}

export function leaseRecord({ spec }: Lease): LeaseRecord {
  return { holder: spec?.holderIdentity ?? '', durationMs: (spec?.leaseDurationSeconds ?? 0) * 1000, transitions: spec?.leaseTransitions ?? 0 };
}

/** The Lease by which `identity` holds it. `before` is what it replaces; `nowMs` is the wall clock, for people only. */
export function heldLease(
  { namespace, name, identity, leaseDurationMs }: { readonly namespace: string; readonly name: string; readonly identity: string; readonly leaseDurationMs: number },
  before: Lease | undefined,
  nowMs: number,
): Lease {
  const previous = before === undefined ? undefined : leaseRecord(before);
  const isRenewal = previous?.holder === identity;
  const now = rfc3339Micro(nowMs);
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: before?.metadata ?? { namespace, name },
    spec: {
      ...before?.spec,
      holderIdentity: identity,
      // The API has whole seconds: rounded up, since others must not wait for less.
      leaseDurationSeconds: Math.ceil(leaseDurationMs / 1000),
      acquireTime: isRenewal ? (before?.spec?.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: previous === undefined ? 0 : previous.transitions + (isRenewal ? 0 : 1),
    },
  };
}

/** The Lease by which its holder gives it up: it is nobody's, and the next one need not wait. */
export function releasedLease(before: Lease, nowMs: number): Lease {
  const now = rfc3339Micro(nowMs);
  return { ...before, spec: { ...before.spec, holderIdentity: '', leaseDurationSeconds: 1, acquireTime: now, renewTime: now } };
}
