import type { ResourceConfig } from './config.ts';
import { withDriver } from './functions.ts';
import type { NetFunction } from './functions.ts';
import { assignPools, selectorFor } from './pools.ts';
import type { PoolMember } from './pools.ts';
import type { ListedMember } from './resource-plugin.ts';

export interface ListingInput {
  /** In order: the first that selects a function owns it. */
  readonly resources: readonly ResourceConfig[];
  readonly functions: readonly NetFunction[];
  /** Full names of resources to which nothing may be added now. */
  readonly onHold: (fullName: string) => boolean;
  /** Full names of resources that are made of VFs, if of NICs at all: a PF that has none just now is not meant. */
  readonly vfsOnly?: (fullName: string) => boolean;
  /** What was listed last, by full name. */
  readonly listed: ReadonlyMap<string, readonly ListedMember[]>;
  /** Why a resource must not hand a function out, as far as it is not its driver; undefined when all is well. */
  readonly faultOf: (candidate: NetFunction, fullName: string) => string | undefined;
}

/** What each resource lists, in the order of the resources. Pure: the manager carries it to kubelet. */
export function listDevices(input: ListingInput): readonly { readonly resource: ResourceConfig; readonly members: readonly ListedMember[] }[] {
  const pools = assignPools(input.resources, input.functions);
  const owned = new Set(pools.flatMap(({ members }) => members.map((member) => member.function.id)));
  return pools.map(({ resource, members: selected }) => {
    const members = input.vfsOnly?.(resource.fullName) === true ? selected.filter(({ function: own }) => own.deviceType !== 'netDevice' || own.vfIndex !== undefined) : selected;
    const before = input.listed.get(resource.fullName);
    const known = new Set(before?.map((member) => member.function.id));
    const astray = (before ?? []).flatMap((member) => withOtherDriver(resource, member, input.functions, owned));
    const admitted = input.onHold(resource.fullName) ? members.filter((member) => known.has(member.function.id)) : members;
    const healthy = admitted.map((member) => withFault(member, faultOf(member, resource.fullName, input)));
    return { resource, members: inOrder([...healthy, ...astray], input.functions) };
  });
}

/**
 * A function that was listed and has lost or changed its driver stays on the list as unhealthy while nobody else owns it: its
 * capacity has not gone, it is out of order. With the driver it had, the resource would still select it.
 */
function withOtherDriver(resource: ResourceConfig, member: ListedMember, functions: readonly NetFunction[], owned: ReadonlySet<string>): readonly ListedMember[] {
  const { driver, id } = member.function;
  if (driver === undefined || owned.has(id)) return [];
  const now = functions.find((one) => one.id === id);
  if (now === undefined || now.driver === driver) return [];
  const selector = selectorFor(resource, withDriver(now, driver));
  if (selector === undefined) return [];
  const fault = now.driver === undefined ? `its driver ${driver} is no longer bound` : `its driver is ${now.driver} instead of ${driver}`;
  return [{ function: withDriver(now, driver), selector, fault }];
}

function faultOf({ function: own }: PoolMember, fullName: string, input: ListingInput): string | undefined {
  if (own.driver === 'vfio-pci' && own.iommuGroup === undefined && own.deviceFiles?.vfioGroup === undefined) {
    return 'it is bound to vfio-pci but has no IOMMU group; is the IOMMU on?';
  }
  return input.faultOf(own, fullName);
}

function withFault(member: PoolMember, fault: string | undefined): ListedMember {
  return fault === undefined ? member : { ...member, fault };
}

function inOrder(members: readonly ListedMember[], functions: readonly NetFunction[]): readonly ListedMember[] {
  const position = new Map(functions.map(({ id }, index) => [id, index]));
  return members.toSorted((a, b) => position.get(a.function.id)! - position.get(b.function.id)!);
}
