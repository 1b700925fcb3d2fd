import { isIpv4, isIpv6 } from '../../schema/formats.ts';
import type { ApiObject } from '../../values/json.ts';
import { addressesOf } from '../services/traits.ts';
import type { Cursor } from './cursor.ts';

export const FAMILIES: readonly string[] = ['IPv4', 'IPv6'];
const FAMILY_POLICIES: readonly string[] = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];

/** clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy together (validation.go, ValidateServiceClusterIPsRelatedFields). */
export function checkServiceAddresses(spec: Cursor, previous: ApiObject | undefined): void {
  if (spec.at('type').text === 'ExternalName') return;
  const [one, all, families, policy] = [spec.at('clusterIP'), spec.at('clusterIPs'), spec.at('ipFamilies'), spec.at('ipFamilyPolicy')];
  if (one.text !== '') {
    if (all.items.length === 0) all.required();
    else if (all.index(0).text !== one.text) all.invalid('first value must match `clusterIP`');
  } else if (all.items.length > 0) all.invalid('must be empty when `clusterIP` is not specified');
  const seen = new Set<string>();
  for (const family of families.items) {
    if (!FAMILIES.includes(family.text)) family.notSupported(FAMILIES);
    if (seen.has(family.text)) family.duplicate();
    seen.add(family.text);
  }
  if (policy.isSet && !FAMILY_POLICIES.includes(policy.text)) policy.notSupported(FAMILY_POLICIES);
  if (!checkEach(all, previous)) return;
  const texts = all.items.map(({ text }) => text);
  if (texts.length > 2) all.invalid('may only hold up to 2 values');
  if (texts.length > 1 && new Set(texts.map(isIpv6)).size < texts.length) all.invalid('may specify no more than one IP for each IP family');
  if (texts.length === 1 && texts[0] === 'None') return;
  for (const [index, address] of all.items.entries()) {
    const family = families.index(index).text;
    if (family === 'IPv4' && isIpv6(address.text)) address.invalid(`expected an IPv4 value as indicated by \`ipFamilies[${index}]\``);
    if (family === 'IPv6' && !isIpv6(address.text)) address.invalid(`expected an IPv6 value as indicated by \`ipFamilies[${index}]\``);
  }
}

/** False when one is so wrong that further checks would only confuse. */
function checkEach(addresses: Cursor, previous: ApiObject | undefined): boolean {
  const before = previous === undefined ? [] : addressesOf(previous);
  let isSound = true;
  for (const [index, address] of addresses.items.entries()) {
    if (index === 0 && address.text === 'None') {
      if (addresses.items.length === 1) continue;
      addresses.invalid("'None' must be the first and only value");
      isSound = false;
    } else if (!before.includes(address.text) && !isIpv4(address.text) && !isIpv6(address.text)) {
      address.invalid('must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)');
      isSound = false;
    }
  }
  return isSound;
}
