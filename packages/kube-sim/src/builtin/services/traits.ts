import { arrayAt, objectAt, stringAt } from '../../values/json.ts';
import type { ApiObject, JsonObject } from '../../values/json.ts';

/** Questions about a service that several of its rules ask (kubernetes pkg/api/service). */
export const specOf = (service: ApiObject): JsonObject => objectAt(service, 'spec');
export const typeOf = (service: ApiObject): string => stringAt(specOf(service), 'type');
export const addressesOf = (service: ApiObject): readonly unknown[] => arrayAt(specOf(service), 'clusterIPs');
export const familiesOf = (service: ApiObject): readonly unknown[] => arrayAt(specOf(service), 'ipFamilies');

export function needsAddress(service: ApiObject): boolean {
  return typeOf(service) !== 'ExternalName';
}

export function needsNodePorts(service: ApiObject): boolean {
  return typeOf(service) === 'NodePort' || typeOf(service) === 'LoadBalancer';
}

export function needsHealthCheck(service: ApiObject): boolean {
  return typeOf(service) === 'LoadBalancer' && specOf(service)['externalTrafficPolicy'] === 'Local';
}

export function isHeadless(service: ApiObject): boolean {
  const addresses = addressesOf(service);
  return addresses.length === 1 && addresses[0] === 'None';
}

export function isReachedFromOutside(service: ApiObject): boolean {
  return needsNodePorts(service) || (typeOf(service) === 'ClusterIP' && arrayAt(specOf(service), 'externalIPs').length > 0);
}
