import type { CustomResourceDefinition } from '@vfleet/kube';
import { customResourceDefinitions, networkAttachmentDefinitionCrd } from '@vfleet/kube';
import { stringify } from 'yaml';
import type { Generator } from './generator.ts';

const HEADER = '# Written by `npm run generate` from packages/core/src/api: change it there.\n';

/** deploy/crds: one manifest a kind. The one that Multus may own is kept apart, so that `kubectl apply -f deploy/crds` leaves it alone. */
export const crdManifests: Generator = {
  name: 'CRD manifests',
  folders: ['deploy/crds', 'deploy/crds/optional'],
  outputs: () => new Map([
    ...customResourceDefinitions().map((definition) => manifest('deploy/crds', definition)),
    manifest('deploy/crds/optional', networkAttachmentDefinitionCrd()),
  ]),
};

/** Written for readers of YAML 1.1 too, as kubectl is one: there a bare `on` is a boolean. */
function manifest(folder: string, definition: CustomResourceDefinition): readonly [path: string, text: string] {
  const { group, names } = definition.spec;
  return [`${folder}/${group}_${names.plural}.yaml`, HEADER + stringify(definition, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false })];
}
