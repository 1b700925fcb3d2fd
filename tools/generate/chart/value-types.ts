import type { JsonSchema } from '@vfleet/core';

/** Kubernetes API types as far as values of the chart have them (core/v1, k8s.io/api). */
const DNS_LABEL = '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$';

export const name: JsonSchema = { type: 'string', pattern: '^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$' };
/** Empty, or the name of a namespace. */
export const namespace: JsonSchema = { type: 'string', pattern: `^$|${DNS_LABEL}` };
export const pullPolicy: JsonSchema = { type: 'string', enum: ['', 'Always', 'IfNotPresent', 'Never'] };
/** LocalObjectReference. */
export const references: JsonSchema = { type: 'array', items: { type: 'object', properties: { name }, required: ['name'] } };
/** The prefix of an extended resource: a DNS subdomain outside of kubernetes.io. */
export const resourcePrefix: JsonSchema = { type: 'string', pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$', maxLength: 253 };
export const labels: JsonSchema = { type: 'object', additionalProperties: { type: 'string' } };
export const anything: JsonSchema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
export const countOrPercent: JsonSchema = { anyOf: [{ type: 'integer', minimum: 1 }, { type: 'string', pattern: '^(100|[1-9]?[0-9])%$' }] };

const quantities: JsonSchema = { type: 'object', additionalProperties: { anyOf: [{ type: 'string', pattern: '^[+]?[0-9]+(\\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$' }, { type: 'number', minimum: 0 }] } };
/** ResourceRequirements. */
export const resources: JsonSchema = { type: 'object', properties: { requests: quantities, limits: quantities } };
/** Toleration. */
export const tolerations: JsonSchema = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      key: { type: 'string' }, operator: { type: 'string', enum: ['Exists', 'Equal'] }, value: { type: 'string' },
      effect: { type: 'string', enum: ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] }, tolerationSeconds: { type: 'integer' },
    },
  },
};
