import type { BridgeError, Files, FilesError, OvsBridge, Result, SoftwareBridges } from '@vfleet/core';
import { fail, ok } from '@vfleet/core';

/** A port that the ovs CNI plugin has put on a bridge, as `ovs-vsctl list port` shows it. */
export interface BridgePort {
  readonly bridge: string;
  /** The VF's representor. */
  readonly name: string;
  /** VLAN of an access port. */
  readonly tag?: number;
  /** VLANs that a trunk port carries. */
  readonly trunks?: readonly number[];
  /** Whose port it is, by the external_ids that the plugin sets. */
  readonly contNetns: string;
  readonly contIface: string;
  readonly containerId: string;
}

const FOLDER = '/var/lib/openvswitch';
const BRIDGES = `${FOLDER}/bridges`;
const PORTS = `${FOLDER}/ports`;

/**
 * Open vSwitch's database on a simulated node: the bridges that the config daemon makes, and the ports of pods. It is on the node's disk and
 * outlives processes and reboots, as ovsdb-server's does. A bridge of an administrator is not in it, and is taken to be there.
 */
export class OvsDatabase implements SoftwareBridges {
  readonly #files: Files;

  constructor(files: Files) {
    this.#files = files;
  }

  async list(): Promise<Result<readonly OvsBridge[], BridgeError>> {
    return this.#all<OvsBridge>(BRIDGES);
  }

  async ensure(bridge: OvsBridge): Promise<Result<void, BridgeError>> {
    return told(await this.#files.replace(pathOf(BRIDGES, bridge.name), `${JSON.stringify(bridge)}\n`));
  }

  async remove(name: string): Promise<Result<void, BridgeError>> {
    const removed = await this.#remove(pathOf(BRIDGES, name));
    if (!removed.ok) return removed;
    const ports = await this.ports();
    for (const port of ports.ok ? ports.value : []) {
      if (port.bridge !== name) continue;
      const gone = await this.removePort(port.containerId, port.contIface);
      if (!gone.ok) return gone;
    }
    return ports.ok ? ok(undefined) : ports;
  }

  /** Every port of every bridge. */
  async ports(): Promise<Result<readonly BridgePort[], BridgeError>> {
    return this.#all<BridgePort>(PORTS);
  }

  async addPort(port: BridgePort): Promise<Result<void, BridgeError>> {
    return told(await this.#files.replace(pathOf(PORTS, `${port.containerId}-${port.contIface}`), `${JSON.stringify(port)}\n`));
  }

  /** Succeeds when there is none. */
  removePort(containerId: string, ifname: string): Promise<Result<void, BridgeError>> {
    return this.#remove(pathOf(PORTS, `${containerId}-${ifname}`));
  }

  /** In order of the files' names. */
  async #all<Row>(folder: string): Promise<Result<readonly Row[], BridgeError>> {
    const names = await this.#files.list(folder);
    if (!names.ok) return names.error.code === 'notFound' ? ok([]) : told(names);
    const rows: Row[] = [];
    for (const name of [...names.value].sort()) {
      const text = await this.#files.read(`${folder}/${name}`);
      // Written by this class alone; one that goes meanwhile is not there.
      if (text.ok) rows.push(JSON.parse(text.value) as Row);
      else if (text.error.code !== 'notFound') return told(text);
    }
    return ok(rows);
  }

  async #remove(path: string): Promise<Result<void, BridgeError>> {
    const removed = await this.#files.remove(path);
    return removed.ok || removed.error.code === 'notFound' ? ok(undefined) : told(removed);
  }
}

function pathOf(folder: string, name: string): string {
  // A name in a spec may be anything.
  return `${folder}/${encodeURIComponent(name)}.json`;
}

function told<Value>(result: Result<Value, FilesError>): Result<Value, BridgeError> {
  return result.ok ? result : fail({ cause: `the database of Open vSwitch cannot be used: ${result.error.cause}`, remedy: 'Make room on, or repair, the node\'s disk; it is tried again.' });
}
