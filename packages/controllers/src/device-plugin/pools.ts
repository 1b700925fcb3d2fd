import type { ResourceConfig } from './config.ts';
import { holdsFunction } from './function-set.ts';
import type { FunctionSet } from './function-set.ts';
import type { NetFunction } from './functions.ts';
import type { FunctionSelector } from './selector-config.ts';

/** A function in a pool, with the selectors that brought it there: they decide what is handed out with it. */
export interface PoolMember {
  readonly function: NetFunction;
  readonly selector: FunctionSelector;
}

export interface Pool {
  readonly resource: ResourceConfig;
  /** In the order of {@link functionsOf}. */
  readonly members: readonly PoolMember[];
}

/** Whether one set of selectors selects a function: it has a driver, and every list that is there agrees. */
export function selects(selector: FunctionSelector, candidate: NetFunction): boolean {
  return (
    candidate.driver !== undefined &&
    contains(selector.vendors, candidate.vendor.toLowerCase()) &&
    contains(selector.devices, candidate.deviceId.toLowerCase()) &&
    contains(selector.drivers, candidate.driver) &&
    contains(selector.pciAddresses, candidate.id) &&
    contains(selector.linkTypes, candidate.linkType === 'IB' ? 'infiniband' : 'ether') &&
    holds(selector.pfNames, candidate, (pf) => candidate.pfNames.some((name) => name.toLowerCase() === pf.toLowerCase())) &&
    holds(selector.rootDevices, candidate, (pf) => pf === candidate.pf) &&
    contains(selector.acpiIndexes, candidate.acpiIndex?.toString()) &&
    contains(selector.ddpProfiles, candidate.ddpProfile) &&
    contains(selector.pKeys, candidate.pKey?.toLowerCase()) &&
    (!selector.isRdma || candidate.rdmaCapable) &&
    (selector.vdpaType === undefined || selector.vdpaType === candidate.vdpaType)
  );
}

/** The first set of a resource's selectors that selects a function, which must be of the resource's type. */
export function selectorFor(resource: ResourceConfig, candidate: NetFunction): FunctionSelector | undefined {
  return resource.deviceType === candidate.deviceType ? resource.selectors.find((one) => selects(one, candidate)) : undefined;
}

function contains(list: readonly string[] | undefined, value: string | undefined): boolean {
  return list === undefined || (value !== undefined && list.includes(value));
}

/** Several items for one PF unite. */
function holds(sets: readonly FunctionSet[] | undefined, candidate: NetFunction, isPf: (pf: string) => boolean): boolean {
  return sets === undefined || sets.some((set) => isPf(set.pf) && holdsFunction(set, candidate.vfIndex ?? candidate.sfNumber));
}

/** Gives each function to the first resource of its type that selects it, and among its sets of selectors to the first. */
export function assignPools(resources: readonly ResourceConfig[], functions: readonly NetFunction[]): readonly Pool[] {
  const owned = new Set<string>();
  return resources.map((resource) => {
    const members = functions.flatMap((candidate): PoolMember[] => {
      const selector = owned.has(candidate.id) ? undefined : selectorFor(resource, candidate);
      if (selector === undefined) return [];
      owned.add(candidate.id);
      return [{ function: candidate, selector }];
    });
    return { resource, members };
  });
}
