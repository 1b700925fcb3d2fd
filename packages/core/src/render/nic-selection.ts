import type { NicSelector } from '../api/node-policy.ts';
import type { InterfaceStatus } from '../api/node-state.ts';

/** Why a nicSelector does not select an interface: one entry for each selector that does not match. */
export type NicMismatch =
  | { readonly selector: 'empty'; readonly text: string }
  | { readonly selector: 'vendor' | 'deviceID' | 'rootDevices' | 'pfNames' | 'netFilter'; readonly text: string };

/** What selection looks at. */
export type SelectableNic = Pick<InterfaceStatus, 'name' | 'altNames' | 'pciAddress' | 'vendor' | 'deviceID' | 'netFilter'>;

/** The PF name of an element of `pfNames`, without its VF range. */
export function pfNameWithoutRange(entry: string): string {
  const hash = entry.indexOf('#');
  return hash < 0 ? entry : entry.slice(0, hash);
}

/** Whether `name` is the interface's name or one of its altnames. */
export function isNamed(nic: SelectableNic, name: string): boolean {
  return nic.name === name || (nic.altNames?.includes(name) ?? false);
}

export function isEmptyNicSelector(selector: NicSelector): boolean {
  return !selector.vendor && !selector.deviceID && !selector.rootDevices?.length && !selector.pfNames?.length && !selector.netFilter;
}

/** Every reason why `selector` does not select `nic`; empty when it does. The selectors are ANDed, an empty one matches nothing. */
export function nicMismatches(selector: NicSelector, nic: SelectableNic): readonly NicMismatch[] {
  if (isEmptyNicSelector(selector)) return [{ selector: 'empty', text: 'the nicSelector is empty, which matches nothing' }];
  const mismatches: NicMismatch[] = [];
  const { vendor, deviceID, rootDevices, pfNames, netFilter } = selector;
  if (vendor && !sameHexId(vendor, nic.vendor)) {
    mismatches.push({ selector: 'vendor', text: `vendor is ${nic.vendor ?? 'unknown'}, not ${vendor}` });
  }
  if (deviceID && !sameHexId(deviceID, nic.deviceID)) {
    mismatches.push({ selector: 'deviceID', text: `device id is ${nic.deviceID ?? 'unknown'}, not ${deviceID}` });
  }
  if (rootDevices?.length && !rootDevices.some((address) => address.toLowerCase() === nic.pciAddress)) {
    mismatches.push({ selector: 'rootDevices', text: `PCI address ${nic.pciAddress} is not in rootDevices` });
  }
  if (pfNames?.length && !pfNames.some((entry) => isNamed(nic, pfNameWithoutRange(entry)))) {
    mismatches.push({ selector: 'pfNames', text: `${allNames(nic)} is not in pfNames` });
  }
  if (netFilter && !sameNetFilter(netFilter, nic.netFilter)) {
    mismatches.push({ selector: 'netFilter', text: `network is ${nic.netFilter ?? 'unknown'}, not ${netFilter}` });
  }
  return mismatches;
}

export function selectsNic(selector: NicSelector, nic: SelectableNic): boolean {
  return nicMismatches(selector, nic).length === 0;
}

function sameHexId(wanted: string, actual: string | undefined): boolean {
  return actual !== undefined && wanted.toLowerCase() === actual.toLowerCase();
}

function allNames(nic: SelectableNic): string {
  const names = [nic.name, ...(nic.altNames ?? [])].filter((name) => name !== undefined);
  return names.length === 0 ? `${nic.pciAddress} (no netdev)` : names.join(' or ');
}

/** `platform/NetworkID: id` with free spaces around the colon. */
function sameNetFilter(wanted: string, actual: string | undefined): boolean {
  const normal = (text: string) => text.trim().replace(/\s*:\s*/, ':');
  return actual !== undefined && normal(wanted) === normal(actual);
}
