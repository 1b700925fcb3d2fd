/**
 * What the pods of the DaemonSet have of their node, each with its reason: the one source of the manifests, the chart, the page docs/reference/node-rights.md and
 * the tests that take one after the other away. Nothing else is given (test/installation/node-rights.test.ts).
 */

/** Linux capabilities by the names that Kubernetes has for them (capabilities(7) without CAP_). */
export type Capability =
  | 'CHOWN' | 'DAC_OVERRIDE' | 'DAC_READ_SEARCH' | 'FOWNER' | 'KILL' | 'NET_ADMIN' | 'NET_RAW' | 'SETGID' | 'SETUID' | 'SYS_ADMIN' | 'SYS_CHROOT' | 'SYS_MODULE' | 'SYS_PTRACE';

/** `node` is the daemon; `cni` runs before it, and puts the CNI executable on the node. */
export type NodeContainer = 'node' | 'cni';

interface Reason {
  readonly why: string;
  /** What is seen when it is taken away. */
  readonly without: string;
  /** Where that is a test: with simulated NICs on a real kubelet, with emulated NICs on a real kernel, or nowhere, as it takes a host with that security module. */
  readonly shownOn: 'kubelet' | 'kernel' | 'securityModule';
  /** Given only with the chart's value node.withoutMultus, or its patch: what the plugins of the cluster's network need, which the daemon then runs. */
  readonly only?: 'withoutMultus';
}

export interface CapabilityRight extends Reason {
  readonly kind: 'capability';
  readonly container: NodeContainer;
  readonly name: Capability;
}

export interface MountRight extends Reason {
  readonly kind: 'mount';
  readonly container: NodeContainer;
  /** Of the pod. */
  readonly volume: string;
  /** On the host. */
  readonly path: string;
  readonly type: 'Directory' | 'DirectoryOrCreate';
  /** In the container. */
  readonly at: readonly string[];
}

export type NodeRight =
  | CapabilityRight
  | MountRight
  | (Reason & { readonly kind: 'hostNamespace'; readonly name: 'hostNetwork' | 'hostPID' })
  | (Reason & { readonly kind: 'propagation'; readonly container: NodeContainer; readonly volume: string })
  | (Reason & { readonly kind: 'root'; readonly container: NodeContainer })
  | (Reason & { readonly kind: 'confinement'; readonly container: NodeContainer; readonly field: 'seLinuxOptions' | 'appArmorProfile'; readonly value: Readonly<Record<string, string>> });

const KUBELET = { shownOn: 'kubelet' } as const;
const KERNEL = { shownOn: 'kernel' } as const;
const SECURITY_MODULE = { shownOn: 'securityModule' } as const;
const FOR_PLUGINS = { kind: 'capability', container: 'node', shownOn: 'kubelet', only: 'withoutMultus' } as const;
const PLUGIN_FAILS = 'a plugin of the cluster\'s network that does so fails';

