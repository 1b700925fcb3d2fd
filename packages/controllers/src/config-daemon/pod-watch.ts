import type { Inventory } from '@vfleet/core';
import { Informer, pods } from '@vfleet/kube';
import type { Pod } from '@vfleet/kube';
import type { ConfigDaemonPorts } from './settings.ts';

/**
 * Tells when pods of the node may have taken or given back VFs that no netdev shows: the hardware says nothing when a pod opens a VF
 * that a driver for user space holds. Nodes without such VFs are not watched for it.
 */
export class PodWatch {
  readonly #ports: ConfigDaemonPorts;
  readonly #nodeName: string;
  readonly #changed: () => void;
  #informer: Informer<Pod> | undefined;

  /** `changed` may be called often. */
  constructor(ports: ConfigDaemonPorts, nodeName: string, changed: () => void) {
    this.#ports = ports;
    this.#nodeName = nodeName;
    this.#changed = changed;
  }

  /** Begins or ends with what the hardware has now. */
  follow({ pfs }: Inventory): void {
    const isNeeded = pfs.some((pf) => pf.vfs.some((vf) => vf.driver !== undefined && DRIVERS_OF_USER_SPACE.includes(vf.driver)));
    if (!isNeeded) this.stop();
    else if (this.#informer === undefined) this.#start();
  }

  stop(): void {
    this.#informer?.stop();
    this.#informer = undefined;
  }

  #start(): void {
    const informer = new Informer(this.#ports, pods, { fieldSelector: `spec.nodeName=${this.#nodeName}` });
    const look = (pod: Pod) => {
      if (asksForDevices(pod)) this.#changed();
    };
    informer.subscribe({ added: look, updated: (old, now) => (old.status?.phase === now.status?.phase && old.metadata.deletionTimestamp === now.metadata.deletionTimestamp ? undefined : look(now)), deleted: look });
    informer.start();
    this.#informer = informer;
  }
}

const DRIVERS_OF_USER_SPACE: readonly string[] = ['vfio-pci', 'uio_pci_generic', 'igb_uio'];

/** Extended resources: names with a domain that is not Kubernetes' own (kubernetes pkg/apis/core/helper, IsExtendedResourceName). */
function asksForDevices({ spec }: Pod): boolean {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].some(({ resources }) => Object.keys({ ...resources?.limits, ...resources?.requests }).some((name) => name.includes('/') && !name.includes('kubernetes.io/')));
}
