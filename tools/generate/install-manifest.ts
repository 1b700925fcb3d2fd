import { DEFAULT_OPERATOR_NAMESPACE } from '@vfleet/core';
import { certManagerObjects } from '@vfleet/controllers/installation/cert-manager.ts';
import { installationObjects } from '@vfleet/controllers/installation/manifest.ts';
import { stringify } from 'yaml';
import { VFLEET_VERSION } from '../../packages/cli/src/version.ts';
import type { Generator } from './generator.ts';

const HEADER = '# Written by `npm run generate` from packages/controllers/src/installation: change it there.\n';

/** deploy/install.yaml: everything that an administrator applies; deploy/cert-manager.yaml: for those who have certificates issued there. */
export const installManifest: Generator = {
  name: 'install manifest',
  outputs: () => new Map([
    ['deploy/install.yaml', HEADER + documents(installationObjects({ namespace: DEFAULT_OPERATOR_NAMESPACE, image: `vfleet:${VFLEET_VERSION}` }))],
    ['deploy/cert-manager.yaml', HEADER + documents(certManagerObjects(DEFAULT_OPERATOR_NAMESPACE))],
  ]),
};

/** Written for readers of YAML 1.1 too, as kubectl is one. */
export function documents(objects: readonly object[]): string {
  return objects.map((object) => stringify(object, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false })).join('---\n');
}
