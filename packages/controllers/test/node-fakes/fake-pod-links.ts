import { fail, ok } from '@vfleet/core';
import type { HardwareError, PciAddress, Result } from '@vfleet/core';
import type { HostPort, HostPortChange, PodLink, PodLinks } from '@vfleet/core/ports/pod-links.ts';
import type { FakeHardware } from './fake-hardware.ts';

/** What pods see of {@link FakeHardware}'s VFs, and ports of the host by name. Every change can be made to fail, or the process to die after it. */
export class FakePodLinks implements PodLinks {
  readonly ports = new Map<string, HostPort>();
  readonly announced: (readonly [PciAddress, readonly string[]])[] = [];
  /** How often an announcement is put off for want of a carrier. */
  notYet = 0;
  changes = 0;
  before: (number: number) => boolean = () => false;
  after: (number: number) => void = () => {};
  readonly #hardware: FakeHardware;

  constructor(hardware: FakeHardware) {
    this.#hardware = hardware;
  }

  async look(device: PciAddress, netns: string): Promise<Result<PodLink | undefined, HardwareError>> {
    const placed = this.#hardware.placed.get(device);
    return ok(placed?.netns === netns ? { netdev: placed.netdev, addresses: placed.addresses, routes: placed.routes } : undefined);
  }

  async setAltNames(device: PciAddress, netns: string, names: readonly string[]): Promise<Result<void, HardwareError>> {
    return this.#change(device, () => {
      const placed = this.#hardware.placed.get(device);
      if (placed?.netns === netns) placed.netdev = { ...placed.netdev, altNames: names };
    });
  }

  async announce(device: PciAddress, netns: string, addresses: readonly string[]): Promise<Result<'announced' | 'notYet' | 'gone', HardwareError>> {
    if (this.#hardware.placed.get(device)?.netns !== netns) return ok('gone');
    if (this.notYet-- > 0) return ok('notYet');
    this.announced.push([device, addresses]);
    return ok('announced');
  }

  async port(name: string): Promise<Result<HostPort | undefined, HardwareError>> {
    return ok(this.ports.get(name));
  }

  async setPort(name: string, { up, mtu, master }: HostPortChange): Promise<Result<void, HardwareError>> {
    return this.#change('host', () => {
      const { master: had, ...port } = this.ports.get(name)!;
      const now = master === undefined ? had : (master ?? undefined);
      this.ports.set(name, { ...port, ...(up === undefined ? {} : { up }), ...(mtu === undefined ? {} : { mtu }), ...(now === undefined ? {} : { master: now }) });
    });
  }

  #change(device: PciAddress | 'host', change: () => void): Result<void, HardwareError> {
    const number = this.changes++;
    if (this.before(number)) return fail({ code: 'busy', device, cause: 'it is busy', remedy: 'Try again.' });
    change();
    this.after(number);
    return ok(undefined);
  }
}
