import type { Clock, PciAddress, Random } from '@vfleet/core';
import { nicModels } from '../personalities/index.ts';
import type { Delay, NicModel } from '../personalities/nic-model.ts';
import { addressOf } from './addresses.ts';
import { PfColumns, VfColumns } from './columns.ts';
import { DriverTable } from './driver-table.ts';
import { scatter32 } from './mac.ts';
import type { MacBits } from './mac.ts';
import { vfNetdevName } from './names.ts';
import { emptyRareState } from './rare-state.ts';
import type { RareState } from './rare-state.ts';

export interface FleetModelOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly delayFactor: number;
  readonly stepDeadlineMs: number;
  readonly strictNetns: boolean;
  readonly interfaces: 'simulated' | 'real';
}

/** The state all nodes of a fleet share: columns, sparse state, driver names. Rows of removed nodes are used again. */
export class FleetModel {
  readonly clock: Clock;
  readonly options: FleetModelOptions;
  readonly pfs = new PfColumns();
  readonly vfs = new VfColumns();
  readonly drivers = new DriverTable();
  /** Per PF row: its netdev's name at boot, and what its VFs' names build on. The strings are shared between nodes. */
  readonly pfNames: string[] = [];
  readonly vfNameBases: string[] = [];
  /** Texts that nodes built alike have in common, by what they say. */
  readonly #addresses = new Map<number, PciAddress>();
  readonly #vfNames = new Map<string, string[]>();
  readonly rarePfs = new Map<number, RareState>();
  readonly rareVfs = new Map<number, RareState>();
  readonly #freeVfBlocks = new Map<number, number[]>();
  readonly #modelIds = new Map<NicModel, number>();
  readonly #models: NicModel[] = [];
  #macCounter: number;
  readonly #macPrefix: number;

  constructor(options: FleetModelOptions) {
    this.options = options;
    this.clock = options.clock;
    this.#macCounter = options.random.integer(2 ** 31);
    this.#macPrefix = options.random.integer(2 ** 14);
    for (const model of nicModels) this.modelId(model);
  }

  addressOf(domain: number, routingId: number): PciAddress {
    const key = domain * 65_536 + routingId;
    let address = this.#addresses.get(key);
    if (address === undefined) this.#addresses.set(key, (address = addressOf(domain, routingId)));
    return address;
  }

  /** The name at birth of a VF's netdev. */
  vfName(pf: number, index: number): string {
    const base = this.vfNameBases[pf]!;
    let names = this.#vfNames.get(base);
    if (names === undefined) this.#vfNames.set(base, (names = []));
    return (names[index] ??= vfNetdevName(base, index));
  }

  modelId(model: NicModel): number {
    const known = this.#modelIds.get(model);
    if (known !== undefined) return known;
    const id = this.#models.length;
    if (id > 255) throw new RangeError('more than 256 NIC types in one fleet');
    this.#models.push(model);
    this.#modelIds.set(model, id);
    return id;
  }

  modelOf(pf: number): NicModel {
    return this.#models[this.pfs.model[pf]!]!;
  }

  /** Rows for a PF's VFs: those it has, else a block that another PF gave back, else new ones. */
  vfRowsFor(pf: number, capacity: number): number {
    const { pfs } = this;
    if (pfs.firstVf[pf]! >= 0 && pfs.vfCapacity[pf]! >= capacity) return pfs.firstVf[pf]!;
    this.releaseVfRows(pf);
    const first = this.#freeVfBlocks.get(capacity)?.pop() ?? this.vfs.allocate(capacity);
    pfs.firstVf[pf] = first;
    pfs.vfCapacity[pf] = capacity;
    return first;
  }

  releaseVfRows(pf: number): void {
    const { pfs } = this;
    const first = pfs.firstVf[pf]!;
    if (first < 0) return;
    const capacity = pfs.vfCapacity[pf]!;
    const blocks = this.#freeVfBlocks.get(capacity);
    if (blocks === undefined) this.#freeVfBlocks.set(capacity, [first]);
    else blocks.push(first);
    pfs.firstVf[pf] = -1;
    pfs.vfCapacity[pf] = 0;
  }

  /** A locally administered unicast MAC that no other VF of this fleet was given: what a VF driver makes up at probe. */
  nextRandomMac(): MacBits {
    const prefix = this.#macPrefix;
    return { high: (((((prefix >> 8) << 2) | 2) & 0xff) << 8) | (prefix & 0xff), low: scatter32(this.#macCounter++) };
  }

  /** Draws a duration; delays under a millisecond count as none. */
  draw(delay: Delay, vfs = 0): number {
    const { delayFactor, random } = this.options;
    if (delayFactor === 0) return 0;
    const spread = delay.maxMs - delay.minMs;
    const base = spread > 0 ? delay.minMs + random.next() * spread : delay.minMs;
    const total = (base + vfs * (delay.perVfMs ?? 0)) * delayFactor;
    return total < 1 ? 0 : Math.round(total);
  }

  rarePf(pf: number): RareState {
    return entry(this.rarePfs, pf);
  }

  rareVf(vf: number): RareState {
    return entry(this.rareVfs, vf);
  }
}

function entry(map: Map<number, RareState>, row: number): RareState {
  const known = map.get(row);
  if (known !== undefined) return known;
  const made = emptyRareState();
  map.set(row, made);
  return made;
}
