import type { Clock, Log, PciAddress, Timer } from '@vfleet/core';
import type { PodLinks } from '@vfleet/core/ports/pod-links.ts';

export interface AnnouncerPorts {
  readonly podLinks: PodLinks;
  readonly clock: Clock;
  readonly log: Log;
}

/** A link that has just been set up has its carrier after some 100 ms to some seconds, and IPv6 wants another second for its duplicate address detection. */
const LOOK_MS = 100;
/** The answer to ADD leaves first: a runtime waits for it, and what follows is for others. */
const FIRST_LOOK_MS = 10;
const LOOKS_MAX = 150;

interface UnderWay {
  readonly over: Promise<void>;
  readonly end: () => void;
}

/**
 * Tells the neighbours of a pod where its addresses are, as soon as its link carries anything: those that remember the addresses' last holder
 * would go on talking to nobody until they doubt it. Nothing waits for it, and nothing fails for it.
 */
export class Announcer {
  readonly #ports: AnnouncerPorts;
  readonly #underWay = new Map<PciAddress, UnderWay>();

  constructor(ports: AnnouncerPorts) {
    this.#ports = ports;
  }

  /** `addresses` with prefix length. What is under way for the device is given up. */
  start(device: PciAddress, netns: string, addresses: readonly string[]): void {
    this.cancel(device);
    if (addresses.length === 0) return;
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const state: { timer: Timer | undefined; ended: boolean } = { timer: undefined, ended: false };
    const own: UnderWay = {
      over,
      end: () => {
        state.ended = true;
        state.timer?.cancel();
        if (this.#underWay.get(device) === own) this.#underWay.delete(device);
        resolve();
      },
    };
    this.#underWay.set(device, own);
    const look = async (looks: number): Promise<void> => {
      const told = await this.#ports.podLinks.announce(device, netns, addresses);
      if (state.ended) return;
      if (told.ok && told.value === 'notYet' && looks < LOOKS_MAX) {
        state.timer = this.#ports.clock.setTimer(LOOK_MS, () => void look(looks + 1));
        return;
      }
      // A pod that has gone has nothing to be announced.
      if (!told.ok || told.value === 'notYet') this.#ports.log.warn('The addresses of a pod were not announced to its neighbours.', { device, netns, ...(told.ok ? { cause: 'its link has no carrier' } : told.error) });
      own.end();
    };
    state.timer = this.#ports.clock.setTimer(FIRST_LOOK_MS, () => void look(1));
  }

  cancel(device: PciAddress): void {
    this.#underWay.get(device)?.end();
  }

  stop(): void {
    for (const { end } of this.#underWay.values()) end();
  }

  /** Resolves when nothing is under way any more, or after so many milliseconds. */
  async settled(waitMs: number): Promise<void> {
    const all = Promise.all([...this.#underWay.values()].map(({ over }) => over));
    if (this.#underWay.size > 0) await Promise.race([all, this.#ports.clock.sleep(waitMs)]);
  }
}
