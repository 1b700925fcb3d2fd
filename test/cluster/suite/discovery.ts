// What a client learns of the server before it asks for anything: groups, versions, resources, documents, health.
import { get } from '../case.ts';
import type { Case, Theme } from '../case.ts';

/** What kubectl needs to know of a resource, for each that both servers have. */
const servedResources: Readonly<Record<string, readonly string[]>> = {
  '/api/v1': [
    'bindings', 'configmaps', 'events', 'namespaces', 'namespaces/finalize', 'namespaces/status', 'nodes', 'nodes/status', 'pods', 'pods/binding',
    'pods/eviction', 'pods/exec', 'pods/log', 'pods/status', 'secrets', 'serviceaccounts', 'services', 'services/status',
  ],
  '/apis/apps/v1': ['daemonsets', 'daemonsets/status', 'deployments', 'deployments/scale', 'deployments/status', 'replicasets', 'replicasets/scale', 'replicasets/status'],
  '/apis/batch/v1': ['jobs', 'jobs/status'],
  '/apis/policy/v1': ['poddisruptionbudgets', 'poddisruptionbudgets/status'],
  '/apis/coordination.k8s.io/v1': ['leases'],
  '/apis/events.k8s.io/v1': ['events'],
  '/apis/rbac.authorization.k8s.io/v1': ['clusterrolebindings', 'clusterroles', 'rolebindings', 'roles'],
  '/apis/apiextensions.k8s.io/v1': ['customresourcedefinitions', 'customresourcedefinitions/status'],
  '/apis/admissionregistration.k8s.io/v1': ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'],
  '/apis/authorization.k8s.io/v1': ['selfsubjectaccessreviews', 'selfsubjectrulesreviews', 'subjectaccessreviews'],
  '/apis/authentication.k8s.io/v1': ['selfsubjectreviews', 'tokenreviews'],
};

const resourceCases = Object.entries(servedResources).map(([path, names]): Case => ({
  name: `resources of ${path}`,
  steps: [get(path, { only: ['kind', 'apiVersion', 'groupVersion', ...names.map((name) => `resources[name=${name}]`)] })],
}));

const groupNames = [...new Set(Object.keys(servedResources).flatMap((path) => path.split('/')[2] ?? []))].filter((name) => name !== 'v1');

const aggregated = { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json' };

/** What the aggregated document of the legacy group says of each resource; of its subresources, those that both servers have. */
const aggregatedPaths = (servedResources['/api/v1'] ?? []).flatMap((name): readonly string[] => {
  const [resource = '', subresource] = name.split('/');
  const path = `items[0].versions[0].resources[resource=${resource}]`;
  if (subresource !== undefined) return [`${path}.subresources[subresource=${subresource}]`];
  return ['responseKind', 'scope', 'singularResource', 'verbs', 'shortNames', 'categories'].map((field) => `${path}.${field}`);
});

export const discovery: Theme = {
  name: 'discovery',
  cases: [
    { name: 'legacy versions', steps: [get('/api')] },
    { name: 'groups', steps: [get('/apis', { only: ['kind', 'apiVersion'] })] },
    { name: 'paths', steps: [get('/', { only: [] })] },
    ...resourceCases,
    ...groupNames.map((name): Case => ({ name: `group ${name}`, steps: [get(`/apis/${name}`, { only: ['kind', 'apiVersion', 'name', 'preferredVersion'] })] })),
    { name: 'a group that is not there', steps: [get('/apis/nothing.example.com')] },
    { name: 'a version that is not there', steps: [get('/apis/apps/v9')] },
    { name: 'a path that is nothing', steps: [get('/nothing')] },
    { name: 'a path below the API that is nothing', steps: [get('/api/v2/pods')] },
    {
      name: 'aggregated legacy group', steps: [get('/api', {
        headers: aggregated,
        only: ['kind', 'apiVersion', 'metadata', 'items[0].metadata.name', 'items[0].versions[0].version', 'items[0].versions[0].freshness', ...aggregatedPaths],
        alsoHeaders: ['vary'],
      })],
    },
    { name: 'aggregated groups', steps: [get('/apis', { headers: aggregated, only: ['kind', 'apiVersion', 'metadata'], alsoHeaders: ['vary'] })] },
    { name: 'aggregated, known by its ETag', steps: [get('/apis', { headers: { ...aggregated, 'if-none-match': '"nonsense"' }, only: ['kind'] })] },
    { name: 'aggregated in a version that is not there', steps: [get('/apis', { headers: { accept: 'application/json;g=apidiscovery.k8s.io;v=v9;as=APIGroupDiscoveryList' }, only: ['kind'] })] },
    { name: 'version', steps: [get('/version', { only: ['major', 'minor', 'gitVersion', 'emulationMajor', 'emulationMinor', 'minCompatibilityMajor', 'minCompatibilityMinor'] })] },
    { name: 'health', steps: [get('/healthz'), get('/livez'), get('/readyz')] },
    { name: 'health by POST', steps: [{ method: 'POST', path: '/healthz' }] },
    { name: 'openapi v2 is there', steps: [get('/openapi/v2', { only: ['swagger', 'definitions["io.k8s.api.core.v1.ConfigMap"]', 'definitions["io.k8s.api.core.v1.PodSpec"]', 'definitions["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"]'] })] },
    { name: 'openapi v3 is there', steps: [get('/openapi/v3', { only: [] })] },
    { name: 'openapi v3 of core', steps: [get('/openapi/v3/api/v1', { only: ['openapi', 'components.schemas["io.k8s.api.core.v1.ConfigMap"]', 'components.schemas["io.k8s.api.core.v1.Pod"]', 'components.schemas["io.k8s.api.core.v1.NodeSpec"]'] })] },
    { name: 'openapi v3 of apps', steps: [get('/openapi/v3/apis/apps/v1', { only: ['openapi', 'components.schemas["io.k8s.api.apps.v1.DaemonSet"]', 'components.schemas["io.k8s.api.apps.v1.DeploymentSpec"]'] })] },
    { name: 'openapi v3 operations', steps: [get('/openapi/v3/api/v1', { only: ['paths["/api/v1/namespaces/{namespace}/configmaps/{name}"].get.x-kubernetes-group-version-kind', 'paths["/api/v1/namespaces/{namespace}/configmaps/{name}"].get.x-kubernetes-action'] })] },
    { name: 'openapi v3 of a group that is not there', steps: [get('/openapi/v3/apis/nothing.example.com/v1')] },
  ],
};
