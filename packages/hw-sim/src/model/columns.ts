/**
 * The fleet's state as columns: one typed array per attribute, a row per PF or VF. 10,000 nodes with 128 VFs each are
 * 1.3 million rows of 42 bytes instead of as many objects.
 */

type TypedArray = Uint8Array | Uint16Array | Uint32Array | Int8Array | Int32Array;

/** Bits of {@link PfColumns.flags}. */
export const PfFlag = {
  /** On the PCI bus: not removed and not unplugged. */
  present: 1,
  adminUp: 2,
  /** A cable with a live peer is plugged in. */
  cable: 4,
  carrier: 8,
  switchdev: 16,
  autoprobe: 32,
  defaultRoute: 64,
  infiniband: 128,
  /** Its netdev is not in the host's namespace, or is renamed, or has alternative names: see the sparse state. */
  rare: 256,
} as const;

/** Bits of {@link VfColumns.flags}. */
export const VfFlag = {
  adminUp: 1,
  spoofCheck: 2,
  trust: 4,
  vlan8021ad: 8,
  linkEnable: 16,
  linkDisable: 32,
  /** A driver is bound and made a netdev. */
  netdev: 64,
  vdpaVirtio: 128,
  vdpaVhost: 256,
  /** Has an entry in the sparse state. */
  rare: 512,
} as const;

abstract class Columns {
  #capacity = 0;
  #used = 0;

  protected abstract grow(capacity: number): void;

  get used(): number {
    return this.#used;
  }

  /** Reserves `count` consecutive rows and returns the first. Their content is zero. */
  allocate(count: number): number {
    const first = this.#used;
    this.#used += count;
    if (this.#used > this.#capacity) {
      this.#capacity = Math.max(256, this.#used, Math.ceil(this.#capacity * 1.5));
      this.grow(this.#capacity);
    }
    return first;
  }
}

function copied<Column extends TypedArray>(column: Column, larger: Column): Column {
  larger.set(column);
  return larger;
}

export class PfColumns extends Columns {
  /** Index into the catalogue of NIC models. */
  model = new Uint8Array(0);
  domain = new Uint16Array(0);
  /** Bus << 8 | device << 3 | function. */
  routingId = new Uint16Array(0);
  flags = new Uint16Array(0);
  totalVfs = new Uint16Array(0);
  numVfs = new Uint16Array(0);
  /** Routing-id distance to the first VF. */
  vfOffset = new Uint16Array(0);
  /** First row of its VFs; −1 until it has had any. */
  firstVf = new Int32Array(0);
  vfCapacity = new Uint16Array(0);
  /** 0 without driver, else index + 1 into the fleet's driver names. */
  driver = new Uint16Array(0);
  driverOverride = new Uint16Array(0);
  mtu = new Uint16Array(0);
  numaNode = new Int8Array(0);
  /** Last three bytes of the MAC; the first three are the model's. */
  macLow = new Uint32Array(0);
  /** Counts how often it left the bus; what was started before has no effect. */
  epoch = new Uint16Array(0);
  /** Row of the PF whose port carries its traffic: itself, except on cards with shared ports. */
  portRow = new Int32Array(0);

  protected override grow(capacity: number): void {
    this.model = copied(this.model, new Uint8Array(capacity));
    this.domain = copied(this.domain, new Uint16Array(capacity));
    this.routingId = copied(this.routingId, new Uint16Array(capacity));
    this.flags = copied(this.flags, new Uint16Array(capacity));
    this.totalVfs = copied(this.totalVfs, new Uint16Array(capacity));
    this.numVfs = copied(this.numVfs, new Uint16Array(capacity));
    this.vfOffset = copied(this.vfOffset, new Uint16Array(capacity));
    this.firstVf = copied(this.firstVf, new Int32Array(capacity));
    this.vfCapacity = copied(this.vfCapacity, new Uint16Array(capacity));
    this.driver = copied(this.driver, new Uint16Array(capacity));
    this.driverOverride = copied(this.driverOverride, new Uint16Array(capacity));
    this.mtu = copied(this.mtu, new Uint16Array(capacity));
    this.numaNode = copied(this.numaNode, new Int8Array(capacity));
    this.macLow = copied(this.macLow, new Uint32Array(capacity));
    this.epoch = copied(this.epoch, new Uint16Array(capacity));
    this.portRow = copied(this.portRow, new Int32Array(capacity));
  }
}

/** What of these a look shows has to be among the bits that observe.ts compares. */
export class VfColumns extends Columns {
  flags = new Uint16Array(0);
  driver = new Uint16Array(0);
  driverOverride = new Uint16Array(0);
  vlan = new Uint16Array(0);
  vlanQos = new Uint8Array(0);
  mtu = new Uint16Array(0);
  minTxRateMbps = new Uint32Array(0);
  maxTxRateMbps = new Uint32Array(0);
  /** The MAC that the PF set: upper 16 and lower 32 bits; zero when it set none. */
  adminMacHigh = new Uint16Array(0);
  adminMacLow = new Uint32Array(0);
  /** The MAC of the VF's own netdev. */
  macHigh = new Uint16Array(0);
  macLow = new Uint32Array(0);

  protected override grow(capacity: number): void {
    this.flags = copied(this.flags, new Uint16Array(capacity));
    this.driver = copied(this.driver, new Uint16Array(capacity));
    this.driverOverride = copied(this.driverOverride, new Uint16Array(capacity));
    this.vlan = copied(this.vlan, new Uint16Array(capacity));
    this.vlanQos = copied(this.vlanQos, new Uint8Array(capacity));
    this.mtu = copied(this.mtu, new Uint16Array(capacity));
    this.minTxRateMbps = copied(this.minTxRateMbps, new Uint32Array(capacity));
    this.maxTxRateMbps = copied(this.maxTxRateMbps, new Uint32Array(capacity));
    this.adminMacHigh = copied(this.adminMacHigh, new Uint16Array(capacity));
    this.adminMacLow = copied(this.adminMacLow, new Uint32Array(capacity));
    this.macHigh = copied(this.macHigh, new Uint16Array(capacity));
    this.macLow = copied(this.macLow, new Uint32Array(capacity));
  }

  /** Zeroes rows, as a VF that was just made. */
  clear(first: number, count: number): void {
    const end = first + count;
    for (const column of [
      this.flags, this.driver, this.driverOverride, this.vlan, this.vlanQos, this.mtu, this.minTxRateMbps, this.maxTxRateMbps,
      this.adminMacHigh, this.adminMacLow, this.macHigh, this.macLow,
    ]) {
      column.fill(0, first, end);
    }
  }
}
