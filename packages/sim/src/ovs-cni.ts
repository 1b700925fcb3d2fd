import type { AttachFailure, Files, Hardware, JsonValue, PciAddress, Result, VfObservation } from '@vfleet/core';
import { fail, ok } from '@vfleet/core';
import type { ChainedPlugins, CniResult, NodePodNetworks, PluginCall } from '@vfleet/controllers';
import { cniCodes } from '@vfleet/controllers';
import { OvsDatabase } from './ovs-database.ts';
import type { BridgePort } from './ovs-database.ts';

type Config = PluginCall['config'];
type Answer<Value> = Promise<Result<Value, AttachFailure>>;

/** VLAN ids that a tag may have (OVS database schema, table Port). */
const VLAN_MAX = 4095;
/** What the plugin leaves to Open vSwitch; the rest of its configuration is about the VF and its addresses. */
const OF_THE_PORT: readonly string[] = ['type', 'bridge', 'vlan', 'trunk', 'interface_type', 'ofport_request', 'socket_file', 'configuration_path', 'link_state_check_retries', 'link_state_check_interval'];

/**
 * The CNI plugin of Open vSwitch on a simulated node: the VF goes into the pod, its representor becomes a port of the bridge
 * (k8snetworkplumbingwg/ovs-cni, hardware offload). Every bridge that a network names is there, as if an administrator had made it; a
 * network that names none has the bridge of its VF's PF, which the config daemon makes. Pods without a VF, which get a veth pair
 * there, are refused.
 */
export class OvsCni implements ChainedPlugins {
  readonly #database: OvsDatabase;
  readonly #hardware: Hardware;
  readonly #vfs: () => NodePodNetworks['vfs'];

  /** `vfs` is asked when a pod comes or goes. */
  constructor(ports: { readonly files: Files; readonly hardware: Hardware }, vfs: () => NodePodNetworks['vfs']) {
    this.#database = new OvsDatabase(ports.files);
    this.#hardware = ports.hardware;
    this.#vfs = vfs;
  }

  has(type: string): boolean {
    return type === 'ovs';
  }

  async add({ config, containerId, netns, ifname, cniArgs }: PluginCall): Answer<CniResult> {
    const port = await this.#portFor(config, { containerId, contNetns: netns, contIface: ifname });
    if (!port.ok) return port;
    // First the port: whatever is interrupted after it, DEL finds it.
    const written = await this.#database.addPort(port.value);
    if (!written.ok) return problem(cniCodes.io, `the port ${port.value.name} cannot be made: ${written.error.cause}`, written.error.remedy);
    const pod = { namespace: cniArgs['K8S_POD_NAMESPACE'] ?? '', name: cniArgs['K8S_POD_NAME'] ?? '', uid: cniArgs['K8S_POD_UID'] ?? '', containerId, netns };
    const attached = await this.#vfs().attach({ pod, ifname, config: configOfVf(config), cniArgs });
    if (!attached.ok) return attached;
    const { interface: name, mac, mtu, ips, routes, dns } = attached.value;
    return ok({ interfaces: [{ name: port.value.name }, { name, ...(mac !== undefined && { mac }), ...(mtu !== undefined && { mtu }), sandbox: netns }], ips, routes, dns });
  }

  async del({ containerId, ifname }: PluginCall): Answer<void> {
    const detached = await this.#vfs().detach({ containerId, ifname });
    if (!detached.ok) return detached;
    const removed = await this.#database.removePort(containerId, ifname);
    return removed.ok ? removed : problem(cniCodes.io, removed.error.cause, removed.error.remedy);
  }

  /** The port is the database's own, which nobody else writes here. */
  check({ containerId, ifname, netns, previous }: PluginCall): Answer<void> {
    return this.#vfs().check({ containerId, ifname }, previous?.interfaces.find(({ name, sandbox }) => name === ifname && sandbox === netns)?.mac);
  }

