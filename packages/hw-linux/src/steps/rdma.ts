import type { HardwareStep, NetnsPath, RdmaMode } from '@vfleet/core';
import { rdmaDevices } from '../inventory/device-files.ts';
import type { KernelLinks } from '../links.ts';
import { RDMA_GET, RDMA_SET, RDMA_SYS_SET, decodeRdmaDevice, encodeMoveRdma, encodeRdmaMode } from '../netlink/rdma.ts';
import type { Sysfs } from '../sysfs/sysfs.ts';
import { failed, ofNetlink } from './outcome.ts';
import type { StepOutcome } from './outcome.ts';

const ENOENT = 2;
const EINVAL = 22;
const EPROTONOSUPPORT = 93;

export async function setRdmaMode(links: KernelLinks, mode: RdmaMode): Promise<StepOutcome> {
  const set = await links.change('host', RDMA_SYS_SET, encodeRdmaMode(mode), { protocol: 'rdma' });
  if (set.ok) return undefined;
  return set.error.errno === EPROTONOSUPPORT ? failed('EOPNOTSUPP', 'the RDMA modules are not loaded') : ofNetlink(set.error);
}

/** On the host it must be the function's own; a namespace does not tell whose it is. */
export async function moveRdma(sysfs: Sysfs, links: KernelLinks, { device, rdmaDevice, from, to }: Extract<HardwareStep, { kind: 'moveRdma' }>): Promise<StepOutcome> {
  if (from === 'host' && !(await rdmaDevices(sysfs, device)).includes(rdmaDevice)) return failed('ENODEV', `${device} has no RDMA device ${rdmaDevice}`);
  return moveRdmaDevice(links, rdmaDevice, from, to);
}

/** By its number, under which it is known in every namespace. */
export async function moveRdmaDevice(links: KernelLinks, rdmaDevice: string, from: NetnsPath, to: NetnsPath): Promise<StepOutcome> {
  const detail = `${rdmaDevice} from ${from} to ${to}`;
  const seen = await links.ask(from, 'rdma', RDMA_GET, new Uint8Array(), decodeRdmaDevice, true);
  // A namespace that is gone has given its devices back.
  if (!seen.ok) return seen.error.errno === ENOENT && from !== 'host' ? failed('ENODEV', `${detail}; ${from} is not there`) : ofNetlink(seen.error, detail);
  const index = seen.value.find(({ name }) => name === rdmaDevice)?.index;
  if (index === undefined) return failed('ENODEV', detail);
  if (from === to) return undefined;
  const moved = await links.change(from, RDMA_SET, encodeMoveRdma(index), { protocol: 'rdma', targetNetns: to });
  if (moved.ok) return undefined;
  // It went between the two questions (drivers/infiniband/core/nldev.c, nldev_set_doit).
  return moved.error.errno === EINVAL ? failed('ENODEV', detail) : ofNetlink(moved.error, detail);
}
