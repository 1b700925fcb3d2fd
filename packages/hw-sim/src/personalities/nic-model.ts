import type { Errno, LinkType } from '@vfleet/core';

/** A value together with where it is known from: a kernel file, a vendor's document, a measurement, or `assumed` where nobody measured. */
export interface Sourced<Value> {
  readonly value: Value;
  readonly source: string;
}

/** A duration drawn between two bounds, plus a share for each VF the operation touches. Milliseconds. */
export interface Delay {
  readonly minMs: number;
  readonly maxMs: number;
  readonly perVfMs?: number;
}

/** Which PCI functions a card has and what is behind them. */
export type CardLayout =
  /** Each function is a PF with its own port. */
  | { readonly kind: 'functionPerPort'; readonly ports: number }
  /** SR-IOV functions without a port beside one function that owns all ports (Chelsio). */
  | {
      readonly kind: 'sharedPorts';
      readonly sriovFunctions: readonly number[];
      readonly portFunction: number;
      readonly portFunctionDeviceId: string;
      readonly ports: number;
      /** Functions of other PCI classes (storage), which no NIC discovery shows. */
      readonly otherFunctions: readonly { readonly number: number; readonly deviceId: string; readonly pciClass: string }[];
      /** Management netdev of an SR-IOV function, there only while it has VFs; `{card}` and `{pf}` are numbers. */
      readonly managementNetdev: string;
    };

/** What the PF's driver answers to each VF attribute: 'ok', or the errno it refuses with. */
export interface VfAttributeSupport {
  readonly mac: Support;
  readonly vlan: Support;
  /** 802.1ad instead of 802.1q. */
  readonly vlan8021ad: Support;
  readonly spoofCheck: Support;
  readonly trust: Support;
  /** A non-zero minimum; 0 is accepted wherever a maximum is. */
  readonly minTxRate: Support;
  readonly maxTxRate: Support;
  readonly linkState: Support;
  readonly guid: Support;
}
export type Support = 'ok' | Errno;

export interface EswitchModel {
  /** ice changes mode only without VFs; mlx5 and bnxt change it over VFs that exist. */
  readonly order: 'beforeVfs' | 'afterVfs';
  /** Answer to a mode change in the other order: with VFs for 'beforeVfs', to switchdev without VFs for 'afterVfs'. */
  readonly wrongOrder: Support;
  /** Answer to a mode change while VFs are bound to drivers. */
  readonly withBoundVfs: Support;
  /** Attributes that answer otherwise in switchdev mode. */
  readonly attributes: Partial<VfAttributeSupport>;
}

export interface MacRules {
  /** When the MAC set through the PF reaches the VF's netdev. */
  readonly effective: 'afterRebind' | 'immediately';
  /** Answer to another MAC on the VF's netdev once the PF fixed one. */
  readonly override: Support;
  /** A trusted VF may override the PF's MAC. */
  readonly trustedMayOverride: boolean;
  /** The VF asks the PF through a mailbox that nobody reads while the PF is down: then any MAC is taken, and a driver that binds learns of none. */
  readonly unheardWhilePfDown?: boolean;
}

export interface NicDelays {
  readonly createVfsPfDown: Delay;
  readonly createVfsPfUp: Delay;
  readonly removeVfsPfDown: Delay;
  readonly removeVfsPfUp: Delay;
  /** The refusal of N→M. */
  readonly refuse: Delay;
  readonly bindVf: Delay;
  readonly unbindVf: Delay;
  readonly bindVfio: Delay;
  readonly unbindVfio: Delay;
  readonly bindPf: Delay;
  readonly unbindPf: Delay;
  readonly removePf: Delay;
  readonly rescan: Delay;
  readonly resetPf: Delay;
  readonly eswitch: Delay;
  readonly moveNetdev: Delay;
  readonly vfAttribute: Delay;
  readonly netdevAttribute: Delay;
  /** From admin up to carrier. */
  readonly linkTraining: Delay;
  readonly devlink: Delay;
}

/** Everything the model knows of a NIC type. */
export interface NicModel {
  readonly name: string;
  /** Other spellings a fleet file may use. */
  readonly aliases: readonly string[];
  readonly vendor: string;
  readonly pfDeviceId: string;
  readonly vfDeviceId: string;
  readonly pfDriver: string;
  readonly vfDriver: string;
  readonly layout: CardLayout;
  /** VFs that one PF offers as delivered (sriov_totalvfs); a fleet file may give another number up to `maxTotalVfs`. */
  readonly totalVfs: number;
  readonly maxTotalVfs: number;
  /** Routing-id distance from function 0 to its first VF. */
  readonly vfOffset: number;
  readonly vfStride: number;
  /** 'blocks': each function's VFs follow the previous function's; 'interleaved': function f's VFs sit at the same distance from f. */
  readonly vfPlacement: 'blocks' | 'interleaved';
  /** Answer to sriov_numvfs while the PF is down; 'noEffect' is a write that succeeds and makes no VFs. */
  readonly createWhilePfDown: Support | 'noEffect';
  readonly linkSpeedMbps: number;
  readonly linkTypes: readonly LinkType[];
  /** Predictable names end in `np<port>` because the driver gives phys_port_name. */
  readonly namesPort: boolean;
  readonly eswitch: EswitchModel | 'none';
  /** Answer of devlink for a driver without eswitch. */
  readonly devlinkAbsent: Errno;
  readonly vfAttributes: VfAttributeSupport;
  readonly vfDefaults: { readonly spoofCheck: boolean; readonly trust: boolean };
  /** Whether a maximum rate above the PF's current link speed is refused. */
  readonly maxTxRateAboveLink: Support;
  /** Rates of any value, also none, are refused with EINVAL while the PF has no carrier. */
  readonly ratesNeedCarrier?: boolean;
  /** Answer to a spoof check setting while the PF has no VFs at all, where it is another than for an index out of range. */
  readonly spoofCheckWithoutVfs?: Errno;
  readonly macRules: MacRules;
  readonly rdma: { readonly pf: boolean; readonly vf: boolean };
  readonly vdpa: boolean;
  readonly features: readonly string[];
  /** devlink parameters and the values at the start; those under `permanent` come into force with a reboot. */
  readonly devlinkParams: Readonly<Record<string, { readonly value: string | number | boolean; readonly permanent: boolean }>>;
  readonly minMtu: number;
  readonly maxMtu: number;
  readonly vfMaxMtu: number;
  readonly msixVectorsPerVf: number;
  readonly firmwareVersion: string;
  /** First three bytes of the MACs of its ports. */
  readonly oui: string;
  readonly delays: NicDelays;
}

/** A NIC type as its data file writes it: every value beside its source. */
export type Personality = { readonly [Key in keyof NicModel]: Sourced<NicModel[Key]> };

/** The values without their sources, as the model reads them. */
export function nicModel(personality: Personality): NicModel {
  return Object.freeze(Object.fromEntries(Object.entries(personality).map(([key, sourced]) => [key, sourced.value]))) as unknown as NicModel; // fromEntries forgets the keys
}

export function known<Value>(value: Value, source: string): Sourced<Value> {
  return { value, source };
}

/** A value nobody measured or found written; chosen to be plausible. */
export function assumed<Value>(value: Value, why = ''): Sourced<Value> {
  return { value, source: why === '' ? 'assumed' : `assumed: ${why}` };
}
