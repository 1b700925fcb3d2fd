import { eventLimitsDefault } from '@vfleet/kube';
import type { EventLimits } from '@vfleet/kube';

/** The control plane and the kubelets speak for thousands of pods at once, to a server in the same process: none is dropped. */
export const clusterEventLimits: EventLimits = { ...eventLimitsDefault, perSecond: 100_000, burst: 100_000 };
