import { featureGateDefaults } from '../api/operator-config.ts';
import type { OperatorConfigSpec } from '../api/operator-config.ts';
import type { PoolConfigSpec } from '../api/pool-config.ts';
import { labelPredicate } from '../render/label-selector.ts';
import { renderNetworkAttachment } from '../render/network-attachment.ts';
import type { NetworkObject } from '../render/network-attachment.ts';
import { resolveMaxUnavailable } from '../render/pools.ts';
import { ReviewBuilder } from './review.ts';
import type { Review } from './review.ts';

/** Whether a SriovNetworkPoolConfig may be stored. */
export function reviewPoolConfig(spec: PoolConfigSpec): Review {
  const review = new ReviewBuilder();
  if (spec.ovsHardwareOffloadConfig?.name && (spec.maxUnavailable !== undefined || spec.nodeSelector !== undefined)) {
    review.reject('offloadPool', 'spec.ovsHardwareOffloadConfig', 'a pool for OVS hardware offload selects its nodes by that name', 'remove nodeSelector and maxUnavailable, or make a second pool for them');
  }
  const limit = resolveMaxUnavailable(spec.maxUnavailable, 1);
  if (!limit.ok) review.reject('maxUnavailable', 'spec.maxUnavailable', limit.error.cause, limit.error.remedy);
  const selector = labelPredicate(spec.nodeSelector ?? {});
  if (!selector.ok) review.reject('nodeSelector', 'spec.nodeSelector', selector.error, 'correct nodeSelector');
  return review.build();
}

/** Whether a network may be stored: whether it can be rendered. */
export function reviewNetwork(network: NetworkObject, context: { readonly operatorNamespace: string }): Review {
  const review = new ReviewBuilder();
  // The prefix has no part in whether it can be rendered.
  const rendered = renderNetworkAttachment(network, { operatorNamespace: context.operatorNamespace, resourcePrefix: '' });
  if (!rendered.ok) {
    const { kind, field, cause, remedy } = rendered.error;
    const code = kind === 'networkNamespaceNotAllowed' ? 'networkNamespace' : kind === 'resourceNameMissing' ? 'resourceName' : 'networkJson';
    review.reject(code, `spec.${field}`, cause, remedy);
  }
  return review.build();
}

export interface OperatorConfigContext {
  readonly operatorNamespace: string;
  /** What was stored before; absent when the object is new. */
  readonly old?: OperatorConfigSpec;
  /** Names of the node states whose syncStatus is InProgress. */
  readonly nodesInProgress: readonly string[];
}

/** Whether a SriovOperatorConfig may be stored. Deleting one is always allowed. */
export function reviewOperatorConfig(config: { readonly namespace: string; readonly name: string; readonly spec: OperatorConfigSpec }, context: OperatorConfigContext): Review {
  const review = new ReviewBuilder();
  if (config.name !== 'default' || config.namespace !== context.operatorNamespace) {
    review.reject('configName', 'metadata', `only the configuration "default" in the namespace ${context.operatorNamespace} counts`, 'change that one');
  }
  if (config.spec.disableDrain) {
    review.warn('drainDisabled', 'spec.disableDrain', 'nodes are not drained: VFs are changed under running pods', 'use it on single-node clusters only');
    if (context.old !== undefined && !context.old.disableDrain && context.nodesInProgress.length > 0) {
      review.reject('drainDisabledInProgress', 'spec.disableDrain', `nodes are being configured now: ${context.nodesInProgress.slice(0, 5).join(', ')}`, 'wait until every node state says Succeeded or Failed');
    }
  }
  for (const gate of Object.keys(config.spec.featureGates ?? {})) {
    if (!(gate in featureGateDefaults)) review.warn('unknownFeatureGate', `spec.featureGates.${gate}`, 'there is no such feature gate; it has no effect', `use one of ${Object.keys(featureGateDefaults).join(', ')}`);
  }
  return review.build();
}
