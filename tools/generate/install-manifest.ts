import { DEFAULT_OPERATOR_NAMESPACE } from '@vfleet/core';
import { certManagerObjects } from '@vfleet/controllers/installation/cert-manager.ts';
import { installationObjects } from '@vfleet/controllers/installation/manifest.ts';
import { ownNodePolicy } from '@vfleet/controllers/installation/own-node-policy.ts';
import { nodeDaemonSet, nodeRemoval } from '@vfleet/controllers/installation/workloads.ts';
import type { InstallationSettings } from '@vfleet/controllers/installation/workloads.ts';
import { stringify } from 'yaml';
import { VFLEET_VERSION } from '../../packages/cli/src/version.ts';
import { get, listAt } from './chart/chart-objects.ts';
import { FLEET_CONFIG_MAP, choices } from './chart/choices.ts';
import type { Path } from './chart/choices.ts';
import type { Generator } from './generator.ts';

const HEADER = '# Written by `npm run generate` from packages/controllers/src/installation: change it there.\n';

/**
 * deploy/install.yaml: everything that an administrator applies; deploy/cert-manager.yaml: for those who have certificates issued there; deploy/own-node-policy.yaml: holds each
 * daemon to its own node; deploy/node-removal.yaml: takes
 * vfleet off the nodes; deploy/demo.yaml: the installation on simulated NICs for a cluster without Multus; deploy/patches: the same changes of the DaemonSet one by one, and
 * deploy/simulated-fleet.yaml: the NICs. They change what the chart's values change.
 */
export const installManifest: Generator = {
  name: 'install manifest',
  outputs: () => new Map([
    ['deploy/install.yaml', HEADER + documents(installationObjects({ namespace: DEFAULT_OPERATOR_NAMESPACE, image: `vfleet:${VFLEET_VERSION}` }))],
    ['deploy/node-removal.yaml', HEADER + documents([nodeRemoval(`vfleet:${VFLEET_VERSION}`)])],
    ['deploy/demo.yaml', HEADER + documents(demoObjects({ namespace: DEFAULT_OPERATOR_NAMESPACE, image: `vfleet:${VFLEET_VERSION}` }))],
    ['deploy/simulated-fleet.yaml', HEADER + documents([demoFleet(DEFAULT_OPERATOR_NAMESPACE)])],
    ['deploy/patches/without-multus.json', patch('node.withoutMultus')],
    ['deploy/patches/simulated.json', patch('simulated.fleet', 'simulated.standIns')],
    ['deploy/own-node-policy.yaml', HEADER + documents(ownNodePolicy(DEFAULT_OPERATOR_NAMESPACE))],
    ['deploy/cert-manager.yaml', HEADER + documents(certManagerObjects(DEFAULT_OPERATOR_NAMESPACE))],
  ]),
};

/** Two ports of the NIC of the article in examples/sriov-operator-article, on every node of whatever name. */
const DEMO_FLEET = `nodes:
  - name: every-node
    pfs:
      - { personality: E810-CQDA2, pciAddress: "0000:81:00.0", name: ens801f0 }
      - { personality: E810-CQDA2, pciAddress: "0000:81:00.1", name: ens801f1 }
`;

function demoFleet(namespace: string): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: FLEET_CONFIG_MAP, namespace }, data: { 'fleet.yaml': DEMO_FLEET } };
}

/** The installation, with simulated NICs whose VFs are interfaces of the nodes, for a cluster without Multus. */
function demoObjects(settings: InstallationSettings): readonly object[] {
  const daemonSet = structuredClone(nodeDaemonSet(settings));
  for (const { at, item } of itemsOf('simulated.fleet', 'simulated.standIns', 'node.withoutMultus')) {
    const list = listAt(daemonSet, at);
    // Where a strategic merge patch puts it: then the patches make the same of the installation.
    if (typeof item === 'object') list.unshift(item);
    else list.push(item);
  }
  return [...installationObjects(settings).filter((object) => !('kind' in object && object.kind === 'DaemonSet')), demoFleet(settings.namespace), daemonSet];
}

/**
 * What values of the chart add to the DaemonSet, as a strategic merge patch, which may be applied any number of times: by `kubectl patch`, or in a kustomization, for
 * which it says whom it is for. A `kubectl apply` of the manifest alone takes it back.
 */
function patch(...values: readonly string[]): string {
  const daemonSet = nodeDaemonSet({ namespace: DEFAULT_OPERATOR_NAMESPACE, image: '' });
  const whom = { apiVersion: get(daemonSet, ['apiVersion']), kind: get(daemonSet, ['kind']), metadata: { name: get(daemonSet, ['metadata', 'name']), namespace: DEFAULT_OPERATOR_NAMESPACE } };
  return `${JSON.stringify(itemsOf(...values).reduce<unknown>((made, { at, item }) => withItem(made, daemonSet, at, item), whom), null, 2)}\n`;
}

/** A patch of `from` with one more item in the list at `at`. What has a name is merged by it; other lists are replaced as a whole. */
function withItem(patch: unknown, from: unknown, at: Path, item: unknown): unknown {
  const [step, ...rest] = at;
  if (step === undefined) return [...((patch ?? (typeof item === 'object' ? [] : from)) as readonly unknown[]), item];
  const below = get(from, [step]);
  if (typeof step === 'string') return { ...(patch as object | undefined), [step]: withItem(get(patch, [step]), below, rest, item) };
  const [items, name] = [(patch ?? []) as readonly object[], get(below, ['name'])];
  const before = items.find((one) => get(one, ['name']) === name);
  return [...items.filter((one) => one !== before), withItem(before ?? { name }, below, rest, item)];
}

function itemsOf(...names: readonly string[]) {
  return choices.filter(({ name }) => names.includes(name)).flatMap(({ changes }) => changes.flatMap((change) => (change.kind === 'item' && change.in === 'node' ? [change] : [])));
}

/** Written for readers of YAML 1.1 too, as kubectl is one. */
export function documents(objects: readonly object[]): string {
  return objects.map((object) => stringify(object, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false })).join('---\n');
}
