import { parseCheckpoint } from '@vfleet/kube-sim/kubelet/device-checkpoint.ts';
import type { Pod } from '@vfleet/kube';
import type { World } from '../world.ts';
import type { ClusterView } from './cluster-view.ts';
import { isTerminal } from './cluster-view.ts';

export interface Hold {
  readonly device: string;
  readonly resourceName: string;
  readonly uid: string;
  readonly namespace: string;
  readonly pod: string;
}

/** Which pods hold which devices, by the newest checkpoint of each kubelet. */
export class Holdings {
  readonly #world: World;
  readonly #view: ClusterView;
  readonly #texts = new Map<string, string>();
  readonly #parsed = new Map<string, readonly Hold[]>();

  constructor(world: World, view: ClusterView) {
    this.#world = world;
    this.#view = view;
  }

  /** Taken as it comes and read only when somebody asks. */
  checkpoint(node: string, text: string): void {
    this.#texts.set(node, text);
    this.#parsed.delete(node);
  }

  of(node: string): readonly Hold[] {
    const known = this.#parsed.get(node);
    if (known !== undefined) return known;
    const text = this.#texts.get(node);
    const holds = (text === undefined ? [] : (parseCheckpoint(text)?.holds ?? [])).flatMap((hold) =>
      hold.ids.map((device): Hold => ({ device, resourceName: hold.resourceName, uid: hold.podUid, namespace: hold.namespace, pod: hold.podName })));
    this.#parsed.set(node, holds);
    return holds;
  }

  /** The pod behind a hold, while it is in the API and has not ended. */
  livePod(hold: Hold): Pod | undefined {
    const pod = this.#view.pod(hold.namespace, hold.pod);
    return pod === undefined || pod.metadata.uid !== hold.uid || isTerminal(pod) ? undefined : pod;
  }

  /** Holds of living pods on the VFs of one PF, as the hardware has them now. */
  onPf(node: string, pf: string): readonly Hold[] {
    const holds = this.of(node);
    if (holds.length === 0) return [];
    const seen = this.#world.fleet.node(node)?.inspect().pfs.find(({ pciAddress }) => pciAddress === pf);
    const vfs = new Set<string>(seen?.vfs.map(({ pciAddress }) => pciAddress));
    return holds.filter((hold) => vfs.has(hold.device) && this.livePod(hold) !== undefined);
  }
}
