import type { PciAddress } from '@vfleet/core';
import { NO_STEP_FAULTS } from '../faults.ts';
import { PfFlag } from '../model/columns.ts';
import type { Device, NodeModel } from '../model/node-model.ts';
import type { Operation, Outcome } from '../model/operation.ts';
import { bind, driverOverride, probe, setDriverOverride, unbind } from './drivers.ts';
import { hasSriov, writeNumVfs } from './numvfs.ts';
import { removePf, rescan, resetPf } from './pci.ts';

/** Files of /sys/bus/pci/devices/ADDRESS that can be written, or that somebody tries to write. */
export type DeviceAttribute =
  | 'sriov_numvfs' | 'sriov_drivers_autoprobe' | 'sriov_totalvfs' | 'driver_override' | 'remove' | 'reset';

/** Files of /sys/bus/pci/drivers/DRIVER. */
export type DriverAttribute = 'bind' | 'unbind' | 'new_id' | 'remove_id';

/** Text written to sysfs, answered as the kernel answers: by an errno, or 'ok'. */
export class SysfsWriter {
  readonly #node: NodeModel;

  constructor(node: NodeModel) {
    this.#node = node;
  }

  /** Writes a device's file. An empty write reaches no store function and does nothing. */
  async writeDevice(address: PciAddress, attribute: DeviceAttribute, text: string): Promise<Outcome> {
    const node = this.#node;
    if (!node.up) return 'nodeDown';
    const device = node.find(address);
    if (device === undefined) return 'ENOENT';
    if (attribute === 'sriov_totalvfs' || (attribute === 'remove' && device.vf >= 0)) return 'EACCES';
    if (device.vf >= 0 && attribute.startsWith('sriov_')) return 'ENOENT';
    if (text === '') return 'ok';
    switch (attribute) {
      case 'sriov_numvfs': {
        const count = parseUnsigned16(text);
        return count === undefined ? 'EINVAL' : writeNumVfs(node, device.pf, count, NO_STEP_FAULTS);
      }
      case 'sriov_drivers_autoprobe':
        return node.locked(device.pf, () => this.#writeAutoprobe(device, text));
      case 'driver_override':
        return setDriverOverride(node, device, text.replace(/\n$/, '') || undefined);
      case 'remove':
        return isTrue(text) ? removePf(node, device.pf) : 'EINVAL';
      case 'reset':
        return isTrue(text) ? (device.vf < 0 ? resetPf(node, device.pf) : 'ok') : 'EINVAL';
    }
  }

  /** Reads driver_override; "(null)" when none is set. */
  readDriverOverride(address: PciAddress): string | undefined {
    const device = this.#node.find(address);
    return device === undefined ? undefined : `${driverOverride(this.#node, device) ?? '(null)'}\n`;
  }

  /** /sys/bus/pci/drivers_probe */
  async writeProbe(address: string): Promise<Outcome> {
    return this.#onDevice(address, (device) => probe(this.#node, device));
  }

  /** /sys/bus/pci/rescan */
  async writeRescan(text: string): Promise<Outcome> {
    if (!this.#node.up) return 'nodeDown';
    return isTrue(text) ? rescan(this.#node) : 'EINVAL';
  }

  async writeDriver(driver: string, attribute: DriverAttribute, text: string): Promise<Outcome> {
    const node = this.#node;
    if (!node.up) return 'nodeDown';
    if (!node.isLoaded(driver)) return 'ENOENT';
    switch (attribute) {
      case 'bind':
        return this.#onDevice(text, (device) => bind(node, device, driver));
      case 'unbind':
        return this.#onDevice(text, (device, operation) => unbind(node, device, driver, operation));
      case 'new_id':
        return this.#newId(driver, text);
      case 'remove_id': {
        const id = parseId(text);
        return id === undefined ? 'EINVAL' : node.removeNewId(driver, id) ? 'ok' : 'ENODEV';
      }
    }
  }

  /** An id that is added also probes the devices that have it and no driver (drivers/pci/pci-driver.c new_id_store). */
  async #newId(driver: string, text: string): Promise<Outcome> {
    const node = this.#node;
    const id = parseId(text);
    if (id === undefined) return 'EINVAL';
    if (!node.addNewId(driver, id)) return 'EEXIST';
    for (const device of node.functions()) {
      if (node.idOf(device) === id) await node.locked(device.pf, () => probe(node, device));
    }
    return 'ok';
  }

  async #onDevice(text: string, work: (device: Device, operation: Operation) => Outcome | Promise<Outcome>): Promise<Outcome> {
    const node = this.#node;
    if (!node.up) return 'nodeDown';
    const address = text.trim();
    const device = PCI_ADDRESS.test(address) ? node.find(address as PciAddress) : undefined;
    return device === undefined ? 'ENODEV' : node.locked(device.pf, (operation) => work(device, operation));
  }

  #writeAutoprobe(device: Device, text: string): Outcome {
    if (!hasSriov(this.#node, device.pf)) return 'ENOENT';
    const wanted = parseBoolean(text);
    if (wanted === undefined) return 'EINVAL';
    this.#node.setFlag(device.pf, PfFlag.autoprobe, wanted);
    return 'ok';
  }
}

const PCI_ADDRESS = /^[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/;

/** kstrtou16 with base 0: decimal, 0x hexadecimal or 0 octal, an optional newline at the end, nothing else (lib/kstrtox.c). */
export function parseUnsigned16(text: string): number | undefined {
  const digits = text.replace(/\n$/, '').replace(/^\+/, '');
  const value = /^0[xX][0-9a-fA-F]+$/.test(digits) ? parseInt(digits.slice(2), 16) : /^0[0-7]*$/.test(digits) ? parseInt(digits, 8) : /^[1-9][0-9]*$/.test(digits) ? parseInt(digits, 10) : undefined;
  return value === undefined || value > 0xffff ? undefined : value;
}

/** kstrtobool: the first character decides, for `on` and `off` the second (lib/kstrtox.c). */
export function parseBoolean(text: string): boolean | undefined {
  if (/^(?:[yYtT1]|[oO][nN])/.test(text)) return true;
  if (/^(?:[nNfF0]|[oO][fF])/.test(text)) return false;
  return undefined;
}

/** remove, rescan and reset take any non-zero number; zero does nothing and is not used here. */
function isTrue(text: string): boolean {
  const value = parseUnsigned16(text);
  return value !== undefined && value !== 0;
}

function parseId(text: string): string | undefined {
  const found = /^\s*([0-9a-fA-F]{1,8})\s+([0-9a-fA-F]{1,8})\s*$/.exec(text);
  return found === null ? undefined : `${found[1]!.toLowerCase().padStart(4, '0')} ${found[2]!.toLowerCase().padStart(4, '0')}`;
}
