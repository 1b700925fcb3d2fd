import { schema as s } from '@vfleet/core';
import type { Static } from '@vfleet/core';
import { nicModels } from '../personalities/index.ts';

const PCI_ADDRESS = '^[0-9a-fA-F]{4}:[0-9a-fA-F]{2}:[01][0-9a-fA-F]\\.[0-7]$';
const INTERFACE_NAME = '^[^\\s/:]{1,15}$';

/** Most nodes in one fleet file; the columns carry more, the API objects beside them do not. */
export const NODES_MAX = 100_000;
/** Most PF entries of one node. */
export const PFS_MAX = 64;
const ACCELERATORS_MAX = 64;
const SUBFUNCTIONS_MAX = 512;
const PCI_ID = '^[0-9a-fA-F]{4}$';

const acceleratorEntrySchema = s.object(
  {
    pciAddress: s.string({ description: 'Where it sits, for example 0000:c1:00.0.', pattern: PCI_ADDRESS }),
    vendor: s.string({ description: 'PCI vendor id, four hexadecimal digits in quotes.', pattern: PCI_ID }),
    deviceId: s.string({ description: 'PCI device id, four hexadecimal digits in quotes.', pattern: PCI_ID }),
    driver: s.optional(s.string({ description: 'The driver that takes it at boot, for example vfio-pci. Left out: none.', pattern: '^[a-zA-Z0-9][-_.a-zA-Z0-9]{0,63}$' })),
    numaNode: s.optional(s.integer({ description: 'NUMA node; −1 when the firmware names none.', minimum: -1, maximum: 127, default: 0 })),
  },
  { description: 'A processing accelerator: a PCI function of class 0x12.' },
);

export const pfEntrySchema = s.object(
  {
    personality: s.string({ description: `NIC type; case, blanks, - and _ do not matter. One of: ${nicModels.map(({ name }) => name).join(', ')}.`, maxLength: 64 }),
    pciAddress: s.optional(s.string({ description: 'Where the PF sits, for example 0000:81:00.0. Left out: by slot, else the next free port of the personality.', pattern: PCI_ADDRESS })),
    slot: s.optional(s.integer({ description: 'Slot number that the firmware reports: names become ens<slot>f<function>. Without pciAddress it is the bus number too (1–255).', minimum: 1, maximum: 16383 })),
    name: s.optional(s.string({ description: 'Interface name of the PF (of the port function on a Chelsio). Left out: systemd’s predictable name.', pattern: INTERFACE_NAME })),
    altNames: s.optional(s.array(s.string({ pattern: '^[^\\s/:]{1,127}$' }), { description: 'Alternative interface names.', maxItems: 16 })),
    numVfs: s.optional(s.integer({ description: 'VFs that somebody made by hand before; a reboot loses them.', minimum: 0, maximum: 65535, default: 0 })),
    totalVfs: s.optional(s.integer({ description: 'VFs that the NIC’s firmware offers (sriov_totalvfs); left out: as delivered.', minimum: 0, maximum: 65535 })),
    subfunctions: s.optional(s.integer({ description: 'Subfunctions that the host makes at boot (devlink port add), numbered from 0; on cards with the driver mlx5_core.', minimum: 0, maximum: SUBFUNCTIONS_MAX, default: 0 })),
    mtu: s.optional(s.integer({ description: 'MTU in bytes that the host gives the PF at boot, and the VFs made by hand.', minimum: 60, maximum: 65535, default: 1500 })),
    numaNode: s.optional(s.integer({ description: 'NUMA node; −1 when the firmware names none.', minimum: -1, maximum: 127, default: 0 })),
    linkType: s.optional(s.oneOf(['ETH', 'IB'], { description: 'Port protocol of cards that can do both.', default: 'ETH' })),
    linkUp: s.optional(s.boolean({ description: 'A cable with a live peer is plugged in.', default: true })),
    adminUp: s.optional(s.boolean({ description: 'The host sets the interface up at boot.', default: true })),
    defaultRoute: s.optional(s.boolean({ description: 'Carries the node’s default route: never a device for pods.', default: false })),
    netFilter: s.optional(s.string({ description: 'Virtual platforms: the network behind the port.', pattern: '^(?:openstack|aws)/NetworkID:.+$', maxLength: 256 })),
  },
  { description: 'One port of a NIC. On a Chelsio T62100: one of functions 0–3, with the whole card around it.' },
);

export const nodeEntrySchema = s.object(
  {
    name: s.string({ description: 'Node name. With count, a number at its end is where counting starts (worker-0 → worker-0, worker-1 …), else -0, -1 … is appended.', pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$', maxLength: 253 }),
    count: s.optional(s.integer({ description: 'So many nodes that are alike.', minimum: 0, maximum: NODES_MAX, default: 1 })),
    labels: s.optional(s.map(s.string({ maxLength: 63 }), { description: 'Labels of the Node object.' })),
    taints: s.optional(
      s.array(
        s.object({
          key: s.string({ maxLength: 317 }),
          value: s.optional(s.string({ maxLength: 63 })),
          effect: s.oneOf(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
        }),
        { description: 'Taints of the Node object.', maxItems: 64 },
      ),
    ),
    cpuVendor: s.optional(s.oneOf(['intel', 'amd', 'other'], { default: 'intel' })),
    kernelVersion: s.optional(s.string({ description: 'As uname -r says it; 6.2 and newer rename interfaces that are up.', pattern: '^\\d+\\.\\d+', maxLength: 64, default: '6.12.0' })),
    kernelArguments: s.optional(s.array(s.string({ pattern: '^\\S+$' }), { description: 'Tokens of the kernel command line, for example intel_iommu=on.', maxItems: 256 })),
    acs: s.optional(s.boolean({ description: 'PCIe slots have Access Control Services, so that each function is an IOMMU group of its own.', default: true })),
    rebootSeconds: s.optional(s.integer({ description: 'How long a reboot takes.', minimum: 0, maximum: 86_400, default: 60 })),
    pfs: s.optional(s.array(pfEntrySchema, { description: 'NIC ports. None: a node without SR-IOV.', maxItems: PFS_MAX })),
    accelerators: s.optional(s.array(acceleratorEntrySchema, { description: 'Processing accelerators, for resources of the device type accelerator.', maxItems: ACCELERATORS_MAX })),
  },
  { description: 'A node, or `count` nodes that are alike.' },
);

/** A fleet file: what `vfleet up --fleet FILE` reads. The JSON Schema is `fleetFileSchema.json`. */
export const fleetFileSchema = s.object(
  { nodes: s.array(nodeEntrySchema, { description: `Nodes of the fleet, ${NODES_MAX.toLocaleString('en')} at most.` }) },
  { description: 'A simulated fleet: nodes and their NICs.' },
);

export type PfEntry = Static<typeof pfEntrySchema>;
export type AcceleratorEntry = Static<typeof acceleratorEntrySchema>;
export type NodeEntry = Static<typeof nodeEntrySchema>;
export type FleetFile = Static<typeof fleetFileSchema>;
