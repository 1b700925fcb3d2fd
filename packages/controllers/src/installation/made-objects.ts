import type { Resource } from '@vfleet/core';
import { configMaps, finalizers } from '@vfleet/core';
import { configMapResource, leases, operatorConfigs, ovsNetworks, poolConfigs, secrets, sriovIbNetworks, sriovNetworks } from '@vfleet/kube';
import { AUTHORITY_SECRET, SERVING_SECRET } from '../admission/certificates/keeper.ts';
import { LEASE_NAME } from '../operator/operator.ts';

/** Kinds that the operator puts a finalizer on, and whether they are only in its own namespace. */
export const heldKinds: readonly { readonly resource: Resource; readonly finalizer: string; readonly in: 'own' | 'everywhere' }[] = [
  { resource: sriovNetworks, finalizer: finalizers.network, in: 'everywhere' },
  { resource: sriovIbNetworks, finalizer: finalizers.network, in: 'everywhere' },
  { resource: ovsNetworks, finalizer: finalizers.network, in: 'everywhere' },
  { resource: poolConfigs, finalizer: finalizers.poolConfig, in: 'own' },
  { resource: operatorConfigs, finalizer: finalizers.operatorConfig, in: 'own' },
];

/** What the operator makes by itself in its namespace. */
export const madeObjects: readonly { readonly resource: Resource; readonly name: string }[] = [
  { resource: secrets, name: AUTHORITY_SECRET }, { resource: secrets, name: SERVING_SECRET }, { resource: configMapResource, name: configMaps.devicePluginConfig }, { resource: leases, name: LEASE_NAME },
];
