/** What the daemon's pod has of its node, one right after the other, and how to take it away. */

type Mount = Readonly<Record<string, unknown>>;

export interface Container {
  readonly name: string;
  securityContext: Readonly<Record<string, unknown>>;
  volumeMounts?: readonly Mount[];
}

/** Of a pod template, what gives rights on the node. */
export interface Template {
  spec: {
    hostNetwork?: boolean;
    hostPID?: boolean;
    hostIPC?: boolean;
    readonly containers: readonly Container[];
    readonly initContainers: readonly Container[];
    readonly volumes?: readonly { readonly name: string; readonly hostPath?: object }[];
  };
}

export interface Right {
  readonly name: string;
  /** On a copy of the template that is shipped. */
  readonly takeAway: (template: Template) => void;
  /** What is then said by the daemon's pod, its events or log, or by those of a pod that wants a VF. */
  readonly seen: RegExp;
  /** Pods that run lose their VFs by it, and have none when it is put back. */
  readonly losesPods?: true;
}

/** The rights that a template has, by the names that they have in {@link rights}. */
export function shippedRights({ spec }: Template): readonly string[] {
  const host = new Set((spec.volumes ?? []).flatMap(({ name, hostPath }) => (hostPath === undefined ? [] : [name])));
  return [
    ...(['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((name) => spec[name] === true),
    ...[...spec.containers, ...spec.initContainers].flatMap(({ name, securityContext, volumeMounts }) => [
      ...(securityContext['privileged'] === true ? [`privileged of ${name}`] : []), ...(securityContext['runAsUser'] === 0 ? [`root of ${name}`] : []),
      ...addedCapabilities(securityContext).map((capability) => `${capability} of ${name}`),
      ...new Set((volumeMounts ?? []).flatMap((mount) => (typeof mount['name'] === 'string' && host.has(mount['name']) ? [`${mount['name']} of ${name}`] : []))),
    ]),
  ];
}

function addedCapabilities({ capabilities }: Container['securityContext']): readonly unknown[] {
  return typeof capabilities === 'object' && capabilities !== null && 'add' in capabilities && Array.isArray(capabilities.add) ? capabilities.add : [];
}

function containerOf({ spec }: Template, name: string): Container {
  const found = [...spec.containers, ...spec.initContainers].find((one) => one.name === name);
  if (found === undefined) throw new Error(`the DaemonSet has no container ${name}`);
  return found;
}

const mount = (volume: string, container: string, seen: RegExp): Right => ({
  name: `${volume} of ${container}`, seen,
  takeAway(template) {
    const changed = containerOf(template, container);
    changed.volumeMounts = (changed.volumeMounts ?? []).filter(({ name }) => name !== volume);
  },
});

const securityContext = (name: string, container: string, value: Container['securityContext'], seen: RegExp): Right => ({
  name: `${name} of ${container}`, seen,
  takeAway(template) {
    const changed = containerOf(template, container);
    changed.securityContext = { ...changed.securityContext, ...value };
  },
});

/** The user of the image. */
const NOBODY = { runAsUser: 65_532 } as const;

export const rights: readonly Right[] = [
  securityContext('privileged', 'node', { privileged: false }, /^probe FailedCreatePodSandBox .*operation not permitted/m),
  securityContext('root', 'node', NOBODY, /the node's daemon cannot start: listen EACCES/),
  // A pod of the cluster's network: vfleet is in front of that, and the daemon is its own condition.
  { name: 'hostNetwork', takeAway: ({ spec }) => void (spec.hostNetwork = false), seen: /^sriov-network-config-daemon-\w+ FailedCreatePodSandBox .*the vfleet daemon of this node does not run/m },
  // Plugins of the cluster's network run in the host's root file system, whose /proc is that of the host's processes.
  { name: 'hostPID', takeAway: ({ spec }) => void (spec.hostPID = false), seen: /^probe FailedCreatePodSandBox .*Failed to open current namespace: failed to Statfs "\/proc\//m },
  mount('host', 'node', /the device information of \S+ could not be written: ENOENT/),
  mount('kubelet', 'node', /there is no folder \/var\/lib\/kubelet\/device-plugins/),
  mount('cni-socket', 'node', /the node's daemon cannot start: listen EROFS/),
  mount('cni-bin', 'cni', /ENOENT: no such file or directory, mkdir '\/opt\/cni'/),
  mount('cni-conf', 'cni', /there is no network in \/etc\/cni\/net\.d/),
  securityContext('root', 'cni', NOBODY, /EACCES: permission denied, open '\/etc\/cni\/net\.d\/00-vfleet\.conflist'/),
  // Of the pod's network namespace there is a file and no namespace where the mount does not come through.
  {
    name: 'propagation of host to node', seen: /^probe FailedCreatePodSandBox .*failed to open netns "[^"]+": unknown FS magic/m,
    takeAway(template) {
      const node = containerOf(template, 'node');
      node.volumeMounts = (node.volumeMounts ?? []).map((one) => (one['name'] === 'host' ? { ...one, mountPropagation: 'None' } : one));
    },
  },
  // Last: a daemon that sees no namespace takes the pods of all of them for gone.
  { ...mount('netns', 'node', /^probe FailedCreatePodSandBox .*the target namespace does not exist/m), losesPods: true },
];
