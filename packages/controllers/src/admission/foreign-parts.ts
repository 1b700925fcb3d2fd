import type { KubeObject } from '@vfleet/core';
import type { AppliedConfiguration } from './configurations.ts';

/** A webhook configuration as it is stored; one without webhooks may have lost the list. */
export type WebhookConfiguration = KubeObject & Partial<Pick<AppliedConfiguration, 'webhooks'>>;

/** By these others put authorities of their own into a configuration: cert-manager's injector, and OpenShift's service CA. */
const INJECTION_ANNOTATIONS = ['cert-manager.io/inject-ca-from', 'cert-manager.io/inject-ca-from-secret', 'service.beta.openshift.io/inject-cabundle'];

/**
 * What is in a configuration of ours that we did not apply, as operations that remove it (RFC 6902); undefined where there is nothing. Applying
 * merges by the name of a webhook and of a match condition, and leaves what another manager wrote: webhooks of the Go operator would go on
 * being called by an authority that nobody serves with, and its injector would write that authority over ours.
 */
export function foreignParts(stored: WebhookConfiguration, wanted: AppliedConfiguration): { readonly names: readonly string[]; readonly operations: readonly Readonly<Record<string, unknown>>[] } | undefined {
  const names: string[] = [];
  const operations: Readonly<Record<string, unknown>>[] = [];
  const drop = (name: string, path: string) => {
    names.push(name);
    operations.push({ op: 'remove', path });
  };
  for (const name of INJECTION_ANNOTATIONS) if (Object.hasOwn(stored.metadata.annotations ?? {}, name)) drop(`annotation ${name}`, `/metadata/annotations/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
  // From the end, so that what is removed moves nothing that is named later.
  for (const [index, webhook] of [...(stored.webhooks ?? []).entries()].toReversed()) {
    const own = wanted.webhooks.find(({ name }) => name === webhook.name);
    if (own === undefined) {
      drop(`webhook ${webhook.name}`, `/webhooks/${index}`);
      continue;
    }
    for (const [at, { name }] of [...(webhook.matchConditions ?? []).entries()].toReversed()) {
      if (own.matchConditions?.some((condition) => condition.name === name) !== true) drop(`match condition ${name}`, `/webhooks/${index}/matchConditions/${at}`);
    }
  }
  if (operations.length === 0) return undefined;
  return { names, operations: [{ op: 'test', path: '/metadata/resourceVersion', value: stored.metadata.resourceVersion }, ...operations] };
}