export const nodeRights: readonly NodeRight[] = [
  { kind: 'capability', container: 'node', name: 'NET_ADMIN', ...KUBELET, why: 'interfaces and VFs by rtnetlink; devlink, ethtool, RDMA and vDPA', without: 'plugins make no interface, `operation not permitted`; NICs are not configured, `EPERM`' },
  { kind: 'capability', container: 'node', name: 'SYS_ADMIN', ...KUBELET, why: 'enters pods\' network namespaces (setns(2)), and so do IPAM plugins that it runs', without: 'no VF goes to a pod, `EPERM`' },
  { kind: 'capability', container: 'node', name: 'SYS_CHROOT', ...KUBELET, why: 'runs programs of the host in the host\'s root: IPAM and other CNI plugins, modprobe, udevadm, systemctl, those of the boot loader', without: 'no plugin runs: `exit status 125`, which is chroot(1)\'s' },
  { kind: 'capability', container: 'node', name: 'NET_RAW', ...KERNEL, why: 'tells neighbours by frames of its own where a pod\'s address is now (packet(7))', without: 'none is sent, `EPERM`' },
  { kind: 'capability', container: 'node', name: 'SYS_MODULE', ...KERNEL, why: 'loads drivers that policies ask for, vfio-pci above all (modprobe)', without: '`modprobe: ERROR: could not insert …: Operation not permitted`' },
  { kind: 'capability', container: 'node', name: 'SYS_PTRACE', ...KERNEL, why: 'sees which process holds a VF through VFIO (/proc/PID/fd) before the VF is removed, which would hang the kernel until that process ends', without: 'a holder that is not root is not named' },
  { kind: 'capability', container: 'node', name: 'DAC_READ_SEARCH', ...KERNEL, why: 'lists /proc/PID/fd of other users\' processes for the same', without: 'a holder of another user is not named' },
  { kind: 'root', container: 'node', ...KUBELET, why: 'what it reads and writes below is root\'s', without: 'it ends: `listen EACCES`' },
  { kind: 'hostNamespace', name: 'hostNetwork', ...KUBELET, why: 'NICs are in the host\'s network namespace; rtnetlink, devlink and ethtool answer for that of the caller', without: 'without Multus it does not start: its own pod waits for it, `the vfleet daemon of this node does not run`' },
  { kind: 'hostNamespace', name: 'hostPID', ...KUBELET, why: 'who holds a VF is found among the host\'s processes; reboots go to the host\'s first process; plugins run in the host\'s root, whose `/proc` is that of the host\'s processes', without: 'plugins do not find themselves: `failed to Statfs "/proc/…/ns/net"`' },
  { kind: 'mount', container: 'node', volume: 'host', path: '/', type: 'Directory', at: ['/host'], ...KUBELET, why: 'boot loader and module configuration, systemd units, CNI\'s configuration, plugins, journals in `/etc/sriov-operator` and `/var/lib/vfleet`', without: 'VFs are offered, and none is given to a pod: `the device information of … could not be written`; NICs are not configured' },
  { kind: 'propagation', container: 'node', volume: 'host', ...KUBELET, why: 'plugins get pods\' network namespaces, which are mounts that come later', without: 'they see a file and no namespace: `unknown FS magic`' },
  { kind: 'mount', container: 'node', volume: 'sys', path: '/sys', type: 'Directory', at: ['/sys'], ...KERNEL, why: 'numbers of VFs, drivers and what else NICs have in sysfs; a container\'s own is read-only', without: 'nothing is configured: `/sys is mounted read-only`' },
  { kind: 'mount', container: 'node', volume: 'kubelet', path: '/var/lib/kubelet', type: 'Directory', at: ['/var/lib/kubelet'], ...KUBELET, why: 'the kubelet\'s sockets: device plugins, pod resources', without: 'no VF is offered: `there is no folder /var/lib/kubelet/device-plugins`' },
  { kind: 'propagation', container: 'node', volume: 'kubelet', ...KUBELET, why: 'volumes of pods that are mounted there are not held when they go', without: 'what the kubelet unmounts stays in the daemon\'s' },
  { kind: 'mount', container: 'node', volume: 'cni-socket', path: '/run/vfleet', type: 'DirectoryOrCreate', at: ['/run/vfleet'], ...KUBELET, why: 'the socket that the CNI executable calls', without: 'it ends: `listen EROFS`' },
  // By both of its names: containerd says /var/run/netns, other runtimes /run/netns.
  { kind: 'mount', container: 'node', volume: 'netns', path: '/run/netns', type: 'DirectoryOrCreate', at: ['/run/netns', '/var/run/netns'], ...KUBELET, why: 'the network namespaces of pods, where container runtimes put them', without: 'no VF goes to a pod: `the target namespace does not exist`' },
  { kind: 'propagation', container: 'node', volume: 'netns', ...KUBELET, why: 'namespaces of pods that come later', without: 'no VF goes to them: there is a file and no namespace' },
  { kind: 'confinement', container: 'node', field: 'seLinuxOptions', value: { type: 'spc_t' }, ...SECURITY_MODULE, why: 'files, sockets and processes of the host have labels that a container\'s own type may not use', without: 'SELinux refuses them' },
  { kind: 'confinement', container: 'node', field: 'appArmorProfile', value: { type: 'Unconfined' }, ...SECURITY_MODULE, why: 'the profile of containerd and CRI-O refuses writes to sysfs, and to look at other processes', without: 'AppArmor refuses them: `EACCES`' },

  ...([
    ['DAC_OVERRIDE', 'writes files of other users'], ['CHOWN', 'gives files to other users'], ['FOWNER', 'changes the mode of files of other users'], ['KILL', 'signals processes of other users'],
    ['SETUID', 'becomes another user'], ['SETGID', 'changes its groups'],
  ] as const).map(([name, why]): NodeRight => ({ ...FOR_PLUGINS, name, why: `a plugin of the cluster's network that ${why}, as it may when a runtime starts it`, without: PLUGIN_FAILS })),

  { kind: 'root', container: 'cni', ...KUBELET, why: 'the folders below are root\'s', without: 'it ends: `EACCES: permission denied`' },
  { kind: 'capability', container: 'cni', name: 'DAC_OVERRIDE', ...KUBELET, why: 'on some hosts these folders are another user\'s (Kubespray: `kube`)', without: 'there it ends: `EACCES: permission denied`' },
  { kind: 'mount', container: 'cni', volume: 'cni-bin', path: '/opt/cni/bin', type: 'DirectoryOrCreate', at: ['/opt/cni/bin'], ...KUBELET, why: 'where the CNI executable is put', without: 'it ends, and the daemon does not start: `mkdir \'/opt/cni\'`' },
  { kind: 'mount', container: 'cni', volume: 'cni-conf', path: '/etc/cni/net.d', type: 'DirectoryOrCreate', at: ['/etc/cni/net.d'], ...KUBELET, only: 'withoutMultus', why: 'where it puts a network with vfleet in front of the cluster\'s', without: 'it ends: `there is no network in /etc/cni/net.d`' },
  { kind: 'confinement', container: 'cni', field: 'seLinuxOptions', value: { type: 'spc_t' }, ...SECURITY_MODULE, why: 'a container\'s own type may not write folders of the host', without: 'SELinux refuses it' },
];

