import { apiVersionOf } from '../registry/definition.ts';
import type { ResourceDefinition, Subresource } from '../registry/definition.ts';
import type { Registry } from '../registry/registry.ts';

/** One group with its versions, in the order in which clients should prefer them. */
interface Group {
  readonly name: string;
  readonly versions: readonly string[];
}

/** All groups but the core one, in order of registration; versions by their priority (v1 before v1beta1). */
export function groupsOf(registry: Registry): readonly Group[] {
  const versions = new Map<string, Set<string>>();
  for (const { group, version } of registry.all()) {
    if (group === '') continue;
    const known = versions.get(group);
    if (known === undefined) versions.set(group, new Set([version]));
    else known.add(version);
  }
  return [...versions].map(([name, found]) => ({ name, versions: [...found].sort(compareVersions) }));
}

/** Kubernetes' version priority (apimachinery pkg/version/helpers.go): stable before beta before alpha, then higher first. */
export function compareVersions(a: string, b: string): number {
  const left = rank(a);
  const right = rank(b);
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return right[index]! - left[index]!;
  return a < b ? -1 : a > b ? 1 : 0;
}

function rank(version: string): readonly number[] {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (match === null) return [0, 0, 0];
  const [, major, stage, minor] = match;
  return [stage === undefined ? 3 : stage === 'beta' ? 2 : 1, Number(major), Number(minor ?? 0)];
}

const groupVersion = (group: string, version: string) => ({ groupVersion: `${group}/${version}`, version });

/** /apis/GROUP */
export function apiGroup({ name, versions }: Group): object {
  const served = versions.map((version) => groupVersion(name, version));
  return { kind: 'APIGroup', apiVersion: 'v1', name, versions: served, preferredVersion: served[0] };
}

/** /apis */
export function apiGroupList(registry: Registry): object {
  return {
    kind: 'APIGroupList', apiVersion: 'v1',
    groups: groupsOf(registry).map((group) => {
      const { kind: _kind, apiVersion: _apiVersion, ...rest } = apiGroup(group) as Readonly<Record<string, unknown>>;
      return rest;
    }),
  };
}

/** /api */
export function apiVersions(serverAddress: string): object {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }] };
}

/** /api/v1 and /apis/GROUP/VERSION; undefined when nothing is served there. */
export function apiResourceList(registry: Registry, group: string, version: string, storageHash: (text: string) => string): object | undefined {
  const resources = registry.inGroupVersion(group, version);
  if (resources.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: apiVersionOf({ group, version }),
    resources: [...resources].sort(byPlural).flatMap((resource) => resourceEntries(resource, storageHash)),
  };
}

function byPlural(a: ResourceDefinition, b: ResourceDefinition): number {
  return a.plural < b.plural ? -1 : a.plural > b.plural ? 1 : 0;
}

function resourceEntries(resource: ResourceDefinition, storageHash: (text: string) => string): readonly object[] {
  const { plural, singular, namespaced, kind, verbs, shortNames, categories } = resource;
  const isStored = verbs.includes('get');
  return [
    { name: plural, singularName: singular, namespaced, kind, verbs, ...(shortNames.length === 0 ? {} : { shortNames }), ...(categories.length === 0 ? {} : { categories }), ...(isStored ? { storageVersionHash: storageHash(`${resource.storageGroup}/${resource.storageVersion}/${kind}`) } : {}) },
    ...sorted(resource.subresources).map((subresource) => ({
      name: `${plural}/${subresource.name}`, singularName: '', namespaced,
      ...(subresource.group === undefined ? {} : { group: subresource.group, version: subresource.version }),
      kind: subresource.kind, verbs: subresource.verbs,
    })),
  ];
}

function sorted(subresources: readonly Subresource[]): readonly Subresource[] {
  return [...subresources].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Aggregated discovery (KEP-3352): everything under /api or /apis in one document. */
export function aggregatedDiscovery(registry: Registry, core: boolean): object {
  const groups: readonly Group[] = core ? [{ name: '', versions: ['v1'] }] : groupsOf(registry);
  return {
    kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {},
    items: groups.map(({ name, versions }) => ({
      metadata: name === '' ? {} : { name },
      versions: versions.map((version) => ({
        version,
        resources: [...registry.inGroupVersion(name, version)].sort(byPlural).map(discoveredResource),
        freshness: 'Current',
      })),
    })),
  };
}

function discoveredResource(resource: ResourceDefinition): object {
  const { group, version, custom, kind, plural, namespaced, singular, verbs, shortNames, categories } = resource;
  const own = custom ? { group, version } : { group: '', version: '' };
  return {
    resource: plural,
    responseKind: { ...own, kind },
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs,
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
    ...(resource.subresources.length === 0 ? {} : {
      subresources: sorted(resource.subresources).map((subresource) => ({
        subresource: subresource.name,
        responseKind: subresource.group === undefined ? { ...own, kind: subresource.kind } : { group: subresource.group, version: subresource.version, kind: subresource.kind },
        verbs: subresource.verbs,
      })),
    }),
  };
}
