import type { Kube, PciAddress } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import { pods } from '@vfleet/kube';
import type { Timer } from '@vfleet/core';
import type { Simulation } from '../engine/simulation.ts';
import type { ClusterView } from '../oracles/cluster-view.ts';
import type { Hold, Holdings } from '../oracles/holdings.ts';
import { claimsSuccess } from '../oracles/succeeded-is-true.ts';
import type { World } from '../world.ts';

/** Somebody looks so often. */
const EVERY_MS = 300_000;

/**
 * Does what Kubernetes leaves to people: a kubelet never gives an admitted pod another device (pkg/kubelet/cm/devicemanager), so that a
 * pod whose VF is gone for good, while it was being started, waits until somebody deletes it. A VF goes for good when its PF comes
 * back from an unplug, or a boot, with fewer VFs than before.
 */
export class Caretaker {
  readonly #simulation: Simulation;
  readonly #world: World;
  readonly #view: ClusterView;
  readonly #holdings: Holdings;
  readonly #kube: Kube;
  #timer: Timer | undefined;
  #seen = new Set<string>();

  constructor(parts: { simulation: Simulation; world: World; view: ClusterView; holdings: Holdings }) {
    this.#simulation = parts.simulation;
    this.#world = parts.world;
    this.#view = parts.view;
    this.#holdings = parts.holdings;
    this.#kube = parts.world.kube;
  }

  start(): void {
    this.#timer = this.#simulation.clock.setTimer(EVERY_MS, () => {
      void this.#look();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Deletes what was stuck at the last look too. */
  async #look(): Promise<void> {
    const stuck = this.#world.nodes().flatMap(({ name }) => this.#stuckOn(name));
    const before = this.#seen;
    this.#seen = new Set(stuck.map(({ uid }) => uid));
    for (const { uid, namespace, pod, device } of stuck) {
      if (!before.has(uid)) continue;
      this.#simulation.marks.hit('caretaker.podWithoutVfDeleted');
      this.#simulation.trace.record('people', 'deletes a pod', `${namespace}/${pod}, whose VF ${device} is gone`);
      await this.#kube.delete(pods, { namespace, name: pod }, { preconditions: { uid } }).catch((error: unknown) => {
        if (!isKubeError(error)) throw error;
      });
    }
  }

  #stuckOn(node: string): readonly Hold[] {
    const [state, hardware] = [this.#view.nodeState(node), this.#world.fleet.node(node)];
    if (state === undefined || hardware === undefined || !hardware.up || !claimsSuccess(state)) return [];
    const held = this.#holdings.of(node).filter((hold) => this.#holdings.livePod(hold)?.status?.phase === 'Pending');
    if (held.length === 0) return [];
    const present = new Set<PciAddress>(hardware.inspect().pfs.flatMap(({ vfs }) => vfs.map(({ pciAddress }) => pciAddress)));
    return held.filter(({ device }) => !present.has(device as PciAddress));
  }
}
