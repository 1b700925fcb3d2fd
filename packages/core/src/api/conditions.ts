import * as s from '../schema.ts';
import type { Static } from '../schema.ts';

/** metav1.Condition (apimachinery pkg/apis/meta/v1/types.go). */
export const conditionSchema = s.object({
  type: s.string({ maxLength: 316, description: 'What is said: "Ready".' }),
  status: s.oneOf(['True', 'False', 'Unknown']),
  observedGeneration: s.optional(s.integer({ format: 'int64', minimum: 0, description: 'metadata.generation that this was said of.' })),
  lastTransitionTime: s.string({ format: 'date-time', description: 'When status last changed.' }),
  reason: s.string({ minLength: 1, maxLength: 1024, pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$', description: 'Stable, for machines.' }),
  message: s.string({ maxLength: 32768, description: 'For people: what happened and what to do.' }),
});

export type Condition = Static<typeof conditionSchema>;

/** `conditions` as a status field: a map keyed by type. */
export const conditionsSchema = s.array(conditionSchema, {
  description: 'Latest observations of the object.',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
});
