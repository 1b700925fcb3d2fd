import { arrayAt, isObject, objectAt, stringAt } from '../../values/json.ts';
import type { ApiObject, JsonObject } from '../../values/json.ts';

export function externalIp(service: ApiObject): string {
  const spec = objectAt(service, 'spec');
  const own = arrayAt(spec, 'externalIPs').map(String);
  switch (stringAt(spec, 'type')) {
    case 'ClusterIP':
    case 'NodePort': return own.join(',') || '<none>';
    case 'LoadBalancer': {
      const ingress = arrayAt(objectAt(service['status'], 'loadBalancer'), 'ingress').map((entry) => stringAt(entry, 'ip') || stringAt(entry, 'hostname'));
      return [...ingress, ...own].join(',') || '<pending>';
    }
    case 'ExternalName': return stringAt(spec, 'externalName');
    default: return '<unknown>';
  }
}

export function portsText(spec: JsonObject): string {
  const ports = arrayAt(spec, 'ports').filter(isObject).map((port) => {
    const nodePort = typeof port['nodePort'] === 'number' && port['nodePort'] > 0 ? `:${port['nodePort']}` : '';
    return `${String(port['port'])}${nodePort}/${stringAt(port, 'protocol')}`;
  });
  return ports.join(',') || '<none>';
}

/** More addresses than these are only counted. */
const ENDPOINTS_SHOWN = 3;

export function endpointsText(endpoints: ApiObject): string {
  const subsets = arrayAt(endpoints, 'subsets').filter(isObject);
  if (subsets.length === 0) return '<none>';
  const all = subsets.flatMap((subset) => {
    const addresses = arrayAt(subset, 'addresses').map((address) => stringAt(address, 'ip'));
    const ports = arrayAt(subset, 'ports').filter(isObject);
    return ports.length === 0 ? addresses : ports.flatMap((port) => addresses.map((address) => `${address.includes(':') ? `[${address}]` : address}:${String(port['port'])}`));
  });
  const shown = all.slice(0, ENDPOINTS_SHOWN).join(',');
  return all.length > ENDPOINTS_SHOWN ? `${shown} + ${all.length - ENDPOINTS_SHOWN} more...` : shown;
}
