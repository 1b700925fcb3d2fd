import { comparePciAddresses, pciAddress } from '@vfleet/core';
import type { PciAddress } from '@vfleet/core';
import { addressOf, routingIdOf } from '../model/addresses.ts';
import type { AcceleratorSpec, PfSpec } from '../model/spec.ts';
import { problem } from './problem.ts';
import type { FleetProblem } from './problem.ts';
import type { AcceleratorEntry } from './schema.ts';

/** Puts a node's accelerators onto its bus, in order of address: each where no other device is, nor a VF could come to be. */
export function placeAccelerators(entries: readonly AcceleratorEntry[], pfs: readonly PfSpec[], path: string, problems: FleetProblem[]): readonly AcceleratorSpec[] {
  if (entries.length === 0) return [];
  const occupied = new Map<PciAddress, string>(pfs.flatMap((pf) => functionsOf(pf)));
  const placed = entries.flatMap((entry, index): AcceleratorSpec[] => {
    const address = pciAddress(entry.pciAddress.toLowerCase());
    const other = occupied.get(address);
    if (other !== undefined) {
      problems.push(problem(`${path}[${index}].pciAddress`, `${address} is taken by ${other}`, 'give it an address of its own'));
      return [];
    }
    occupied.set(address, 'another accelerator');
    const { vendor, deviceId, driver, numaNode = 0 } = entry;
    return [{ pciAddress: address, vendor: vendor.toLowerCase(), deviceId: deviceId.toLowerCase(), ...(driver === undefined ? {} : { driver }), numaNode }];
  });
  return Object.freeze(placed.toSorted((a, b) => comparePciAddresses(a.pciAddress, b.pciAddress)));
}

function functionsOf({ pciAddress: pf, model, totalVfs, vfOffset }: PfSpec): readonly (readonly [PciAddress, string])[] {
  const { domain, routingId } = routingIdOf(pf);
  const vfs = Array.from({ length: totalVfs }, (_, index) => [addressOf(domain, routingId + vfOffset + index * model.vfStride), `VF ${index} of the ${model.name}`] as const);
  return [[pf, `the ${model.name}`], ...vfs];
}
