import type { Clock, Subscription } from '@vfleet/core';
import type { MonitorNews } from '../kernel-thread/monitor.ts';
import type { LinuxHardwarePorts } from '../linux-hardware.ts';
import { ViewNetlink } from './view-netlink.ts';
import type { NetlinkView } from './view-netlink.ts';
import { ViewLongWrites, ViewSysfs } from './view-sysfs.ts';
import type { FilesView } from './view-sysfs.ts';

/** A kernel in this process: its files, its netlink sockets as bytes in and bytes out, and what it tells by itself. */
export interface KernelView extends FilesView, NetlinkView {
  listen(listener: (news: MonitorNews) => void): Subscription;
}

/** All that {@link createLinuxHardware} stands on, on a kernel that only this process has. What the backend does with it is its own code. */
export function viewPorts(clock: Clock, view: KernelView): Required<LinuxHardwarePorts> {
  return { clock, sysfs: new ViewSysfs(view), netlink: new ViewNetlink(view), monitor: view, longWrites: new ViewLongWrites(clock, view) };
}
