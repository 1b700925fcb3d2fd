import fc from 'fast-check';
import type { Values } from './chart-objects.ts';
import { defaultValues } from './values-file.ts';

/** The defaults with these over them, maps merged, as helm does it. */
export function withValues(over: Values): Values {
  return merged(defaultValues(), over) as Values;
}

function merged(under: unknown, over: unknown): unknown {
  if (!isMap(under) || !isMap(over)) return over;
  return { ...under, ...Object.fromEntries(Object.entries(over).map(([name, value]) => [name, Object.hasOwn(under, name) ? merged(under[name], value) : value])) };
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const CONTAINER = ['spec', 'template', 'spec', 'containers', 0];
const POD = ['spec', 'template', 'spec'];
// Names in the order of the alphabet, in which Go writes JSON.
const fleet = { nodes: [{ name: 'worker', pfs: [{ name: 'ens801f0', pciAddress: '0000:81:00.0', personality: 'E810-CQDA2' }] }] };
const toleration = { key: 'sriov', operator: 'Equal', value: 'yes', effect: 'NoSchedule' };

/** Values, and where they are to be found: one for each that people ask for. In a list of arguments it is one of them. */
export const CASES: readonly { readonly name: string; readonly values: Values; readonly kind: string; readonly at: readonly (string | number)[]; readonly is: unknown }[] = [
  { name: 'image by tag', values: { image: { repository: 'registry.example/vfleet', tag: '9.9.9' } }, kind: 'DaemonSet', at: [...CONTAINER, 'image'], is: 'registry.example/vfleet:9.9.9' },
  { name: 'image by digest', values: { image: { digest: `sha256:${'ab'.repeat(32)}`, tag: '9' } }, kind: 'Deployment', at: [...CONTAINER, 'image'], is: `vfleet@sha256:${'ab'.repeat(32)}` },
  { name: 'pull policy', values: { image: { pullPolicy: 'Never' } }, kind: 'DaemonSet', at: [...CONTAINER, 'imagePullPolicy'], is: 'Never' },
  { name: 'pull policy of what installs the CNI executable', values: { image: { pullPolicy: 'Always' } }, kind: 'DaemonSet', at: [...POD, 'initContainers', 0, 'imagePullPolicy'], is: 'Always' },
  { name: 'pull secrets', values: { imagePullSecrets: [{ name: 'one' }] }, kind: 'Deployment', at: [...POD, 'imagePullSecrets'], is: [{ name: 'one' }] },
  { name: 'namespace', values: { namespace: 'elsewhere' }, kind: 'DaemonSet', at: ['metadata', 'namespace'], is: 'elsewhere' },
  { name: 'namespace of the subjects', values: { namespace: 'elsewhere' }, kind: 'ClusterRoleBinding', at: ['subjects', 0, 'namespace'], is: 'elsewhere' },
  { name: 'replicas', values: { operator: { replicas: 5 } }, kind: 'Deployment', at: ['spec', 'replicas'], is: 5 },
  { name: 'no replicas', values: { operator: { replicas: 0 } }, kind: 'Deployment', at: ['spec', 'replicas'], is: 0 },
  { name: 'log level of the operator', values: { operator: { logLevel: 'debug' } }, kind: 'Deployment', at: [...CONTAINER, 'args'], is: '--log-level=debug' },
  { name: 'node selector of the operator', values: { operator: { nodeSelector: { 'node-role.kubernetes.io/infra': '' } } }, kind: 'Deployment', at: [...POD, 'nodeSelector'], is: { 'node-role.kubernetes.io/infra': '' } },
  { name: 'node selector of the daemon', values: { node: { nodeSelector: { sriov: 'true' } } }, kind: 'DaemonSet', at: [...POD, 'nodeSelector'], is: { 'kubernetes.io/os': 'linux', sriov: 'true' } },
  { name: 'tolerations', values: { node: { tolerations: [toleration] } }, kind: 'DaemonSet', at: [...POD, 'tolerations'], is: [toleration] },
  { name: 'resources', values: { node: { resources: { limits: { memory: '1Gi' } } } }, kind: 'DaemonSet', at: [...CONTAINER, 'resources', 'limits'], is: { memory: '1Gi' } },
  { name: 'affinity', values: { operator: { affinity: { podAntiAffinity: {} } } }, kind: 'Deployment', at: [...POD, 'affinity'], is: { podAntiAffinity: {} } },
  { name: 'daemons at once', values: { node: { maxSurge: 1 } }, kind: 'DaemonSet', at: ['spec', 'updateStrategy', 'rollingUpdate', 'maxSurge'], is: 1 },
  { name: 'everything for the daemon', values: { node: { privileged: true } }, kind: 'DaemonSet', at: [...CONTAINER, 'securityContext', 'privileged'], is: true },
  { name: 'annotations of the daemon, beside its own', values: { node: { podAnnotations: { mine: 'yes' } } }, kind: 'DaemonSet', at: ['spec', 'template', 'metadata', 'annotations'], is: { 'container.apparmor.security.beta.kubernetes.io/node': 'unconfined', mine: 'yes' } },
  { name: 'plugins of the cluster\'s network', values: { node: { withoutMultus: true } }, kind: 'DaemonSet', at: [...CONTAINER, 'securityContext', 'capabilities', 'add', 7], is: 'DAC_OVERRIDE' },
  { name: 'simulated NICs', values: { simulated: { fleet } }, kind: 'ConfigMap', at: ['data', 'fleet.yaml'], is: JSON.stringify(fleet) },
  { name: 'feature gates', values: { operatorConfig: { featureGates: { parallelNicConfig: true } } }, kind: 'SriovOperatorConfig', at: ['spec', 'featureGates', 'parallelNicConfig'], is: true },
  { name: 'cert-manager', values: { certManager: { enabled: true } }, kind: 'Deployment', at: [...CONTAINER, 'args'], is: '--webhook-certificates=provided' },
  { name: 'cert-manager\'s names are those of the namespace', values: { certManager: { enabled: true }, namespace: 'elsewhere' }, kind: 'Issuer', at: ['metadata', 'namespace'], is: 'elsewhere' },
  { name: 'daemons held to their nodes', values: { node: { ownNodeOnly: true }, namespace: 'elsewhere' }, kind: 'ValidatingAdmissionPolicy', at: ['spec', 'matchConditions', 0, 'expression'], is: 'request.userInfo.username == \'system:serviceaccount:elsewhere:sriov-network-config-daemon\'' },
  { name: 'monitoring', values: { monitoring: { enabled: true } }, kind: 'ServiceMonitor', at: ['spec', 'namespaceSelector', 'matchNames'], is: ['sriov-network-operator'] },
  { name: 'no cleaning up', values: { cleanUp: false }, kind: 'Job', at: ['metadata'], is: undefined },
];

const text = fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom('{{ .Values }}', '123', 'true', '@value image@', 'a: b', '- x', '"', "'", '\\', 'ä €', '#'));
const labels = fc.dictionary(text, text, { maxKeys: 3 });
const level = fc.constantFrom('debug', 'info', 'warn', 'error');
const quantity = fc.constantFrom('1', '100m', '2Gi', 1, 0.5);
const workload = {
  logLevel: level, nodeSelector: labels, podAnnotations: labels,
  resources: fc.record({ requests: fc.dictionary(fc.constantFrom('cpu', 'memory'), quantity), limits: fc.dictionary(fc.constantFrom('cpu', 'memory'), quantity) }, { requiredKeys: [] }),
  tolerations: fc.array(fc.record({ key: text, operator: fc.constantFrom('Exists', 'Equal'), effect: fc.constantFrom('NoSchedule', 'NoExecute') }, { requiredKeys: [] }), { maxLength: 2 }),
  affinity: fc.constantFrom({}, { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } }),
  priorityClassName: fc.constantFrom('system-node-critical', 'low'),
};

