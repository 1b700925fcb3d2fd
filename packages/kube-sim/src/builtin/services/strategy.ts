import { plainStrategy, statusStrategy, keepingStatus } from '../../registry/strategies.ts';
import type { Strategy } from '../../registry/strategy.ts';
import { arrayAt, equalJson, isObject, withFields } from '../../values/json.ts';
import type { ApiObject } from '../../values/json.ts';
import { dns1035LabelProblems } from '../../values/names.ts';
import { serviceWarnings, validateService, validateServiceUpdate } from '../validation/service.ts';
import { allocate } from './allocate.ts';
import type { ServiceAllocations } from './allocations.ts';
import { withSpec } from './families.ts';
import { isReachedFromOutside, needsAddress, needsHealthCheck, needsNodePorts, specOf, typeOf } from './traits.ts';

/** Services (kubernetes pkg/registry/core/service). */
export function serviceStrategy(allocations: ServiceAllocations): Strategy {
  return {
    ...plainStrategy,
    metaChecksOnUpdate: ['change'],
    prepareForCreate: (service) => withFields(allocate(service, undefined, allocations), { status: Object.freeze({ loadBalancer: Object.freeze({}) }) }),
    validateCreate: (service) => validateService(service, undefined),
    prepareForUpdate: (next, previous) => withoutWhatNoLongerApplies(keepingStatus(allocate(next, previous, allocations), previous), previous),
    validateUpdate: validateServiceUpdate,
    warnings: serviceWarnings,
    returnsDeletedObject: true,
    nameProblems: dns1035LabelProblems,
    allowCreateOnUpdate: true,
  };
}

export const serviceStatusStrategy: Strategy = { ...statusStrategy, metaChecksOnUpdate: ['change'] };

/** Fields that a change of type leaves without meaning go, where the client did not change them as well (dropTypeDependentFields). */
function withoutWhatNoLongerApplies(next: ApiObject, previous: ApiObject): ApiObject {
  const [spec, before] = [specOf(next), specOf(previous)];
  const changes: Record<string, unknown> = {};
  const same = (...fields: readonly string[]) => fields.every((field) => equalJson(spec[field], before[field]));
  const dropIfSame = (...fields: readonly string[]) => {
    if (same(...fields)) for (const field of fields) changes[field] = undefined;
  };
  if (needsAddress(previous) && !needsAddress(next)) {
    dropIfSame('clusterIP', 'clusterIPs');
    dropIfSame('ipFamilies');
    dropIfSame('ipFamilyPolicy');
  }
  if (needsNodePorts(previous) && !needsNodePorts(next) && hasNoNewNodePort(next, previous)) {
    changes['ports'] = Object.freeze(arrayAt(spec, 'ports').map((port) => (isObject(port) ? withFields(port, { nodePort: undefined }) : port)));
  }
  if (needsHealthCheck(previous) && !needsHealthCheck(next)) dropIfSame('healthCheckNodePort');
  if (typeOf(previous) === 'LoadBalancer' && typeOf(next) !== 'LoadBalancer') {
    dropIfSame('allocateLoadBalancerNodePorts');
    dropIfSame('loadBalancerClass');
  }
  if (isReachedFromOutside(previous) && !isReachedFromOutside(next)) dropIfSame('externalTrafficPolicy');
  const dropped = Object.keys(changes).length === 0 ? next : withSpec(next, changes);
  return typeOf(dropped) === 'LoadBalancer' ? dropped : withFields(dropped, { status: withFields((dropped['status'] ?? {}) as Readonly<Record<string, unknown>>, { loadBalancer: Object.freeze({}) }) });
}

function hasNoNewNodePort(next: ApiObject, previous: ApiObject): boolean {
  const nodePorts = (service: ApiObject) => arrayAt(specOf(service), 'ports').map((port) => (isObject(port) ? port['nodePort'] : undefined)).filter((port) => typeof port === 'number');
  const before = nodePorts(previous);
  return nodePorts(next).every((port) => before.includes(port));
}
