import { GROUP, VERSION, podLabels, webhookNames } from '@vfleet/core';
import { admissionPaths } from './admission.ts';

/** Where an API server finds the webhooks. */
export type WebhookAddress =
  | { readonly kind: 'service'; readonly namespace: string; readonly port?: number }
  /** Base of the URL, for an operator that runs outside of the cluster: `https://127.0.0.1:8443`. */
  | { readonly kind: 'url'; readonly base: string };

export interface WebhookConfigurationSettings {
  readonly address: WebhookAddress;
  /** PEM; absent where somebody else, such as cert-manager, fills it in. */
  readonly certificateAuthority?: string;
  /** The switch `resourceInjectorMatchCondition`: only pods that name networks are sent to the injector. */
  readonly injectorMatchCondition: boolean;
}

/** What is applied, as far as code looks into it. */
export interface AppliedConfiguration {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly webhooks: readonly { readonly name: string; readonly clientConfig: object; readonly matchConditions?: readonly { readonly name: string; readonly expression: string }[]; readonly [field: string]: unknown }[];
}

/** The kinds that have rules. */
const REVIEWED = ['sriovnetworknodepolicies', 'sriovnetworkpoolconfigs', 'sriovnetworks', 'sriovibnetworks', 'ovsnetworks', 'sriovoperatorconfigs'];
const TIMEOUT_SECONDS = 10;

/** The MutatingWebhookConfiguration and ValidatingWebhookConfiguration of the operator (admissionregistration.k8s.io/v1). */
export function operatorWebhooks(settings: WebhookConfigurationSettings): readonly [mutating: AppliedConfiguration, validating: AppliedConfiguration] {
  const webhook = (name: string, path: string, resources: readonly string[]) => ({
    name, admissionReviewVersions: ['v1'], sideEffects: 'None', failurePolicy: 'Fail', timeoutSeconds: TIMEOUT_SECONDS, matchPolicy: 'Equivalent',
    clientConfig: clientConfig(settings, webhookNames.operatorService, path),
    rules: [{ apiGroups: [GROUP], apiVersions: [VERSION], operations: ['CREATE', 'UPDATE'], resources, scope: 'Namespaced' }],
  });
  const head = { apiVersion: 'admissionregistration.k8s.io/v1', metadata: { name: webhookNames.operatorConfiguration } };
  return [
    { ...head, kind: 'MutatingWebhookConfiguration', webhooks: [webhook(`operator-webhook.${GROUP}`, admissionPaths.mutate, ['sriovnetworknodepolicies'])] },
    { ...head, kind: 'ValidatingWebhookConfiguration', webhooks: [webhook(`operator-webhook.${GROUP}`, admissionPaths.validate, REVIEWED)] },
  ];
}

/** The MutatingWebhookConfiguration of the network resources injector. */
export function injectorWebhook(settings: WebhookConfigurationSettings): AppliedConfiguration {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1', kind: 'MutatingWebhookConfiguration', metadata: { name: webhookNames.injectorConfiguration },
    webhooks: [{
      name: 'network-resources-injector-config.k8s.cni.cncf.io',
      admissionReviewVersions: ['v1'], sideEffects: 'None', failurePolicy: 'Fail', timeoutSeconds: TIMEOUT_SECONDS, reinvocationPolicy: 'IfNeeded',
      clientConfig: clientConfig(settings, webhookNames.injectorService, admissionPaths.inject),
      // Pods of the control plane must start whatever becomes of the operator.
      namespaceSelector: { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system'] }] },
      objectSelector: { matchExpressions: [{ key: podLabels.injectResources, operator: 'NotIn', values: ['false'] }] },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: 'Namespaced' }],
      ...(settings.injectorMatchCondition ? { matchConditions: [{ name: 'names-networks', expression: NAMES_NETWORKS }] } : {}),
    }],
  };
}

const NAMES_NETWORKS = "has(object.metadata.annotations) && ('k8s.v1.cni.cncf.io/networks' in object.metadata.annotations || 'v1.multus-cni.io/default-network' in object.metadata.annotations)";

function clientConfig({ address, certificateAuthority }: WebhookConfigurationSettings, service: string, path: string): object {
  const caBundle = certificateAuthority === undefined ? {} : { caBundle: Buffer.from(certificateAuthority, 'utf8').toString('base64') };
  switch (address.kind) {
    case 'service': return { service: { name: service, namespace: address.namespace, path, ...(address.port === undefined ? {} : { port: address.port }) }, ...caBundle };
    case 'url': return { url: `${address.base}${path}`, ...caBundle };
  }
}
