/**
 * The configuration of the SR-IOV network device plugin (docs/README.md "Configurations" of that plugin): what the operator
 * writes per node into the ConfigMap `device-plugin-config`, and what users of the stand-alone plugin write by hand.
 */
export interface DevicePluginConfig {
  readonly resourceList: readonly DevicePluginResource[];
  /** Devices are handed over by the Container Device Interface. Of the operator's rendering only; the SR-IOV network device plugin has a flag for it and passes this over. */
  readonly useCdi?: boolean;
}

export type DevicePluginDeviceType = 'netDevice' | 'accelerator' | 'auxNetDevice';

/** One advertised resource. The first resource whose selectors match a device owns it. */
export interface DevicePluginResource {
  /** Without the prefix. */
  readonly resourceName: string;
  /** The plugin's own prefix when absent. */
  readonly resourcePrefix?: string;
  /** `netDevice` when absent. */
  readonly deviceType?: DevicePluginDeviceType;
  /** Do not tell kubelet the NUMA node. */
  readonly excludeTopology?: boolean;
  /** One set of selectors, or several in order: a device matches when any of them does. */
  readonly selectors?: DeviceSelectors | readonly DeviceSelectors[];
  /** By PCI address, or `*` for every device; the specific entry wins. */
  readonly additionalInfo?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** ANDed across fields, ORed within one list. A field that is absent selects every device. */
export interface DeviceSelectors {
  readonly vendors?: readonly string[];
  /** PCI device ids of what is handed out: of VFs, as a rule. */
  readonly devices?: readonly string[];
  readonly drivers?: readonly string[];
  readonly pciAddresses?: readonly string[];
  readonly acpiIndexes?: readonly string[];
  /** `<PF name>` or `<PF name>#0,2-7`: VF indices, ranges inclusive. */
  readonly pfNames?: readonly string[];
  /** `<PF address>` or `<PF address>#0,2-7`. */
  readonly rootDevices?: readonly string[];
  /** `ether` or `infiniband`. */
  readonly linkTypes?: readonly string[];
  readonly ddpProfiles?: readonly string[];
  readonly pKeys?: readonly string[];
  /** auxNetDevice only: `sf`. */
  readonly auxTypes?: readonly string[];
  readonly isRdma?: boolean;
  readonly needVhostNet?: boolean;
  readonly vdpaType?: string;
}
