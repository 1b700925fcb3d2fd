import { arrayAt, isObject, objectAt, stringAt, withFields } from '../../values/json.ts';
import type { JsonObject } from '../../values/json.ts';
import type { Defaulter } from './defaults.ts';
import { each, fill, within } from './fill.ts';

const RBAC = 'rbac.authorization.k8s.io';
const EMPTY = Object.freeze({});

const CRD = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1';

/** Namespaces, nodes, services, configuration, RBAC and webhook configurations. */
export const coreDefaults: Readonly<Record<string, Defaulter>> = {
  'io.k8s.api.core.v1.Namespace': withNameLabel,
  'io.k8s.api.core.v1.NamespaceStatus': (status) => fill(status, { phase: 'Active' }),
  'io.k8s.api.core.v1.NodeStatus': (status) => (status['capacity'] === undefined ? status : fill(status, { allocatable: status['capacity'] })),
  'io.k8s.api.core.v1.NodeSpec': nodeSpecDefaults,
  'io.k8s.api.core.v1.Secret': (secret) => fill(withStringData(secret), { type: 'Opaque' }),
  'io.k8s.api.core.v1.ServiceSpec': serviceDefaults,
  'io.k8s.api.core.v1.EndpointPort': (port) => fill(port, { protocol: 'TCP' }),
  'io.k8s.api.rbac.v1.RoleBinding': (binding) => within(binding, 'roleRef', (reference) => (stringAt(reference, 'apiGroup') === '' ? withFields(reference, { apiGroup: RBAC }) : reference)),
  'io.k8s.api.rbac.v1.ClusterRoleBinding': (binding) => within(binding, 'roleRef', (reference) => (stringAt(reference, 'apiGroup') === '' ? withFields(reference, { apiGroup: RBAC }) : reference)),
  'io.k8s.api.rbac.v1.Subject': (subject) => (subject['kind'] === 'User' || subject['kind'] === 'Group' ? fill(subject, { apiGroup: RBAC }) : subject),
  'io.k8s.api.admissionregistration.v1.ValidatingWebhook': webhookDefaults,
  'io.k8s.api.admissionregistration.v1.MutatingWebhook': (webhook) => fill(webhookDefaults(webhook), { reinvocationPolicy: 'Never' }),
  'io.k8s.api.admissionregistration.v1.RuleWithOperations': (rule) => fill(rule, { scope: '*' }),
  [`${CRD}.CustomResourceDefinitionSpec`]: definitionDefaults,
  [`${CRD}.ServiceReference`]: (service) => fill(service, { port: 443 }),
  'io.k8s.api.admissionregistration.v1.ServiceReference': (service) => fill(service, { port: 443 }),
};

/** Like pods, nodes have had several address ranges since v1.16, of which the older field is the first. */
function nodeSpecDefaults(spec: JsonObject): JsonObject {
  const [first] = arrayAt(spec, 'podCIDRs');
  const range = stringAt(spec, 'podCIDR');
  if (range === (first ?? '')) return spec;
  return range === '' ? withFields(spec, { podCIDR: first }) : withFields(spec, { podCIDRs: Object.freeze([range]) });
}

/** Clear text is only ever written: it becomes data at once. */
function withStringData(secret: JsonObject): JsonObject {
  const { stringData } = secret;
  if (!isObject(stringData)) return withFields(secret, { stringData: undefined });
  const encoded = Object.fromEntries(Object.entries(stringData).map(([key, text]) => [key, Buffer.from(String(text)).toString('base64')]));
  const data = { ...objectAt(secret, 'data'), ...encoded };
  return withFields(secret, { stringData: undefined, ...(Object.keys(data).length === 0 ? {} : { data: Object.freeze(data) }) });
}

/** Every namespace carries its own name as a label (NamespaceDefaultLabelName), so that selectors can name it. */
function withNameLabel(namespace: JsonObject): JsonObject {
  const metadata = objectAt(namespace, 'metadata');
  const name = stringAt(metadata, 'name');
  const labels = objectAt(metadata, 'labels');
  if (name === '' || labels['kubernetes.io/metadata.name'] === name) return namespace;
  return withFields(namespace, { metadata: withFields(metadata, { labels: withFields(labels, { 'kubernetes.io/metadata.name': name }) }) });
}

function definitionDefaults(spec: JsonObject): JsonObject {
  const names = objectAt(spec, 'names');
  const kind = stringAt(names, 'kind');
  const filled = kind === '' ? names : fill(names, { singular: kind.toLowerCase(), listKind: `${kind}List` });
  return fill(filled === names ? spec : withFields(spec, { names: filled }), { conversion: Object.freeze({ strategy: 'None' }) });
}

function webhookDefaults(webhook: JsonObject): JsonObject {
  return fill(webhook, { failurePolicy: 'Fail', matchPolicy: 'Equivalent', namespaceSelector: EMPTY, objectSelector: EMPTY, timeoutSeconds: 10 });
}

const EXPOSED: readonly unknown[] = ['NodePort', 'LoadBalancer'];

function serviceDefaults(given: JsonObject): JsonObject {
  const spec = fill(given, { sessionAffinity: 'None', type: 'ClusterIP' });
  const ports = each(spec, 'ports', (port) => (port['targetPort'] === undefined || port['targetPort'] === 0 || port['targetPort'] === '' ? withFields(port, { targetPort: port['port'] }) : port));
  const affinity = ports['sessionAffinity'] === 'ClientIP' && objectAt(objectAt(ports, 'sessionAffinityConfig'), 'clientIP')['timeoutSeconds'] === undefined
    ? withFields(ports, { sessionAffinityConfig: Object.freeze({ clientIP: Object.freeze({ timeoutSeconds: 10_800 }) }) })
    : ports;
  const { type } = affinity;
  return fill(affinity, {
    ...(EXPOSED.includes(type) ? { externalTrafficPolicy: 'Cluster' } : {}),
    ...(type === 'ExternalName' ? {} : { internalTrafficPolicy: 'Cluster' }),
    ...(type === 'LoadBalancer' ? { allocateLoadBalancerNodePorts: true } : {}),
  });
}
