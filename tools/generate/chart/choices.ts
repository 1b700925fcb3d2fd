import type { JsonSchema } from '@vfleet/core';
import { operatorConfigSpecSchema } from '@vfleet/core';
import { capabilitiesOf, volumeMountsOf, volumesGiven } from '@vfleet/controllers/installation/node-rights.ts';
import { fleetFileSchema } from '@vfleet/hw-sim';
import * as types from './value-types.ts';

export type Workload = 'operator' | 'node';

/** A place in a workload: names of fields and numbers of items. */
export type Path = readonly (string | number)[];

/** What a value does to the objects of the installation. */
export type Change =
  /** The field is the value, whatever it is; the default is what the installation has there. */
  | { readonly kind: 'field'; readonly in: Workload; readonly at: Path }
  /** The field is there while the value is not empty. */
  | { readonly kind: 'optional field'; readonly in: Workload; readonly at: Path }
  /** `--flag=VALUE` is among the arguments while the value is not that with which the executable begins. */
  | { readonly kind: 'argument'; readonly in: Workload; readonly flag: string; readonly unless: string }
  /** The item is at the end of a list while the value is not empty. */
  | { readonly kind: 'item'; readonly in: Workload; readonly at: Path; readonly item: unknown };

/** A value of the chart. */
export interface Choice {
  /** Path in values.yaml, with dots. */
  readonly name: string;
  readonly schema: JsonSchema;
  /** For values.yaml, where it stands above the value. */
  readonly says: string;
  /** Absent where a change is a `field`: what is installed without the chart is the default. */
  readonly default?: unknown;
  readonly changes: readonly Change[];
}

const POD: Path = ['spec', 'template', 'spec'];
const CONTAINER: Path = [...POD, 'containers', 0];
const CNI_INSTALLER: Path = [...POD, 'initContainers', 0];
const ARGUMENTS: Path = [...CONTAINER, 'args'];
const ANNOTATIONS: Path = ['spec', 'template', 'metadata', 'annotations'];
const both = (change: (workload: Workload) => Change): readonly Change[] => [change('operator'), change('node')];

export const FLEET_CONFIG_MAP = 'vfleet-simulated-fleet';
const FLEET_FOLDER = '/etc/vfleet/simulated';

