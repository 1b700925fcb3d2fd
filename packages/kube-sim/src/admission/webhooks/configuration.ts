import type { LabelSelector } from '@vfleet/core';
import { labelRequirementsOf } from '@vfleet/kube/selectors/index.ts';
import type { LabelRequirements } from '@vfleet/kube/selectors/index.ts';
import { once } from '../../values/once.ts';
import { compileConditions } from './conditions.ts';
import type { CompiledCondition, MatchCondition } from './conditions.ts';

/** admissionregistration.k8s.io/v1, as stored: validated and with its defaults. */
export interface WebhookConfiguration {
  readonly metadata: { readonly name: string };
  readonly webhooks?: readonly WebhookSpec[];
}

export interface WebhookSpec {
  readonly name: string;
  readonly clientConfig: {
    readonly url?: string;
    readonly service?: { readonly namespace: string; readonly name: string; readonly path?: string; readonly port?: number };
    /** PEM in base64. */
    readonly caBundle?: string;
  };
  readonly rules?: readonly WebhookRule[];
  readonly failurePolicy?: 'Fail' | 'Ignore';
  readonly matchPolicy?: 'Exact' | 'Equivalent';
  readonly namespaceSelector?: LabelSelector;
  readonly objectSelector?: LabelSelector;
  readonly sideEffects?: string;
  readonly timeoutSeconds?: number;
  readonly admissionReviewVersions?: readonly string[];
  readonly matchConditions?: readonly MatchCondition[];
  readonly reinvocationPolicy?: 'Never' | 'IfNeeded';
}

export interface WebhookRule {
  readonly apiGroups?: readonly string[];
  readonly apiVersions?: readonly string[];
  readonly resources?: readonly string[];
  readonly operations?: readonly string[];
  readonly scope?: string;
}

/** One webhook made ready: selectors parsed, conditions compiled when they are first asked. */
export interface Webhook {
  readonly spec: WebhookSpec;
  readonly configuration: string;
  readonly namespaceSelector: LabelRequirements;
  readonly objectSelector: LabelRequirements;
  readonly conditions: () => readonly CompiledCondition[];
}

export function prepareWebhooks({ metadata, webhooks = [] }: WebhookConfiguration): readonly Webhook[] {
  return webhooks.map((spec) => ({
    spec,
    configuration: metadata.name,
    namespaceSelector: requirements(spec.namespaceSelector),
    objectSelector: requirements(spec.objectSelector),
    conditions: once(() => compileConditions(spec.matchConditions ?? [])),
  }));
}

function requirements(selector: LabelSelector | undefined): LabelRequirements {
  const parsed = labelRequirementsOf(selector ?? {});
  return parsed.ok ? parsed.value : [];
}
