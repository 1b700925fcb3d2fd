/** A network interface as programs in a pod's namespace see it. */
export interface InsideInterface {
  readonly name: string;
  /** `infiniband` addresses have 20 bytes. */
  readonly link: 'loopback' | 'ether' | 'infiniband';
  /** The other end of a veth pair is on the host: `eth0@if12`. */
  readonly isVeth: boolean;
  readonly mac: string;
  readonly mtu: number;
  readonly up: boolean;
  readonly carrier: boolean;
  /** With prefix length: `10.10.10.100/24`. */
  readonly addresses: readonly string[];
  /** PCI address, of devices. */
  readonly device?: string;
}

/** One run of a container. */
export interface InsideRun {
  readonly id: string;
  /** Milliseconds of the cluster's clock. */
  readonly startedAtMs: number;
  readonly finishedAtMs?: number;
}

/** What can be known from inside a container. */
export interface ContainerInside {
  readonly hostname: string;
  readonly environment: Readonly<Record<string, string>>;
  /** `lo` first. */
  readonly interfaces: readonly InsideInterface[];
  /** What the container runs, where its pod says so; else its image decides. */
  readonly command: readonly string[];
  readonly run: InsideRun;
  readonly previous?: InsideRun;
}

/** What a node answers the API server about containers: the kubelet's server on port 10250, as a port. */
export interface KubeletAccess {
  /** Undefined when the container has not started. */
  inside(podUid: string, container: string): ContainerInside | undefined;
}
