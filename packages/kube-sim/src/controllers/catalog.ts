import type { Resource } from '@vfleet/core';

/** What the API serves at the moment, custom resources included: each resource once, in one version. */
export interface ResourceCatalog {
  /** Resources that can be listed, watched and deleted. */
  all(): readonly Resource[];
  /** The resource that an owner reference means, whatever version it names. */
  find(apiVersion: string, kind: string): Resource | undefined;
}

export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}

export function resourceKey({ group, plural }: Resource): string {
  return `${plural}.${group}`;
}
