import type { Clock, PciAddress, PfObservation, Timer } from '@vfleet/core';

export interface LinkHealthSettings {
  /** Without carrier for this long, a link counts as lost. */
  readonly downAfterMs: number;
  /** With carrier for this long, a lost link counts as back. */
  readonly upAfterMs: number;
}

interface Link {
  hadCarrier: boolean;
  lost: boolean;
  pending: Timer | undefined;
}

/**
 * Which PFs lost their link, with hysteresis, so that a flap or a driver's own reset does not take devices from kubelet and give
 * them back. A PF whose netdev is down counts only once it has had carrier: functions that own no port are never set up.
 */
export class LinkHealth {
  readonly #clock: Clock;
  readonly #settings: LinkHealthSettings;
  readonly #changed: () => void;
  readonly #links = new Map<PciAddress, Link>();

  /** `changed` is called when an answer of {@link isLost} has changed. */
  constructor(clock: Clock, settings: LinkHealthSettings, changed: () => void) {
    this.#clock = clock;
    this.#settings = settings;
    this.#changed = changed;
  }

  isLost(pf: PciAddress): boolean {
    return this.#links.get(pf)?.lost ?? false;
  }

  /** Takes over what was discovered; PFs that are gone are forgotten. */
  observe(pfs: readonly PfObservation[]): void {
    const present = new Set(pfs.map(({ pciAddress }) => pciAddress));
    for (const [pf, link] of this.#links) {
      if (present.has(pf)) continue;
      link.pending?.cancel();
      this.#links.delete(pf);
    }
    for (const { pciAddress, netdev } of pfs) this.#note(pciAddress, netdev?.carrier ?? true, netdev?.adminState === 'up');
  }

  /** A link event of a PF; events of other devices are ignored. */
  event(pf: PciAddress, carrier: boolean): void {
    if (this.#links.has(pf)) this.#note(pf, carrier, true);
  }

  stop(): void {
    for (const link of this.#links.values()) link.pending?.cancel();
    this.#links.clear();
  }

  #note(pf: PciAddress, carrier: boolean, expected: boolean): void {
    const link = this.#links.get(pf) ?? { hadCarrier: false, lost: false, pending: undefined };
    this.#links.set(pf, link);
    link.hadCarrier ||= carrier;
    const lost = !carrier && (expected || link.hadCarrier || link.lost);
    if (lost === link.lost) {
      link.pending?.cancel();
      link.pending = undefined;
      return;
    }
    link.pending ??= this.#clock.setTimer(lost ? this.#settings.downAfterMs : this.#settings.upAfterMs, () => {
      link.pending = undefined;
      link.lost = lost;
      this.#changed();
    });
  }
}
