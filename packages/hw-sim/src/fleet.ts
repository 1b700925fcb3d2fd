import type { Clock, Random } from '@vfleet/core';
import { NO_STEP_FAULTS, noFaults } from './faults.ts';
import type { FaultPlan } from './faults.ts';
import { startPf } from './kernel/pci.ts';
import { attachHandMadeVfs } from './kernel/hand-made.ts';
import { routingIdOf } from './model/addresses.ts';
import { PfFlag } from './model/columns.ts';
import { FleetModel } from './model/fleet-model.ts';
import { pfNetdevName, vfNameBase } from './model/names.ts';
import { NodeModel } from './model/node-model.ts';
import type { NodeHardwareSpec, PfSpec } from './model/spec.ts';
import { SimulatedNode } from './node.ts';

export interface FleetOptions {
  /** Virtual or real: the fleet's time passes only here. */
  readonly clock: Clock;
  readonly random: Random;
  readonly faults?: FaultPlan;
  /** Multiplies every delay of NICs and reboots; 0 makes everything immediate. Default 1. */
  readonly delayFactor?: number;
  /** How long a step may hang in the kernel before it answers `timeout`. Default 120 s, what the SR-IOV operator waits for VFs. */
  readonly stepDeadlineMs?: number;
  /** Moves into a namespace that nobody made fail, as on a real host; else the first move makes it. Default false. */
  readonly strictNetns?: boolean;
  /**
   * Whose the interfaces are: the fleet's own, or real ones that somebody keeps in step with it. To move those takes the kernel's time, and
   * none of the fleet's on top. Default `simulated`.
   */
  readonly interfaces?: 'simulated' | 'real';
}

/** What a fleet holds, for benches and tables. */
export interface FleetCounts {
  readonly nodes: number;
  readonly pfs: number;
  readonly vfs: number;
}

/** The simulated NICs of many nodes, in shared columns. */
export class Fleet {
  readonly #model: FleetModel;
  readonly #faults: FaultPlan;
  readonly #nodes = new Map<string, { readonly node: SimulatedNode; readonly model: NodeModel }>();
  /** Blocks of PF rows that removed nodes gave back, by length. */
  readonly #freePfBlocks = new Map<number, number[]>();

  constructor(options: FleetOptions) {
    this.#faults = options.faults ?? noFaults;
    this.#model = new FleetModel({
      clock: options.clock,
      random: options.random,
      delayFactor: options.delayFactor ?? 1,
      stepDeadlineMs: options.stepDeadlineMs ?? 120_000,
      strictNetns: options.strictNetns ?? false,
      interfaces: options.interfaces ?? 'simulated',
    });
  }

  /** Adds a node that has just booted; VFs made by hand exist at once. Throws when the name is taken. */
  addNode(spec: NodeHardwareSpec): SimulatedNode {
    if (this.#nodes.has(spec.name)) throw new RangeError(`the fleet has a node ${spec.name} already`);
    const count = spec.pfs.length;
    const first = this.#freePfBlocks.get(count)?.pop() ?? this.#model.pfs.allocate(count);
    const model = new NodeModel(this.#model, spec, first);
    spec.pfs.forEach((pf, index) => this.#placePf(spec, pf, first, index));
    for (let pf = first; pf < first + count; pf++) {
      startPf(model, pf);
      attachHandMadeVfs(model, pf, NO_STEP_FAULTS);
    }
    const node = new SimulatedNode(model, this.#faults);
    this.#nodes.set(spec.name, { node, model });
    return node;
  }

  /** The node leaves the fleet for good. Unknown names are no error. */
  removeNode(name: string): void {
    const entry = this.#nodes.get(name);
    if (entry === undefined) return;
    const { model } = entry;
    this.#nodes.delete(name);
    model.up = false;
    model.interruptAll();
    model.stopListening();
    for (let pf = model.firstPf; pf < model.endPf; pf++) {
      const first = this.#model.pfs.firstVf[pf]!;
      for (let index = 0; index < this.#model.pfs.numVfs[pf]!; index++) this.#model.rareVfs.delete(first + index);
      this.#model.pfs.numVfs[pf] = 0;
      this.#model.rarePfs.delete(pf);
      this.#model.releaseVfRows(pf);
    }
    const count = model.endPf - model.firstPf;
    this.#freePfBlocks.set(count, [...(this.#freePfBlocks.get(count) ?? []), model.firstPf]);
  }

  node(name: string): SimulatedNode | undefined {
    return this.#nodes.get(name)?.node;
  }

  /** In the order they were added. */
  nodes(): readonly SimulatedNode[] {
    return [...this.#nodes.values()].map(({ node }) => node);
  }

  counts(): FleetCounts {
    let pfs = 0;
    let vfs = 0;
    for (const { model } of this.#nodes.values()) {
      pfs += model.endPf - model.firstPf;
      for (let pf = model.firstPf; pf < model.endPf; pf++) vfs += this.#model.pfs.numVfs[pf]!;
    }
    return { nodes: this.#nodes.size, pfs, vfs };
  }

  #placePf(node: NodeHardwareSpec, spec: PfSpec, first: number, index: number): void {
    const { pfs, pfNames, vfNameBases } = this.#model;
    const row = first + index;
    const { domain, routingId } = routingIdOf(spec.pciAddress);
    pfs.model[row] = this.#model.modelId(spec.model);
    pfs.domain[row] = domain;
    pfs.routingId[row] = routingId;
    pfs.totalVfs[row] = spec.totalVfs;
    pfs.vfOffset[row] = spec.vfOffset;
    pfs.numaNode[row] = spec.numaNode;
    pfs.firstVf[row] = -1;
    pfs.macLow[row] = (row + 1) & 0xffffff;
    pfs.flags[row] = spec.linkUp ? PfFlag.cable : 0;
    const port = spec.portAddress === undefined ? index : node.pfs.findIndex(({ pciAddress }) => pciAddress === spec.portAddress);
    if (port < 0) throw new RangeError(`${node.name} has no function at ${spec.portAddress}`);
    pfs.portRow[row] = first + port;
    pfNames[row] = spec.name;
    vfNameBases[row] = vfNameBase(spec.name, pfNetdevName({ linkType: spec.linkType, domain, routingId, multiFunction: true }));
  }
}

export function createFleet(options: FleetOptions): Fleet {
  return new Fleet(options);
}
