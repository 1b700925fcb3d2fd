import type { NodeHardwareSpec } from '../model/spec.ts';

/** Nodes that are alike: one description, many names. */
export interface NodeGroup {
  readonly namePrefix: string;
  /** Number of the first node; absent when the group is one node whose name is the prefix. */
  readonly firstNumber?: number;
  /** Digits the numbers are padded to. */
  readonly digits: number;
  readonly count: number;
  readonly hardware: Omit<NodeHardwareSpec, 'name'>;
}

/** A checked fleet: small however many nodes it has. */
export interface FleetSpec {
  readonly nodeCount: number;
  readonly groups: readonly NodeGroup[];
}

export function nodeName(group: NodeGroup, index: number): string {
  if (group.firstNumber === undefined) return group.namePrefix;
  return `${group.namePrefix}${String(group.firstNumber + index).padStart(group.digits, '0')}`;
}

/** Every node of a fleet, in the order of the file. Nodes of one group share everything but the name. */
export function* nodesOf(fleet: FleetSpec): Generator<NodeHardwareSpec> {
  for (const group of fleet.groups) {
    for (let index = 0; index < group.count; index++) yield { ...group.hardware, name: nodeName(group, index) };
  }
}