/** Every value of the chart but those that `chart.ts` knows by itself: where it is installed, and which image. */
export const choices: readonly Choice[] = [
  {
    name: 'image.pullPolicy', schema: types.pullPolicy, default: '', says: 'Always, IfNotPresent or Never; empty leaves it to the cluster.',
    changes: [...both((workload) => ({ kind: 'optional field', in: workload, at: [...CONTAINER, 'imagePullPolicy'] })), { kind: 'optional field', in: 'node', at: [...CNI_INSTALLER, 'imagePullPolicy'] }],
  },
  {
    name: 'imagePullSecrets', schema: types.references, default: [], says: 'Secrets by which the image is pulled: [{ name: NAME }].',
    changes: both((workload) => ({ kind: 'optional field', in: workload, at: [...POD, 'imagePullSecrets'] })),
  },
  {
    name: 'resourcePrefix', schema: types.resourcePrefix, default: 'openshift.io', says: 'Prefix of the resources that VFs are advertised as; openshift.io is the Go operator\'s.',
    changes: both((workload) => ({ kind: 'argument', in: workload, flag: '--resource-prefix', unless: 'openshift.io' })),
  },
  { name: 'operator.replicas', schema: { type: 'integer', minimum: 0, maximum: 9 }, says: 'One leads; all answer admission.', changes: [{ kind: 'field', in: 'operator', at: ['spec', 'replicas'] }] },
  ...(['operator', 'node'] as const).flatMap((workload): readonly Choice[] => [
    { name: `${workload}.logLevel`, schema: { type: 'string', enum: ['debug', 'info', 'warn', 'error'] }, default: 'info', says: 'What is logged: debug, info, warn or error.', changes: [{ kind: 'argument', in: workload, flag: '--log-level', unless: 'info' }] },
    { name: `${workload}.resources`, schema: types.resources, says: 'Requests and limits.', changes: [{ kind: 'field', in: workload, at: [...CONTAINER, 'resources'] }] },
    workload === 'operator'
      ? { name: 'operator.nodeSelector', schema: types.labels, default: {}, says: 'Labels of the nodes that it runs on.', changes: [{ kind: 'optional field', in: 'operator', at: [...POD, 'nodeSelector'] }] }
      : { name: 'node.nodeSelector', schema: types.labels, says: 'Labels of the nodes that it runs on. Which nodes have their NICs configured is said by configDaemonNodeSelector of the operatorConfig.', changes: [{ kind: 'field', in: 'node', at: [...POD, 'nodeSelector'] }] },
    { name: `${workload}.tolerations`, schema: types.tolerations, says: 'Taints that do not keep it away.', changes: [{ kind: 'field', in: workload, at: [...POD, 'tolerations'] }] },
    { name: `${workload}.affinity`, schema: types.anything, default: {}, says: 'An Affinity, as pods have it.', changes: [{ kind: 'optional field', in: workload, at: [...POD, 'affinity'] }] },
    { name: `${workload}.priorityClassName`, schema: types.name, says: 'Its priority; system-* classes are allowed outside of kube-system by clusters that are set up as usual.', changes: [{ kind: 'field', in: workload, at: [...POD, 'priorityClassName'] }] },
    workload === 'operator'
      ? { name: 'operator.podAnnotations', schema: types.labels, default: {}, says: 'Annotations of its pods.', changes: [{ kind: 'optional field', in: 'operator', at: ANNOTATIONS }] }
      : { name: 'node.podAnnotations', schema: types.labels, says: 'Annotations of its pods. Those that are there by default say to API servers before 1.30 what securityContext.appArmorProfile says to later ones.', changes: [{ kind: 'field', in: 'node', at: ANNOTATIONS }] },
  ]),
  { name: 'node.maxSurge', schema: types.countOrPercent, says: 'How many nodes at once have a second daemon, which takes over from the first. Pods keep their VFs, and new ones get theirs, meanwhile.', changes: [{ kind: 'field', in: 'node', at: ['spec', 'updateStrategy', 'rollingUpdate', 'maxSurge'] }] },
  { name: 'node.useCdi', schema: { type: 'boolean' }, default: false, says: 'Hand device files over by the Container Device Interface (containerd 1.7 or newer).', changes: [{ kind: 'item', in: 'node', at: ARGUMENTS, item: '--use-cdi' }] },
  {
    name: 'node.withoutMultus', schema: { type: 'boolean' }, default: false,
    says: 'For clusters without Multus: put vfleet in front of the cluster\'s network, so that it gives pods the networks of their annotations. The daemon then runs the\nplugins of that network, and has more capabilities for it (docs/reference/node-rights.md).',
    changes: [
      { kind: 'item', in: 'node', at: [...CNI_INSTALLER, 'args'], item: '--cluster-network=wrap' },
      ...capabilitiesOf('node', 'withoutMultus').map((item): Change => ({ kind: 'item', in: 'node', at: [...CONTAINER, 'securityContext', 'capabilities', 'add'], item })),
      ...volumeMountsOf('cni', 'withoutMultus').map((item): Change => ({ kind: 'item', in: 'node', at: [...CNI_INSTALLER, 'volumeMounts'], item })),
      ...volumesGiven('withoutMultus').map((item): Change => ({ kind: 'item', in: 'node', at: [...POD, 'volumes'], item })),
    ],
  },
  {
    name: 'node.privileged', schema: { type: 'boolean' }, says: 'Give the daemon everything instead of the rights of docs/reference/node-rights.md: for plugins of the cluster\'s network that need devices or system calls beyond them, which it\nruns with node.withoutMultus, and where something turns out to be missing.',
    changes: [{ kind: 'field', in: 'node', at: [...CONTAINER, 'securityContext', 'privileged'] }],
  },
  {
    name: 'node.ownNodeOnly', schema: { type: 'boolean' }, default: false, says: 'Hold each daemon to the objects of its own node, by a ValidatingAdmissionPolicy on the node in its token\'s claims: Kubernetes 1.30 or newer (docs/security.md).',
    changes: [],
  },
  {
    name: 'simulated.fleet', schema: fleetFileSchema.json, default: {}, says: 'Simulated NICs in the place of the nodes\' own: a fleet (docs/reference/fleet.md) with a node of the name of each node of the cluster, or one for all.\nFor demos and tests: VFs of these NICs are no hardware.',
    changes: [
      { kind: 'item', in: 'node', at: ARGUMENTS, item: `--fleet=${FLEET_FOLDER}/fleet.yaml` },
      { kind: 'item', in: 'node', at: [...CONTAINER, 'volumeMounts'], item: { name: 'simulated', mountPath: FLEET_FOLDER, readOnly: true } },
      { kind: 'item', in: 'node', at: [...POD, 'volumes'], item: { name: 'simulated', configMap: { name: FLEET_CONFIG_MAP } } },
    ],
  },
  { name: 'simulated.standIns', schema: { type: 'boolean' }, default: false, says: 'Back simulated VFs by veth interfaces of the node, so that pods pass traffic. Only with simulated.fleet.', changes: [{ kind: 'item', in: 'node', at: ARGUMENTS, item: '--stand-ins' }] },
  { name: 'certManager.enabled', schema: { type: 'boolean' }, default: false, says: 'Have cert-manager (cert-manager.io/v1, which must be there) issue the certificates of the webhooks. Without it the operator does.', changes: [{ kind: 'item', in: 'operator', at: ARGUMENTS, item: '--webhook-certificates=provided' }] },
  { name: 'monitoring.enabled', schema: { type: 'boolean' }, default: false, says: 'ServiceMonitors, alerts and a dashboard, for a cluster with the Prometheus operator and Grafana\'s sidecar.', changes: [] },
  {
    name: 'operatorConfig', schema: operatorConfigSpecSchema.json, default: {}, says: 'Spec of the SriovOperatorConfig `default` (docs/reference/crds.md), feature gates among it. Empty: the operator makes one by itself, once, and it is yours to\nedit. Set: this one, which goes with the release; one that is there already has to be deleted first, because helm does not change what it has not made.',
    changes: [],
  },
  { name: 'cleanUp', schema: { type: 'boolean' }, default: true, says: 'Run a Job after `helm uninstall` that removes what the operator made by itself, first of all the webhook configurations: while these are there and the operator\nis not, no pod can be created. Custom resources stay, without finalizers.', changes: [] },
];
