import { SimClock } from '@vfleet/core';
import type { HardwareError, HardwareStep, Result } from '@vfleet/core';
import { createLinuxHardware, createLinuxHost, viewPorts } from '@vfleet/hw-linux';
import type { KernelView } from '@vfleet/hw-linux';
import type { SimulatedNode } from '@vfleet/hw-sim';
import { LinuxView } from '@vfleet/hw-sim/linux-view/linux-view.ts';
import { during, simulatedMachine } from './backends.ts';

/** What is wrong with the kernel's files: an errno by path and by what is done. */
export interface Fault {
  read?(path: string): string | undefined;
  list?(path: string): string | readonly string[] | undefined;
  write?(path: string): string | undefined;
}

/** A host on the simulator's view of a kernel, of which something is broken. */
export class Host {
  readonly clock = new SimClock();
  readonly node: SimulatedNode;
  readonly view: KernelView;

  constructor(fault: Fault = {}, personality = '82576', more: Readonly<Record<string, unknown>> = {}) {
    this.node = simulatedMachine(this.clock, personality, more);
    const sane = new LinuxView(this.node);
    this.view = {
      hasNetns: (netns) => sane.hasNetns(netns), openNetns: (netns) => sane.openNetns(netns), closeNetns: (fd) => sane.closeNetns(fd), listen: (listener) => sane.listen(listener), driverInfo: (netns, name) => sane.driverInfo(netns, name), ethtool: (netns, name, data) => sane.ethtool(netns, name, data),
      exchange: (netns, protocol, bytes) => sane.exchange(netns, protocol, bytes),
      volume: () => brokenVolume(sane, fault),
      async readText(path) {
        throwIf(fault.read?.(path), path);
        return sane.readText(path);
      },
      async writeText(path, text) {
        throwIf(fault.write?.(path), path);
        return sane.writeText(path, text);
      },
    };
  }

  discover() {
    return during(this.clock, createLinuxHardware(viewPorts(this.clock, this.view)).discover());
  }

  apply(step: HardwareStep): Promise<Result<void, HardwareError>> {
    return during(this.clock, createLinuxHardware(viewPorts(this.clock, this.view)).apply(step));
  }

  facts() {
    return createLinuxHost({ sysfs: viewPorts(this.clock, this.view).sysfs }).facts();
  }
}

function throwIf(errno: string | undefined, path: string): void {
  if (errno !== undefined) throw Object.assign(new Error(`${errno}: ${path}`), { code: errno });
}

export function brokenVolume(sane: LinuxView, fault: Fault): ReturnType<KernelView['volume']> {
  const volume = sane.volume();
  return {
    readFileSync(path, encoding) {
      throwIf(fault.read?.(path), path);
      return volume.readFileSync(path, encoding);
    },
    readdirSync(path) {
      const other = fault.list?.(path);
      if (Array.isArray(other)) return other;
      throwIf(other as string | undefined, path);
      return volume.readdirSync(path);
    },
    readlinkSync(path) {
      throwIf(fault.read?.(path), path);
      return volume.readlinkSync(path);
    },
    existsSync: (path) => fault.read?.(path) === undefined && volume.existsSync(path),
  };
}

/** All of sysfs answers with one errno. */
export const inSysfs = (errno: string) => (path: string) => (path.startsWith('/sys/') ? errno : undefined);
