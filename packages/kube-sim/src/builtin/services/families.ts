import { invalid } from '../../errors/field-error.ts';
import type { FieldError } from '../../errors/field-error.ts';
import { invalidError } from '../../errors/status.ts';
import { isIpv6 } from '../../schema/formats.ts';
import { equalJson, objectAt, withFields } from '../../values/json.ts';
import type { ApiObject, JsonObject } from '../../values/json.ts';
import { faults } from '../validation/cursor.ts';
import { checkServiceAddresses } from '../validation/service-addresses.ts';
import { addressesOf, familiesOf, needsAddress, specOf } from './traits.ts';

const SERVICE = { group: '', kind: 'Service' };

/** The one family that this cluster's services have. */
const OWN_FAMILY = 'IPv4';

/**
 * Address families of a service where it does not say them (kubernetes pkg/registry/core/service/storage/alloc.go,
 * initIPFamilyFields), on a cluster of one family. Throws a StatusError (422) for what such a cluster cannot do.
 */
export function withFamilies(service: ApiObject, previous: ApiObject | undefined): ApiObject {
  if (!needsAddress(service)) return service;
  if (previous !== undefined && specOf(service)['ipFamilyPolicy'] === 'PreferDualStack' && sameFamilyFields(service, previous)) return service;
  const policed = withSpec(service, { ipFamilyPolicy: specOf(service)['ipFamilyPolicy'] ?? defaultPolicy(service, previous) });
  refuse(policed, faults(policed, '', (cursor) => checkServiceAddresses(cursor.at('spec'), previous)));
  const released = previous === undefined ? policed : afterRelease(policed, previous);
  const inferred = withInferredFamilies(released);
  return isSelectorlessHeadless(inferred) ? withBothFamilies(inferred) : withOwnFamily(inferred);
}

export function withSpec(service: ApiObject, changes: JsonObject): ApiObject {
  return withFields(service, { spec: withFields(specOf(service), changes) });
}

function refuse(service: ApiObject, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalidError(SERVICE, service.metadata.name ?? '', errors);
}

function sameFamilyFields(service: ApiObject, previous: ApiObject): boolean {
  const [next, before] = [specOf(service), specOf(previous)];
  return ['ipFamilyPolicy', 'clusterIPs', 'ipFamilies'].every((field) => equalJson(next[field], before[field]));
}

function defaultPolicy(service: ApiObject, previous: ApiObject | undefined): unknown {
  const before = previous === undefined ? undefined : specOf(previous)['ipFamilyPolicy'];
  return before ?? (isSelectorlessHeadless(service) ? 'RequireDualStack' : 'SingleStack');
}

function isSelectorlessHeadless(service: ApiObject): boolean {
  const spec = specOf(service);
  return spec['clusterIP'] === 'None' && Object.keys(objectAt(spec, 'selector')).length === 0;
}

/** Going to one family gives up the second address; any other way of losing it is a mistake. */
function afterRelease(service: ApiObject, previous: ApiObject): ApiObject {
  const spec = specOf(service);
  if (spec['ipFamilyPolicy'] === 'SingleStack') {
    const changes: Record<string, unknown> = {};
    for (const field of ['clusterIPs', 'ipFamilies']) {
      const [next, before] = [spec[field], specOf(previous)[field]];
      if (Array.isArray(next) && next.length > 1 && equalJson(next, before)) changes[field] = Object.freeze([next[0]]);
    }
    return withSpec(service, changes);
  }
  const lost = (next: readonly unknown[], before: readonly unknown[]) => next.length === 1 && before.length === 2 && next[0] === before[0];
  const errors: FieldError[] = [];
  const note = (what: string) => errors.push(invalid('spec.ipFamilyPolicy', spec['ipFamilyPolicy'], `must be 'SingleStack' to release the secondary ${what}`));
  if (lost(addressesOf(service), addressesOf(previous))) note('cluster IP');
  if (lost(familiesOf(service), familiesOf(previous))) note('IP family');
  refuse(service, errors);
  return service;
}

function withInferredFamilies(service: ApiObject): ApiObject {
  const policy = specOf(service)['ipFamilyPolicy'];
  const errors: FieldError[] = [];
  const several = (what: string) => errors.push(invalid('spec.ipFamilyPolicy', policy, `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`));
  if (policy === 'SingleStack' && addressesOf(service).length === 2) several('cluster IPs');
  if (policy === 'SingleStack' && familiesOf(service).length === 2) several('IP families');
  const families = [...familiesOf(service)];
  for (const [index, address] of addressesOf(service).entries()) {
    if (address === 'None') break;
    if (index < families.length) continue;
    if (isIpv6(String(address))) errors.push(invalid(`spec.clusterIPs[${index}]`, addressesOf(service), 'IPv6 is not configured on this cluster'));
    else families.push(OWN_FAMILY);
  }
  refuse(service, errors);
  return families.length === 0 ? service : withSpec(service, { ipFamilies: Object.freeze(families) });
}

/** Nobody knows what a service without a selector stands for: it may have both families on any cluster. */
function withBothFamilies(service: ApiObject): ApiObject {
  const families = familiesOf(service).length === 0 ? [OWN_FAMILY] : [...familiesOf(service)];
  if (families.length < 2 && specOf(service)['ipFamilyPolicy'] !== 'SingleStack') families.push(families[0] === 'IPv4' ? 'IPv6' : 'IPv4');
  return withSpec(service, { ipFamilies: Object.freeze(families) });
}

function withOwnFamily(service: ApiObject): ApiObject {
  const policy = specOf(service)['ipFamilyPolicy'];
  const errors: FieldError[] = [];
  if (policy === 'RequireDualStack') errors.push(invalid('spec.ipFamilyPolicy', policy, 'this cluster is not configured for dual-stack services'));
  for (const [index, family] of familiesOf(service).entries()) {
    if (family !== OWN_FAMILY) errors.push(invalid(`spec.ipFamilies[${index}]`, family, 'not configured on this cluster'));
  }
  refuse(service, errors);
  return familiesOf(service).length === 0 ? withSpec(service, { ipFamilies: Object.freeze([OWN_FAMILY]) }) : service;
}
