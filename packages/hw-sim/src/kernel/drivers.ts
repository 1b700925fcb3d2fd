import { NO_STEP_FAULTS } from '../faults.ts';
import type { StepFaults } from '../faults.ts';
import { PfFlag } from '../model/columns.ts';
import type { Device, NodeModel } from '../model/node-model.ts';
import type { Operation, Outcome } from '../model/operation.ts';
import { anyHeld, attachVfDriver, destroyVfs, detachVfDriver } from './vfs.ts';

/** The PCI driver core as sysfs shows it: driver_override, drivers_probe, bind, unbind (drivers/pci/pci-driver.c, drivers/base/bus.c). */

export function boundDriver(node: NodeModel, device: Device): string | undefined {
  const { fleet } = node;
  return fleet.drivers.name(device.vf < 0 ? fleet.pfs.driver[device.pf]! : fleet.vfs.driver[device.vf]!);
}

export function driverOverride(node: NodeModel, device: Device): string | undefined {
  const { fleet } = node;
  return fleet.drivers.name(device.vf < 0 ? fleet.pfs.driverOverride[device.pf]! : fleet.vfs.driverOverride[device.vf]!);
}

/** The kernel driver that the device's id belongs to. */
export function ownDriver(node: NodeModel, device: Device): string {
  const model = node.modelOf(device.pf);
  return device.vf < 0 ? model.pfDriver : model.vfDriver;
}

/** Any name is taken, also of a driver that does not exist; undefined clears it. */
export function setDriverOverride(node: NodeModel, device: Device, driver: string | undefined): Outcome {
  const { fleet } = node;
  const id = driver === undefined ? 0 : fleet.drivers.id(driver);
  if (device.vf < 0) fleet.pfs.driverOverride[device.pf] = id;
  else fleet.vfs.driverOverride[device.vf] = id;
  return 'ok';
}

/** Whether the driver core would hand the device to the driver: by override, by id, or by an id added with new_id. */
function matches(node: NodeModel, device: Device, driver: string): boolean {
  const override = driverOverride(node, device);
  if (override !== undefined) return override === driver;
  return driver === ownDriver(node, device) || node.hasNewId(driver, device);
}

/** drivers_probe: succeeds without effect when a driver is bound or none fits; the caller must re-read the driver link. */
export function probe(node: NodeModel, device: Device, faults: StepFaults = NO_STEP_FAULTS): Outcome | Promise<Outcome> {
  if (boundDriver(node, device) !== undefined) return 'ok';
  const override = driverOverride(node, device);
  const driver = override ?? (node.isLoaded(ownDriver(node, device)) ? ownDriver(node, device) : node.driverWithNewId(device));
  if (driver === undefined || !node.isLoaded(driver)) return 'ok';
  const bound = attach(node, device, driver, faults);
  // What the driver's own probe answers is lost on the way through drivers_probe.
  return typeof bound === 'string' ? (bound === 'nodeDown' ? bound : 'ok') : bound.then((outcome) => (outcome === 'nodeDown' ? outcome : 'ok'));
}

/** drivers/DRIVER/bind. */
export function bind(node: NodeModel, device: Device, driver: string, faults: StepFaults = NO_STEP_FAULTS): Outcome | Promise<Outcome> {
  if (!node.isLoaded(driver)) return 'ENOENT';
  if (boundDriver(node, device) !== undefined) return 'EBUSY';
  if (!matches(node, device, driver)) return 'ENODEV';
  return attach(node, device, driver, faults);
}