/** What tests, docs and people call it by. */
export function nodeRightName(right: NodeRight): string {
  switch (right.kind) {
    case 'capability': return `${right.name} of ${right.container}`;
    case 'mount': return `${right.volume} of ${right.container}`;
    case 'propagation': return `propagation of ${right.volume} of ${right.container}`;
    case 'root': return `root of ${right.container}`;
    case 'confinement': return `${right.field} of ${right.container}`;
    case 'hostNamespace': return right.name;
  }
}

/** Those that every installation gives, or those that one without Multus gives beyond them. */
export type Given = 'always' | 'withoutMultus';

const isGiven = (right: NodeRight, given: Given) => (right.only ?? 'always') === given;

export function capabilitiesOf(container: NodeContainer, given: Given): readonly Capability[] {
  return nodeRights.flatMap((right) => (right.kind === 'capability' && right.container === container && isGiven(right, given) ? [right.name] : []));
}

export function volumesGiven(given: Given): readonly object[] {
  return nodeRights.flatMap((right) => (right.kind === 'mount' && isGiven(right, given) ? [{ name: right.volume, hostPath: { path: right.path, type: right.type } }] : []));
}

export function volumeMountsOf(container: NodeContainer, given: Given): readonly object[] {
  const isPropagated = (volume: string) => nodeRights.some((right) => right.kind === 'propagation' && right.container === container && right.volume === volume);
  const mounts = nodeRights.flatMap((right) => (right.kind === 'mount' && right.container === container && isGiven(right, given) ? [right] : []));
  return mounts.flatMap(({ volume, at }) => at.map((mountPath) => ({ name: volume, mountPath, ...(isPropagated(volume) ? { mountPropagation: 'HostToContainer' } : {}) })));
}

/** All that a container may beyond what every one may, and that it may no more. The system calls are those that the runtime lets containers with these capabilities make. */
export function securityContextOf(container: NodeContainer): object {
  const confinement = nodeRights.flatMap((right) => (right.kind === 'confinement' && right.container === container ? [[right.field, right.value] as const] : []));
  return {
    privileged: false, runAsUser: 0, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'], add: capabilitiesOf(container, 'always') },
    seccompProfile: { type: 'RuntimeDefault' }, ...Object.fromEntries(confinement),
  };
}

/** Fields that a pod has of the host's own namespaces. */
export function hostNamespacesGiven(): object {
  return Object.fromEntries(nodeRights.flatMap((right) => (right.kind === 'hostNamespace' ? [[right.name, true]] : [])));
}

/** API servers before 1.30 do not know the field appArmorProfile, and have this annotation (KEP-24); those since want both to say the same. */
export const appArmorAnnotations: Readonly<Record<string, string>> = Object.fromEntries(
  nodeRights.flatMap((right) => (right.kind === 'confinement' && right.field === 'appArmorProfile' ? [[`container.apparmor.security.beta.kubernetes.io/${right.container}`, 'unconfined']] : [])),
);
