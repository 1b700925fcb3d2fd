import { DEFAULT_OPERATOR_NAMESPACE } from '@vfleet/core';
import { certManagerObjects } from '@vfleet/controllers/installation/cert-manager.ts';
import { installationObjects } from '@vfleet/controllers/installation/manifest.ts';
import { nodeDaemonSet, nodeRemoval } from '@vfleet/controllers/installation/workloads.ts';
import type { InstallationSettings } from '@vfleet/controllers/installation/workloads.ts';
import { stringify } from 'yaml';
import { VFLEET_VERSION } from '../../packages/cli/src/version.ts';
import { get, listAt } from './chart/chart-objects.ts';
import { FLEET_CONFIG_MAP, choices } from './chart/choices.ts';
import type { Generator } from './generator.ts';

const HEADER = '# Written by `npm run generate` from packages/controllers/src/installation: change it there.\n';

/**
 * deploy/install.yaml: everything that an administrator applies; deploy/cert-manager.yaml: for those who have certificates issued there; deploy/node-removal.yaml: takes
 * vfleet off the nodes; deploy/demo.yaml: the installation on simulated NICs; deploy/patches: changes of the DaemonSet. They change what the chart's values change.
 */
export const installManifest: Generator = {
  name: 'install manifest',
  outputs: () => new Map([
    ['deploy/install.yaml', HEADER + documents(installationObjects({ namespace: DEFAULT_OPERATOR_NAMESPACE, image: `vfleet:${VFLEET_VERSION}` }))],
    ['deploy/node-removal.yaml', HEADER + documents([nodeRemoval(`vfleet:${VFLEET_VERSION}`)])],
    ['deploy/demo.yaml', HEADER + documents(demoObjects({ namespace: DEFAULT_OPERATOR_NAMESPACE, image: `vfleet:${VFLEET_VERSION}` }))],
    ['deploy/patches/without-multus.json', patch('node.withoutMultus')],
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

/** The installation, with simulated NICs whose VFs are interfaces of the nodes, for a cluster without Multus. */
function demoObjects(settings: InstallationSettings): readonly object[] {
  const fleet = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: FLEET_CONFIG_MAP, namespace: settings.namespace }, data: { 'fleet.yaml': DEMO_FLEET } };
  const daemonSet = structuredClone(nodeDaemonSet(settings));
  for (const { at, item } of itemsOf('simulated.fleet', 'simulated.standIns', 'node.withoutMultus')) listAt(daemonSet, at).push(item);
  return [...installationObjects(settings).filter((object) => !('kind' in object && object.kind === 'DaemonSet')), fleet, daemonSet];
}

/**
 * What a value of the chart adds to the arguments of the CNI installer, as a strategic merge patch, which may be applied any number of times. A `kubectl apply` of
 * the manifest takes it back.
 */
function patch(value: string): string {
  const initContainers = itemsOf(value).map(({ at, item }) => {
    const daemonSet = nodeDaemonSet({ namespace: DEFAULT_OPERATOR_NAMESPACE, image: '' });
    return { name: get(daemonSet, [...at.slice(0, -1), 'name']), args: [...listAt(daemonSet, at), item] };
  });
  return `${JSON.stringify({ spec: { template: { spec: { initContainers } } } }, null, 2)}\n`;
}

function itemsOf(...names: readonly string[]) {
  return choices.filter(({ name }) => names.includes(name)).flatMap(({ changes }) => changes.flatMap((change) => (change.kind === 'item' && change.in === 'node' ? [change] : [])));
}

/** Written for readers of YAML 1.1 too, as kubectl is one. */
export function documents(objects: readonly object[]): string {
  return objects.map((object) => stringify(object, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false })).join('---\n');
}
