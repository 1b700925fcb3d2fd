import type { FieldError } from '../../errors/field-error.ts';
import { GoText, invalid } from '../../errors/field-error.ts';
import { isIpv4, isIpv6 } from '../../schema/formats.ts';
import { goQuote } from '../../errors/field-error.ts';
import { dnsLabelProblems, dnsSubdomainProblems, portNameProblems, qualifiedNameProblems } from '../../values/names.ts';
import type { ApiObject } from '../../values/json.ts';
import { arrayAt, stringAt } from '../../values/json.ts';
import { addressesOf, familiesOf, isHeadless, isReachedFromOutside, needsHealthCheck, specOf, typeOf } from '../services/traits.ts';
import type { Cursor } from './cursor.ts';
import { faults } from './cursor.ts';
import { checkServiceAddresses } from './service-addresses.ts';
import { checkLabels } from './selector.ts';

const TYPES: readonly string[] = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const PROTOCOLS: readonly string[] = ['SCTP', 'TCP', 'UDP'];
const TRAFFIC_POLICIES: readonly string[] = ['Cluster', 'Local'];
const AFFINITY_TIMEOUT_MAX_SECONDS = 86_400;
const ONLY_FOR_BALANCERS = "may only be used when `type` is 'LoadBalancer'";

/** Services (kubernetes pkg/apis/core/validation/validation.go, validateService). */
export function validateService(service: ApiObject, previous: ApiObject | undefined): readonly FieldError[] {
  return faults(service, '', (object) => {
    const spec = object.at('spec');
    const type = spec.at('type');
    if (spec.at('ports').items.length === 0 && !isHeadless(service) && type.text !== 'ExternalName') spec.at('ports').required();
    checkTypeRules(spec, service);
    checkPorts(spec.at('ports'));
    checkLabels(spec.at('selector').shownAt('spec.selector'));
    checkAffinity(spec);
    checkServiceAddresses(spec, previous);
    for (const address of spec.at('externalIPs').items) checkOutsideAddress(address, previous);
    type.oneOf(TYPES);
    checkDuplicatePorts(spec);
    checkSourceRanges(spec);
    const nodePorts = spec.at('allocateLoadBalancerNodePorts');
    if (nodePorts.isSet && type.text !== 'LoadBalancer') nodePorts.forbidden(ONLY_FOR_BALANCERS);
    if (!nodePorts.isSet && type.text === 'LoadBalancer') nodePorts.shownAt('allocateLoadBalancerNodePorts').required();
    checkBalancerClass(spec);
    checkTrafficPolicies(spec, service);
  });
}

function checkTypeRules(spec: Cursor, service: ApiObject): void {
  const type = spec.at('type').text;
  if ((type === 'LoadBalancer' || type === 'NodePort') && isHeadless(service)) spec.at('clusterIPs').index(0).invalid(`may not be set to 'None' for ${type} services`);
  if (type !== 'ExternalName') return;
  for (const field of ['clusterIPs', 'ipFamilies']) if (spec.at(field).items.length > 0) spec.at(field).forbidden('may not be set for ExternalName services');
  if (spec.at('ipFamilyPolicy').isSet) spec.at('ipFamilyPolicy').forbidden('may not be set for ExternalName services');
  const name = spec.at('externalName').text.replace(/\.$/, '');
  if (name === '') return spec.at('externalName').required();
  for (const problem of dnsSubdomainProblems(name)) spec.at('externalName').invalid(problem, name);
}

function checkPorts(ports: Cursor): void {
  const names = new Set<string>();
  for (const port of ports.items) {
    const name = port.at('name');
    if (name.text !== '') {
      name.check(dnsLabelProblems);
      if (names.has(name.text)) name.duplicate();
      names.add(name.text);
    } else if (ports.items.length > 1) name.required();
    const number = port.at('port').number ?? 0;
    if (number < 1 || number > 65_535) port.at('port').invalid('must be between 1 and 65535, inclusive', number);
    port.at('protocol').oneOf(PROTOCOLS);
    const target = port.at('targetPort');
    if (typeof target.value === 'string') target.check(portNameProblems);
    else if ((target.number ?? 0) < 1 || target.number! > 65_535) target.invalid('must be between 1 and 65535, inclusive', target.number ?? 0);
    if (port.at('appProtocol').isSet) port.at('appProtocol').check(qualifiedNameProblems);
  }
}

