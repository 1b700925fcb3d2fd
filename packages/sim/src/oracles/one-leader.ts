import { DEFAULT_OPERATOR_NAMESPACE } from '@vfleet/core';
import type { Lease } from '@vfleet/kube';
import type { Oracle } from './oracle.ts';

const LEASES = 'leases.coordination.k8s.io';
/** After somebody deleted the lease, its old holder learns of it when it renews, a lease's duration later at most. */
const UNAWARE_MS = 15_000;

/** Judged right before each write of an operator, by who holds the lease in the API at that moment. */
export const oneLeader: Oracle = {
  name: 'one-leader',
  property: 'A replica of the operator writes nothing but leases and events while another one holds the lease.',
  watch({ simulation, violated }) {
    let holder: string | undefined;
    let deletedAtMs = Number.NEGATIVE_INFINITY;
    return {
      commit(collection, { type, object }) {
        if (collection !== LEASES || object.metadata.namespace !== DEFAULT_OPERATOR_NAMESPACE) return;
        if (type === 'DELETED') deletedAtMs = simulation.clock.monotonicMs();
        // The collection holds leases; their holders are named by place and process.
        holder = type === 'DELETED' ? undefined : (object as unknown as Lease).spec?.holderIdentity;
      },
      write({ id }, { to, verb, what }) {
        if (id.component !== 'operator' || to !== 'api' || what.startsWith('leases ') || what.startsWith('events ')) return;
        if (holder === undefined || holder === '' || holder.startsWith(`${id.place}_`) || simulation.clock.monotonicMs() - deletedAtMs < UNAWARE_MS) return;
        violated([`process/operator/${id.place}`], `${verb} ${what}, while ${holder} holds the lease`);
      },
    };
  },
};