function attach(node: NodeModel, device: Device, driver: string, faults: StepFaults): Outcome | Promise<Outcome> {
  const { delays } = node.modelOf(device.pf);
  const own = driver === ownDriver(node, device);
  const delay = driver === 'vfio-pci' ? delays.bindVfio : device.vf < 0 ? delays.bindPf : delays.bindVf;
  return node.afterOn(device.pf, node.fleet.draw(delay), () => {
    if (driver === 'vfio-pci' && !node.iommuEnabled) return 'EINVAL';
    // A driver named by override that does not know the device refuses it in its probe; vfio-pci and the uio drivers take any.
    if (faults.bindFails || (!own && !TAKES_ANY_DEVICE.has(driver) && !node.hasNewId(driver, device))) return 'ENODEV';
    if (device.vf >= 0) attachVfDriver(node, device, driver, faults);
    else attachPfDriver(node, device.pf, driver);
    return 'ok';
  });
}

const TAKES_ANY_DEVICE: ReadonlySet<string> = new Set(['vfio-pci', 'uio_pci_generic', 'igb_uio', 'pci-stub']);

function attachPfDriver(node: NodeModel, pf: number, driver: string): void {
  const { fleet } = node;
  fleet.pfs.driver[pf] = fleet.drivers.id(driver);
  if (driver === node.modelOf(pf).pfDriver) {
    fleet.pfs.mtu[pf] = 1500;
    node.setFlag(pf, PfFlag.adminUp, false);
    node.setFlag(pf, PfFlag.carrier, false);
    if (node.hasListeners && fleet.pfNames[pf] !== '') node.emit({ action: 'add', subsystem: 'net', device: node.pfAddress(pf), name: fleet.pfNames[pf]! });
  }
  node.emit({ action: 'bind', subsystem: 'pci', device: node.pfAddress(pf), driver });
}

/** drivers/DRIVER/unbind: waits while a process has the device's VFIO group open; a PF takes its VFs with it. */
export async function unbind(node: NodeModel, device: Device, driver: string, operation: Operation): Promise<Outcome> {
  if (!node.isLoaded(driver)) return 'ENOENT';
  if (boundDriver(node, device) !== driver) return 'ENODEV';
  operation.removesVfs = device.vf < 0;
  const held = () => (device.vf < 0 ? node.fleet.rarePfs.get(device.pf)?.held === true || anyHeld(node, device.pf) : node.fleet.rareVfs.get(device.vf)?.held === true);
  const released = await node.untilReleased(device.pf, operation, () => !held());
  if (released !== 'ok') return released;
  const { delays } = node.modelOf(device.pf);
  const delay = driver === 'vfio-pci' ? delays.unbindVfio : device.vf < 0 ? delays.unbindPf : delays.unbindVf;
  return node.afterOn(device.pf, node.fleet.draw(delay), () => {
    if (device.vf >= 0) detachVfDriver(node, device);
    else detachPfDriver(node, device.pf);
    return 'ok';
  });
}

/** Takes the driver from a PF: its VFs, its netdev and its eswitch mode go; sriov_numvfs reads 0 and stays 0 after a rebind. */
export function detachPfDriver(node: NodeModel, pf: number): void {
  const { fleet } = node;
  const driver = fleet.drivers.name(fleet.pfs.driver[pf]!);
  destroyVfs(node, pf);
  if (driver === undefined) return;
  if (node.hasListeners && driver === node.modelOf(pf).pfDriver && fleet.pfNames[pf] !== '') {
    node.emit({ action: 'remove', subsystem: 'net', device: node.pfAddress(pf), name: fleet.rarePfs.get(pf)?.name ?? fleet.pfNames[pf]! });
  }
  fleet.pfs.driver[pf] = 0;
  node.setFlag(pf, PfFlag.switchdev, false);
  node.setFlag(pf, PfFlag.carrier, false);
  node.setFlag(pf, PfFlag.adminUp, false);
  const rare = fleet.rarePfs.get(pf);
  if (rare !== undefined) {
    delete rare.netns;
    delete rare.name;
    delete rare.mac;
    delete rare.features;
    rare.addresses = [];
    rare.routes = [];
  }
  node.emit({ action: 'unbind', subsystem: 'pci', device: node.pfAddress(pf), driver });
}
