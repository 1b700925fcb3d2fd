import * as s from '../schema.ts';
import type { Static } from '../schema.ts';
import { conditionsSchema } from './conditions.ts';

/** metav1.LabelSelector. */
export const labelSelectorSchema = s.object(
  {
    matchLabels: s.optional(s.map(s.string())),
    matchExpressions: s.optional(
      s.array(s.object({ key: s.string(), operator: s.string({ description: 'In, NotIn, Exists or DoesNotExist.' }), values: s.optional(s.array(s.string())) })),
    ),
  },
  { 'x-kubernetes-map-type': 'atomic' },
);

export const poolConfigSpecSchema = s.object({
  ovsHardwareOffloadConfig: s.optional(s.object({ name: s.optional(s.string({ description: 'Name of the machine config pool whose nodes use OVS hardware offload.' })) })),
  nodeSelector: s.optional(labelSelectorSchema),
  maxUnavailable: s.optional(s.integerOrString({ description: 'Nodes of the pool drained at once: a number or "N%". Absent: no limit.' })),
  rdmaMode: s.optional(s.oneOf(['shared', 'exclusive'])),
});

export const poolConfigStatusSchema = s.object({ conditions: s.optional(conditionsSchema) });

export type LabelSelector = Static<typeof labelSelectorSchema>;
export type PoolConfigSpec = Static<typeof poolConfigSpecSchema>;
export type PoolConfigStatus = Static<typeof poolConfigStatusSchema>;