function checkDuplicatePorts(spec: Cursor): void {
  const ports = spec.at('ports').items;
  if (spec.at('type').text === 'ClusterIP') for (const port of ports) if ((port.at('nodePort').number ?? 0) !== 0) port.at('nodePort').forbidden("may not be used when `type` is 'ClusterIP'");
  const nodePorts = new Set<string>();
  for (const port of ports) {
    const nodePort = port.at('nodePort').number ?? 0;
    const key = `${port.at('protocol').text}/${nodePort}`;
    if (nodePort !== 0 && nodePorts.has(key)) port.at('nodePort').duplicate();
    nodePorts.add(key);
  }
  const seen = new Set<string>();
  for (const port of ports) {
    const [protocol, number] = [port.at('protocol').text, port.at('port').number ?? 0];
    if (seen.has(`${protocol}/${number}`)) port.duplicate(new GoText({ Name: '', Protocol: protocol, AppProtocol: null, Port: number, TargetPort: 0, NodePort: 0 }));
    seen.add(`${protocol}/${number}`);
  }
}

function checkAffinity(spec: Cursor): void {
  const affinity = spec.at('sessionAffinity');
  affinity.oneOf(['ClientIP', 'None']);
  const config = spec.at('sessionAffinityConfig');
  if (affinity.text === 'None' && config.isSet) config.forbidden('must not be set when session affinity is None');
  if (affinity.text !== 'ClientIP') return;
  const timeout = config.at('clientIP').at('timeoutSeconds');
  const missing = [config, config.at('clientIP'), timeout].find((cursor) => !cursor.isSet);
  if (missing !== undefined) missing.required('when session affinity type is ClientIP');
  else if (timeout.number! <= 0 || timeout.number! > AFFINITY_TIMEOUT_MAX_SECONDS) timeout.invalid(`must be greater than 0 and less than ${AFFINITY_TIMEOUT_MAX_SECONDS}`);
}

/** An address that an endpoint may have (validation.go, ValidateEndpointIP). */
function checkOutsideAddress(address: Cursor, previous: ApiObject | undefined): void {
  const before = previous === undefined ? [] : arrayAt(specOf(previous), 'externalIPs');
  const { text } = address;
  if (!isIpv4(text) && !isIpv6(text)) {
    if (!before.includes(text)) address.invalid('must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)');
    return;
  }
  if (/^(0+\.0+\.0+\.0+|[0:]+)$/.test(text)) address.invalid(`may not be unspecified (${text})`);
  if (/^(127\.|(0*:)+0*1$)/.test(text)) address.invalid('may not be in the loopback range (127.0.0.0/8, ::1/128)');
  if (/^(169\.254\.|fe[89ab])/i.test(text)) address.invalid('may not be in the link-local range (169.254.0.0/16, fe80::/10)');
  if (/^(224\.0\.0\.|ff02:)/i.test(text)) address.invalid('may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)');
}

function checkSourceRanges(spec: Cursor): void {
  const ranges = spec.at('loadBalancerSourceRanges').shownAt('spec.LoadBalancerSourceRanges');
  if (ranges.items.length === 0) return;
  if (spec.at('type').text !== 'LoadBalancer') ranges.forbidden(ONLY_FOR_BALANCERS);
  for (const range of ranges.items) if (!isNetwork(range.text.trim())) range.invalid('must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)', range.text.trim());
}

export function isNetwork(text: string): boolean {
  const [address = '', length = '', ...rest] = text.split('/');
  if (rest.length > 0 || !/^\d+$/.test(length)) return false;
  return isIpv4(address) ? Number(length) <= 32 : isIpv6(address) && Number(length) <= 128;
}

function checkBalancerClass(spec: Cursor): void {
  const name = spec.at('loadBalancerClass');
  if (!name.isSet) return;
  if (spec.at('type').text === 'LoadBalancer') name.check(qualifiedNameProblems);
  else name.forbidden(ONLY_FOR_BALANCERS);
}

function checkTrafficPolicies(spec: Cursor, service: ApiObject): void {
  const [outside, healthCheck, inside, distribution] = [spec.at('externalTrafficPolicy'), spec.at('healthCheckNodePort'), spec.at('internalTrafficPolicy'), spec.at('trafficDistribution')];
  if (isReachedFromOutside(service)) outside.oneOf(TRAFFIC_POLICIES);
  else if (outside.text !== '') outside.invalid('may only be set for externally-accessible services');
  const port = healthCheck.number ?? 0;
  if (!needsHealthCheck(service)) {
    if (port !== 0) healthCheck.invalid("may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");
  } else if (port === 0) healthCheck.required();
  else healthCheck.between(1, 65_535);
  if (!inside.isSet && ['ClusterIP', 'LoadBalancer', 'NodePort'].includes(typeOf(service))) inside.required();
  if (inside.isSet && !TRAFFIC_POLICIES.includes(inside.text)) inside.notSupported(TRAFFIC_POLICIES);
  if (distribution.isSet && distribution.text !== 'PreferClose') distribution.notSupported(['PreferClose']);
}