/** Complete values that the schema takes; the namespace is the release's. */
export const valuesArbitrary: fc.Arbitrary<Values> = fc.record({
  image: fc.record({ repository: fc.constantFrom('vfleet', 'registry.example:5000/a/b'), tag: fc.constantFrom('', '1.2.3'), digest: fc.constantFrom('', `sha256:${'0a'.repeat(32)}`), pullPolicy: fc.constantFrom('', 'Always') }),
  imagePullSecrets: fc.array(fc.record({ name: fc.constantFrom('a', 'b') }), { maxLength: 2 }),
  resourcePrefix: fc.constantFrom('openshift.io', 'nvidia.com'),
  operator: fc.record({ ...workload, replicas: fc.integer({ min: 0, max: 9 }) }),
  node: fc.record({ ...workload, maxSurge: fc.constantFrom(1, '33%', '100%'), useCdi: fc.boolean(), withoutMultus: fc.boolean(), privileged: fc.boolean(), ownNodeOnly: fc.boolean() }),
  simulated: fc.constantFrom({ fleet: {}, standIns: false }, { fleet, standIns: false }, { fleet, standIns: true }),
  certManager: fc.record({ enabled: fc.boolean() }),
  monitoring: fc.record({ enabled: fc.boolean() }),
  operatorConfig: fc.constantFrom({}, { disableDrain: true }, { featureGates: { parallelNicConfig: true }, configDaemonNodeSelector: { a: 'b' } }),
  cleanUp: fc.boolean(),
  namespace: fc.constant(''),
}).map((values) => values);
