import { addQuantities, compareQuantities, formatQuantity, parseQuantity } from '@vfleet/kube/quantities/quantity.ts';
import { arrayAt, EMPTY_OBJECT, isObject, objectAt, stringAt, withFields } from '../../values/json.ts';
import type { JsonObject } from '../../values/json.ts';
import type { Defaulter } from './defaults.ts';
import { each, fill, within } from './fill.ts';

const DEFAULT_MODE = { defaultMode: 0o644 };

/** Pods and pod templates (kubernetes pkg/apis/core/v1/defaults.go). */
export const podDefaults: Readonly<Record<string, Defaulter>> = {
  'io.k8s.api.core.v1.Pod': podOnlyDefaults,
  'io.k8s.api.core.v1.PodSpec': podSpecDefaults,
  'io.k8s.api.core.v1.PodStatus': podStatusDefaults,
  'io.k8s.api.core.v1.Container': containerDefaults,
  'io.k8s.api.core.v1.EphemeralContainer': containerDefaults,
  'io.k8s.api.core.v1.Probe': (probe) => fill(probe, { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 }),
  'io.k8s.api.core.v1.HTTPGetAction': (action) => fill(action, { path: '/', scheme: 'HTTP' }),
  'io.k8s.api.core.v1.GRPCAction': (action) => (action['service'] === null ? withFields(action, { service: '' }) : fill(action, { service: '' })),
  'io.k8s.api.core.v1.ObjectFieldSelector': (selector) => fill(selector, { apiVersion: 'v1' }),
  'io.k8s.api.core.v1.Volume': volumeDefaults,
  'io.k8s.api.core.v1.SecretVolumeSource': (source) => fill(source, DEFAULT_MODE),
  'io.k8s.api.core.v1.ConfigMapVolumeSource': (source) => fill(source, DEFAULT_MODE),
  'io.k8s.api.core.v1.DownwardAPIVolumeSource': (source) => fill(source, DEFAULT_MODE),
  'io.k8s.api.core.v1.ProjectedVolumeSource': (source) => fill(source, DEFAULT_MODE),
  'io.k8s.api.core.v1.HostPathVolumeSource': (source) => fill(source, { type: '' }),
  'io.k8s.api.core.v1.ServiceAccountTokenProjection': (projection) => fill(projection, { expirationSeconds: 3600 }),
};

function podSpecDefaults(given: JsonObject): JsonObject {
  const spec = fill(given, { dnsPolicy: 'ClusterFirst', restartPolicy: 'Always', securityContext: EMPTY_OBJECT, terminationGracePeriodSeconds: 30, schedulerName: 'default-scheduler' });
  // The old name of the field is kept in step with the new one.
  const account = stringAt(spec, 'serviceAccountName') || stringAt(spec, 'serviceAccount');
  const named = account === '' ? spec : fill(spec, { serviceAccountName: account, serviceAccount: account });
  return named['hostNetwork'] === true ? withHostPorts(named) : named;
}

/** A pod has had several addresses since v1.16; clients that know of one only get and say the first. */
function podStatusDefaults(status: JsonObject): JsonObject {
  const first = stringAt(arrayAt(status, 'podIPs')[0], 'ip');
  const address = stringAt(status, 'podIP');
  if (first === address) return status;
  return address === '' ? withFields(status, { podIP: first }) : withFields(status, { podIPs: Object.freeze([Object.freeze({ ip: address })]) });
}

function withHostPorts(spec: JsonObject): JsonObject {
  const container = (given: JsonObject) => each(given, 'ports', (port) => fill(port, { hostPort: port['containerPort'] }));
  return each(each(spec, 'containers', container), 'initContainers', container);
}

/** What pods get and templates do not. */
function podOnlyDefaults(pod: JsonObject): JsonObject {
  return within(pod, 'spec', (spec) => {
    const filled = fill(withPodRequests(each(each(spec, 'containers', withRequests), 'initContainers', withRequests)), { enableServiceLinks: true });
    const grace = filled['terminationGracePeriodSeconds'];
    return typeof grace === 'number' && grace < 0 ? withFields(filled, { terminationGracePeriodSeconds: 1 }) : filled;
  });
}

/** Resources of a pod as a whole: what it does not request is what its containers do, or its limit (defaultPodRequests). */
function withPodRequests(spec: JsonObject): JsonObject {
  const resources = objectAt(spec, 'resources');
  const limits = objectAt(resources, 'limits');
  if (Object.keys(limits).length === 0) return spec;
  const requests = fill(fill(objectAt(resources, 'requests'), containerRequests(spec)), Object.fromEntries(Object.entries(limits).filter(([name]) => isForWholePods(name))));
  return withFields(spec, { resources: withFields(resources, { requests }) });
}

function isForWholePods(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');
}

/** CPU and memory that the containers of a pod request together; before them, the largest that one of its init containers does. */
function containerRequests(spec: JsonObject): JsonObject {
  const amount = (container: unknown, name: string) => {
    const parsed = parseQuantity(stringAt(objectAt(objectAt(container, 'resources'), 'requests'), name));
    return parsed.ok ? parsed.value : undefined;
  };
  const found: Record<string, unknown> = {};
  for (const name of ['cpu', 'memory']) {
    const sum = arrayAt(spec, 'containers').map((container) => amount(container, name)).reduce((total, one) => (total === undefined ? one : one === undefined ? total : addQuantities(total, one)), undefined);
    const largest = arrayAt(spec, 'initContainers').map((container) => amount(container, name)).reduce((most, one) => (most === undefined || (one !== undefined && compareQuantities(one, most) > 0) ? one : most), sum);
    if (largest !== undefined) found[name] = formatQuantity(largest);
  }
  return found;
}

/** Requests that are not said are the limits. */
function withRequests(container: JsonObject): JsonObject {
  const limits = objectAt(container['resources'], 'limits');
  if (Object.keys(limits).length === 0) return container;
  return within(container, 'resources', (resources) => {
    const requests = objectAt(resources, 'requests');
    const filled = fill(requests, limits);
    return filled === requests ? resources : withFields(resources, { requests: filled });
  });
}

function containerDefaults(container: JsonObject): JsonObject {
  return fill(container, {
    imagePullPolicy: imageTag(stringAt(container, 'image')) === 'latest' ? 'Always' : 'IfNotPresent',
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
  });
}

/** The tag of an image reference; `latest` when there is neither tag nor digest. */
function imageTag(image: string): string {
  const [reference, digest] = image.split('@');
  const name = reference!.slice(reference!.lastIndexOf('/') + 1);
  const colon = name.indexOf(':');
  if (colon >= 0) return name.slice(colon + 1);
  return digest === undefined ? 'latest' : '';
}

function volumeDefaults(volume: JsonObject): JsonObject {
  const hasSource = Object.keys(volume).some((key) => key !== 'name');
  if (!hasSource) return withFields(volume, { emptyDir: EMPTY_OBJECT });
  return isObject(volume['image']) ? within(volume, 'image', (image) => fill(image, { pullPolicy: imageTag(stringAt(image, 'reference')) === 'latest' ? 'Always' : 'IfNotPresent' })) : volume;
}