/** What an update may not change of addresses and families, then all rules for services. */
export function validateServiceUpdate(next: ApiObject, previous: ApiObject): readonly FieldError[] {
  const balancerClass = specOf(next)['loadBalancerClass'];
  const bothBalancers = typeOf(next) === 'LoadBalancer' && typeOf(previous) === 'LoadBalancer';
  return [
    ...changedAddresses(next, previous),
    ...changedFamilies(next, previous),
    ...(bothBalancers && balancerClass !== specOf(previous)['loadBalancerClass'] ? [invalid('spec.loadBalancerClass', balancerClass, 'may not change once set')] : []),
    ...faults(next, '', (object) => {
      const port = object.at('spec').at('healthCheckNodePort');
      if (needsHealthCheck(previous) && needsHealthCheck(next) && port.value !== specOf(previous)['healthCheckNodePort']) port.forbidden('field is immutable');
    }),
    ...validateService(next, previous),
  ];
}

function isNamedOutside(...services: readonly ApiObject[]): boolean {
  return services.some((service) => typeOf(service) === 'ExternalName');
}

function changedAddresses(next: ApiObject, previous: ApiObject): readonly FieldError[] {
  if (isNamedOutside(next, previous) || (isHeadless(next) && isHeadless(previous))) return [];
  const [addresses, before] = [addressesOf(next), addressesOf(previous)];
  const shown = addresses.length === 0 ? undefined : addresses;
  if (addresses.length === before.length) return before.flatMap((address, index) => (address === addresses[index] ? [] : [invalid(`spec.clusterIPs[${index}]`, shown, 'may not change once set')]));
  if (before.length > 0 && addresses.length === 0) return [invalid('spec.clusterIPs[0]', shown, 'primary clusterIP can not be unset')];
  const found: FieldError[] = before.length > 0 && addresses[0] !== before[0] ? [invalid('spec.clusterIPs[0]', shown, 'may not change once set')] : [];
  const policy = specOf(next)['ipFamilyPolicy'];
  if (before.length > addresses.length && policy !== 'SingleStack') found.push(invalid('spec.ipFamilyPolicy', policy, "must be set to 'SingleStack' when releasing the secondary clusterIP"));
  return found;
}

function changedFamilies(next: ApiObject, previous: ApiObject): readonly FieldError[] {
  if (isNamedOutside(next, previous) || isHeadless(next) || isHeadless(previous)) return [];
  const [families, before] = [familiesOf(next), familiesOf(previous)];
  if (families.length === before.length) return before.flatMap((family, index) => (family === families[index] ? [] : [invalid('spec.ipFamilies[0]', families, 'may not change once set')]));
  const found: FieldError[] = before.length > 0 && families.length > 0 && families[0] !== before[0] ? [invalid('spec.ipFamilies[0]', addressesOf(next), 'may not change once set')] : [];
  const policy = specOf(next)['ipFamilyPolicy'];
  if (before.length > families.length && families.length === 1 && policy !== 'SingleStack') found.push(invalid('spec.ipFamilyPolicy', policy, "must be set to 'SingleStack' when releasing the secondary ipFamily"));
  return found;
}

/** kubernetes pkg/api/service/warnings.go. */
export function serviceWarnings(service: ApiObject): readonly string[] {
  const spec = specOf(service);
  const warnings: string[] = [];
  if (service.metadata.annotations?.['service.kubernetes.io/topology-aware-hints'] !== undefined) {
    warnings.push('annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead');
  }
  const outside = arrayAt(spec, 'externalIPs');
  if (typeOf(service) === 'ClusterIP' && spec['clusterIP'] === 'None') {
    if (stringAt(spec, 'loadBalancerIP') !== '') warnings.push('spec.loadBalancerIP is ignored for headless services');
    if (outside.length > 0) warnings.push('spec.externalIPs is ignored for headless services');
    if (spec['sessionAffinity'] !== 'None') warnings.push('spec.SessionAffinity is ignored for headless services');
  }
  if (typeOf(service) === 'ExternalName' && outside.length > 0) warnings.push(`spec.externalIPs is ignored when spec.type is ${goQuote('ExternalName')}`);
  if (typeOf(service) !== 'ExternalName' && stringAt(spec, 'externalName') !== '') warnings.push(`spec.externalName is ignored when spec.type is not ${goQuote('ExternalName')}`);
  return warnings;
}
