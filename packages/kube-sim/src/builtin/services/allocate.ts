import { invalid } from '../../errors/field-error.ts';
import { internalError, invalidError } from '../../errors/status.ts';
import { arrayAt, equalJson, isObject, stringAt, withFields } from '../../values/json.ts';
import type { ApiObject, JsonObject } from '../../values/json.ts';
import type { ServiceAllocations } from './allocations.ts';
import { withFamilies, withSpec } from './families.ts';
import { addressesOf, isHeadless, needsAddress, needsHealthCheck, needsNodePorts, specOf } from './traits.ts';

const SERVICE = { group: '', kind: 'Service' };

/**
 * What the API server adds to a service before it looks at it (pkg/registry/core/service/storage): addresses, families, node
 * ports. Two requests at the same moment never get the same, since nothing is awaited between drawing and storing. Throws a
 * StatusError (422) where what is asked for is not to be had.
 */
export function allocate(given: ApiObject, previous: ApiObject | undefined, allocations: ServiceAllocations): ApiObject {
  const patched = previous === undefined ? given : withPreviousValues(given, previous);
  const named = withFamilies(withBothAddressFields(patched, previous), previous);
  return withNodePorts(withAddress(named, allocations), allocations);
}

function keyOf({ metadata }: ApiObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** A client that leaves out what was allocated keeps it (patchAllocatedValues). */
function withPreviousValues(service: ApiObject, previous: ApiObject): ApiObject {
  const [spec, before] = [specOf(service), specOf(previous)];
  const changes: Record<string, unknown> = {};
  if (needsAddress(previous) && needsAddress(service)) {
    if (stringAt(spec, 'clusterIP') === '') changes['clusterIP'] = before['clusterIP'];
    if (addressesOf(service).length === 0 && addressesOf(previous).length > 0) changes['clusterIPs'] = before['clusterIPs'];
  }
  if (needsNodePorts(previous) && needsNodePorts(service)) changes['ports'] = keepingNodePorts(arrayAt(spec, 'ports'), arrayAt(before, 'ports'));
  if (needsHealthCheck(previous) && needsHealthCheck(service)) changes['healthCheckNodePort'] = spec['healthCheckNodePort'] ?? before['healthCheckNodePort'];
  return withSpec(service, changes);
}

function keepingNodePorts(ports: readonly unknown[], before: readonly unknown[]): readonly unknown[] {
  const nodePort = (port: unknown) => (isObject(port) && typeof port['nodePort'] === 'number' ? port['nodePort'] : 0);
  const used = new Set(ports.map(nodePort).filter((port) => port !== 0 && before.map(nodePort).includes(port)));
  const byName = new Map(before.map((port) => [stringAt(port, 'name'), nodePort(port)]));
  return Object.freeze(ports.map((port) => {
    const old = byName.get(stringAt(port, 'name')) ?? 0;
    return isObject(port) && nodePort(port) === 0 && old !== 0 && !used.has(old) ? withFields(port, { nodePort: old }) : port;
  }));
}

/** Keeps clusterIP and clusterIPs in step for clients that know only one of them (normalizeClusterIPs). */
function withBothAddressFields(service: ApiObject, previous: ApiObject | undefined): ApiObject {
  const address = stringAt(specOf(service), 'clusterIP');
  if (previous === undefined) return address !== '' && addressesOf(service).length === 0 ? withSpec(service, { clusterIPs: Object.freeze([address]) }) : service;
  const before = stringAt(specOf(previous), 'clusterIP');
  if (address === before || !equalJson(addressesOf(service), addressesOf(previous))) return service;
  return withSpec(service, { clusterIPs: address === '' ? undefined : Object.freeze([address]) });
}

function withAddress(service: ApiObject, allocations: ServiceAllocations): ApiObject {
  if (!needsAddress(service) || isHeadless(service)) return service;
  const [asked] = addressesOf(service);
  if (typeof asked !== 'string') {
    const drawn = allocations.drawAddress();
    return withSpec(service, { clusterIP: drawn, clusterIPs: Object.freeze([drawn]) });
  }
  const why = allocations.whyNotAddress(asked, keyOf(service));
  if (why !== undefined) throw invalidError(SERVICE, service.metadata.name ?? '', [invalid('spec.clusterIPs', addressesOf(service), `failed to allocate IP ${asked}: ${why}`)]);
  return service;
}

function withNodePorts(service: ApiObject, allocations: ServiceAllocations): ApiObject {
  const spec = specOf(service);
  const taken = new Set<number>();
  const changes: Record<string, unknown> = {};
  if (needsNodePorts(service)) changes['ports'] = nodePorts(service, allocations, taken);
  if (needsHealthCheck(service) && typeof spec['healthCheckNodePort'] !== 'number') changes['healthCheckNodePort'] = drawPort(allocations, taken);
  return withSpec(service, changes);
}

function drawPort(allocations: ServiceAllocations, taken: Set<number>): number {
  const drawn = allocations.drawPort(taken);
  if (drawn === undefined) throw internalError('failed to allocate a nodePort: range is full');
  taken.add(drawn);
  return drawn;
}

/** Ports of one number, as TCP and UDP of one service, share a node port. */
function nodePorts(service: ApiObject, allocations: ServiceAllocations, taken: Set<number>): readonly unknown[] {
  const spec = specOf(service);
  const ports = arrayAt(spec, 'ports');
  const asked = (port: JsonObject) => (typeof port['nodePort'] === 'number' ? port['nodePort'] : 0);
  const byPort = new Map<unknown, number>();
  const require = (index: number, port: number) => {
    const why = allocations.whyNotPort(port, keyOf(service)) ?? (taken.has(port) ? 'provided port is already allocated' : undefined);
    if (why !== undefined) throw invalidError(SERVICE, service.metadata.name ?? '', [invalid(`spec.ports[${index}].nodePort`, port, why)]);
    taken.add(port);
    return port;
  };
  const hasPorts = spec['type'] === 'NodePort' || spec['allocateLoadBalancerNodePorts'] !== false;
  return Object.freeze(ports.map((port, index) => {
    if (!isObject(port) || (asked(port) === 0 && !hasPorts)) return port;
    const shared = byPort.get(port['port']);
    if (shared !== undefined) {
      if (asked(port) === 0) return withFields(port, { nodePort: shared });
      if (asked(port) !== shared) require(index, asked(port));
      return port;
    }
    const wanted = ports.filter(isObject).filter((other) => other['port'] === port['port']).map(asked).find((nodePort) => nodePort !== 0);
    const allocated = wanted === undefined ? drawPort(allocations, taken) : require(index, wanted);
    byPort.set(port['port'], allocated);
    return withFields(port, { nodePort: allocated });
  }));
}