  async #portFor(config: Config, owner: Pick<BridgePort, 'containerId' | 'contNetns' | 'contIface'>): Answer<BridgePort> {
    const vlans = vlansOf(config);
    if (!vlans.ok) return problem(cniCodes.invalidConfig, vlans.error, 'Correct the OVSNetwork, or the NetworkAttachmentDefinition.');
    const device = config['deviceID'];
    if (typeof device !== 'string') return problem(cniCodes.invalidConfig, 'the simulated Open vSwitch attaches VFs only, and the pod has none for this network', 'Give the network a resourceName, and request that resource in the pod.');
    const inventory = await this.#hardware.discover();
    if (!inventory.ok) return problem(cniCodes.tryAgain, `the hardware could not be read: ${inventory.error.cause}`, inventory.error.remedy);
    const found = findVf(inventory.value.pfs, device.toLowerCase());
    if (found === undefined) return problem(cniCodes.device, `the node has no VF ${device}`, 'Delete the pod, so that it gets another device.');
    const { pf, vf } = found;
    if (vf.representor === undefined) return problem(cniCodes.device, `VF ${device} has no representor: its PF is not in switchdev mode`, 'Set eSwitchMode: switchdev in the SriovNetworkNodePolicy of the network\'s resource.');
    const bridge = typeof config['bridge'] === 'string' && config['bridge'] !== '' ? ok(config['bridge']) : await this.#bridgeOver(pf);
    return bridge.ok ? ok({ bridge: bridge.value, name: vf.representor, ...vlans.value, ...owner }) : bridge;
  }

  async #bridgeOver(pf: PciAddress): Answer<string> {
    const bridges = await this.#database.list();
    if (!bridges.ok) return problem(cniCodes.io, bridges.error.cause, bridges.error.remedy);
    const over = bridges.value.find(({ uplinks = [] }) => uplinks.some(({ pciAddress }) => pciAddress.toLowerCase() === pf));
    if (over !== undefined) return ok(over.name);
    return problem(cniCodes.invalidConfig, `the network names no bridge, and there is none over ${pf}`, 'Name a bridge in the OVSNetwork, or let the config daemon make one: spec.bridge.ovs in the SriovNetworkNodePolicy, with the feature gate manageSoftwareBridges.');
  }
}

function findVf(pfs: readonly { readonly pciAddress: PciAddress; readonly vfs: readonly VfObservation[] }[], device: string): { readonly pf: PciAddress; readonly vf: VfObservation } | undefined {
  for (const { pciAddress, vfs } of pfs) {
    const vf = vfs.find((one) => one.pciAddress === device);
    if (vf !== undefined) return { pf: pciAddress, vf };
  }
  return undefined;
}

/** `vlan` makes an access port, `trunk` a trunk port; without either the port carries everything. */
export function vlansOf(config: Config): Result<Pick<BridgePort, 'tag' | 'trunks'>, string> {
  const { vlan, trunk } = config;
  if (vlan !== undefined && vlan !== null && !isVlan(vlan)) return fail(`vlan ${JSON.stringify(vlan)} is no VLAN id from 0 to ${VLAN_MAX}`);
  const trunks = new Set<number>();
  if (trunk !== undefined && trunk !== null) {
    if (!Array.isArray(trunk)) return fail('trunk is no list');
    for (const entry of trunk as readonly JsonValue[]) {
      const { id, minID, maxID } = (typeof entry === 'object' && entry !== null ? entry : {}) as Config;
      if (isVlan(id)) trunks.add(id);
      if (isVlan(minID) && isVlan(maxID) && minID <= maxID) for (let one = minID; one <= maxID; one++) trunks.add(one);
      else if (minID !== undefined || maxID !== undefined || !isVlan(id)) return fail(`trunk entry ${JSON.stringify(entry)} has neither an id nor minID and maxID in order, from 0 to ${VLAN_MAX}`);
    }
  }
  return ok({ ...(isVlan(vlan) && { tag: vlan }), ...(trunks.size > 0 && { trunks: [...trunks].sort((a, b) => a - b) }) });
}

function isVlan(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= VLAN_MAX;
}

function configOfVf(config: Config): Config {
  return { ...Object.fromEntries(Object.entries(config).filter(([name]) => !OF_THE_PORT.includes(name))), type: 'sriov' };
}

function problem(code: number, cause: string, remedy: string): { readonly ok: false; readonly error: AttachFailure } {
  return fail({ code, cause, remedy });
}
