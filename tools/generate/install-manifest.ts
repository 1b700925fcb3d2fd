import { DEFAULT_OPERATOR_NAMESPACE } from '@vfleet/core';
import { certManagerObjects } from '@vfleet/controllers/installation/cert-manager.ts';
import { installationObjects } from '@vfleet/controllers/installation/manifest.ts';
import { nodeRemoval } from '@vfleet/controllers/installation/workloads.ts';
import { stringify } from 'yaml';
import { VFLEET_VERSION } from '../../packages/cli/src/version.ts';
import { choices } from './chart/choices.ts';
import type { Generator } from './generator.ts';

const HEADER = '# Written by `npm run generate` from packages/controllers/src/installation: change it there.\n';

/**
 * deploy/install.yaml: everything that an administrator applies; deploy/cert-manager.yaml: for those who have certificates issued there; deploy/node-removal.yaml: takes
 * vfleet off the nodes. deploy/patches: JSON patches (RFC 6902) of the DaemonSet, the same changes as the chart's values make.
 */
export const installManifest: Generator = {
  name: 'install manifest',
  outputs: () => new Map([
    ['deploy/install.yaml', HEADER + documents(installationObjects({ namespace: DEFAULT_OPERATOR_NAMESPACE, image: `vfleet:${VFLEET_VERSION}` }))],
    ['deploy/node-removal.yaml', HEADER + documents([nodeRemoval(`vfleet:${VFLEET_VERSION}`)])],
    ['deploy/patches/simulated-nics.json', patch('simulated.fleet', 'simulated.standIns')],
    ['deploy/patches/without-multus.json', patch('node.withoutMultus')],
    ['deploy/cert-manager.yaml', HEADER + documents(certManagerObjects(DEFAULT_OPERATOR_NAMESPACE))],
  ]),
};

/** What values of the chart add to lists of the DaemonSet. */
function patch(...names: readonly string[]): string {
  const operations = choices.filter(({ name }) => names.includes(name)).flatMap(({ changes }) => changes.flatMap((change) => (change.kind === 'item' && change.in === 'node' ? [{ op: 'add', path: `/${change.at.join('/')}/-`, value: change.item }] : [])));
  return `${JSON.stringify(operations, null, 2)}\n`;
}

/** Written for readers of YAML 1.1 too, as kubectl is one. */
export function documents(objects: readonly object[]): string {
  return objects.map((object) => stringify(object, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false })).join('---\n');
}
