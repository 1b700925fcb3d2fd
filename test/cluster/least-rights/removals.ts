/** How each right of the daemon on its node is taken away, and what then says so (packages/controllers/src/installation/node-rights.ts says why it is given). */

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

export interface Removal {
  /** The rights, by {@link nodeRightName}. */
  readonly rights: readonly [string, ...string[]];
  /** On a copy of the template that is shipped. */
  readonly takeAway: (template: Template) => void;
  /** What is then said by the daemon's pod, its events or log, or by those of a pod that wants a VF (`probe`, whatever it is called): all of it, in any order. */
  readonly seen: readonly [RegExp, ...RegExp[]];
}

/** The rights that a template has, by the names that they have in the table. Confinement is not among them: no test here can tell. */
export function rightsOf({ spec }: Template): readonly string[] {
  const host = new Set((spec.volumes ?? []).flatMap(({ name, hostPath }) => (hostPath === undefined ? [] : [name])));
  return [
    ...(['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((name) => spec[name] === true),
    ...[...spec.containers, ...spec.initContainers].flatMap(({ name, securityContext, volumeMounts }) => {
      const mounts = (volumeMounts ?? []).filter((mount) => typeof mount['name'] === 'string' && host.has(mount['name']));
      return [
        ...(securityContext['privileged'] === true ? [`privileged of ${name}`] : []), ...(securityContext['runAsUser'] === 0 ? [`root of ${name}`] : []),
        ...addedCapabilities(securityContext).map((capability) => `${capability} of ${name}`),
        ...new Set(mounts.map((mount) => `${String(mount['name'])} of ${name}`)),
        ...new Set(mounts.flatMap((mount) => (mount['mountPropagation'] === undefined || mount['mountPropagation'] === 'None' ? [] : [`propagation of ${String(mount['name'])} of ${name}`]))),
      ];
    }),
  ];
}

function addedCapabilities({ capabilities }: Container['securityContext']): readonly string[] {
  return typeof capabilities === 'object' && capabilities !== null && 'add' in capabilities && Array.isArray(capabilities.add) ? capabilities.add.map(String) : [];
}

function containerOf({ spec }: Template, name: string): Container {
  const found = [...spec.containers, ...spec.initContainers].find((one) => one.name === name);
  if (found === undefined) throw new Error(`the DaemonSet has no container ${name}`);
  return found;
}

function withoutMount(volume: string, container: string, seen: RegExp): Removal {
  return {
    rights: [`${volume} of ${container}`], seen: [seen],
    takeAway(template) {
      const changed = containerOf(template, container);
      changed.volumeMounts = (changed.volumeMounts ?? []).filter(({ name }) => name !== volume);
    },
  };
}

function withoutPropagation(volume: string, container: string, seen: RegExp): Removal {
  return {
    rights: [`propagation of ${volume} of ${container}`], seen: [seen],
    takeAway(template) {
      const changed = containerOf(template, container);
      changed.volumeMounts = (changed.volumeMounts ?? []).map((one) => (one['name'] === volume ? { ...one, mountPropagation: 'None' } : one));
    },
  };
}

/** The user of the image. */
function withoutRoot(container: string, seen: RegExp): Removal {
  return { rights: [`root of ${container}`], seen: [seen], takeAway: (template) => inContext(template, container, () => ({ runAsUser: 65_532 })) };
}

function withoutCapabilities(container: string, names: readonly [string, ...string[]], ...seen: Removal['seen']): Removal {
  const [first, ...others] = names.map((name) => `${name} of ${container}`) as [string, ...string[]];
  return {
    rights: [first, ...others], seen,
    takeAway: (template) => inContext(template, container, (context) => ({ capabilities: { drop: ['ALL'], add: addedCapabilities(context).filter((name) => !names.includes(name)) } })),
  };
}

function inContext(template: Template, container: string, change: (context: Container['securityContext']) => Container['securityContext']): void {
  const changed = containerOf(template, container);
  changed.securityContext = { ...changed.securityContext, ...change(changed.securityContext) };
}

/** What only plugins of the cluster's network need. The plugin of plugin.ts names all that it may not do: they are taken away together. */
export const PLUGIN_CAPABILITIES = ['DAC_OVERRIDE', 'CHOWN', 'FOWNER', 'KILL', 'SETUID', 'SETGID'] as const;

/** In an order in which each is seen at once: first those without which nothing starts. */
export const removals: readonly Removal[] = [
  withoutMount('cni-bin', 'cni', /ENOENT: no such file or directory, mkdir '\/opt\/cni'/),
  withoutMount('cni-conf', 'cni', /there is no network in \/etc\/cni\/net\.d/),
  withoutRoot('cni', /EACCES: permission denied, open '\/(?:opt|etc)\/cni\/[^']+'/),
  withoutCapabilities('cni', ['DAC_OVERRIDE'], /EACCES: permission denied, open '\/opt\/cni\/bin\/[^']+'/),
  withoutRoot('node', /the node's daemon cannot start: listen EACCES/),
  withoutMount('cni-socket', 'node', /the node's daemon cannot start: listen EROFS/),
  withoutMount('kubelet', 'node', /there is no folder \/var\/lib\/kubelet\/device-plugins/),
  // A pod of the cluster's network: vfleet is in front of that, and the daemon is its own condition.
  { rights: ['hostNetwork'], takeAway: ({ spec }) => void (spec.hostNetwork = false), seen: [/^sriov-network-config-daemon-\w+ FailedCreatePodSandBox .*the vfleet daemon of this node does not run/m] },
  withoutCapabilities('node', ['NET_ADMIN'], /^probe FailedCreatePodSandBox .*could not add "cni0": operation not permitted/m),
  withoutMount('host', 'node', /the device information of \S+ could not be written: ENOENT/),
  withoutCapabilities('node', ['SYS_CHROOT'], /^probe FailedCreatePodSandBox .*the plugin "[^"]+" failed: exit status 125/m),
  withoutCapabilities('node', ['SYS_ADMIN'], /^probe FailedCreatePodSandBox .*switching to ns \S+: operation not permitted/m),
  withoutCapabilities('node', PLUGIN_CAPABILITIES, ...(PLUGIN_CAPABILITIES.map((name) => new RegExp(`^probe FailedCreatePodSandBox .*may not: [^"]*\\b${name}\\b`, 'm')) as unknown as Removal['seen'])),
  // Plugins of the cluster's network run in the host's root file system, whose /proc is that of the host's processes.
  { rights: ['hostPID'], takeAway: ({ spec }) => void (spec.hostPID = false), seen: [/^probe FailedCreatePodSandBox .*Failed to open current namespace: failed to Statfs "\/proc\//m] },
  // Of the pod's network namespace there is a file and no namespace where the mount does not come through.
  withoutPropagation('host', 'node', /^probe FailedCreatePodSandBox .*failed to open netns "[^"]+": unknown FS magic/m),
  withoutPropagation('kubelet', 'node', /^held: \/var\/lib\/kubelet\/a-volume$/m),
  withoutPropagation('netns', 'node', /^probe FailedCreatePodSandBox .*moving the interface of \S+ failed: .*from host to \/var\/run\/netns\//m),
  withoutMount('netns', 'node', /^probe FailedCreatePodSandBox .*the target namespace does not exist/m),
];
