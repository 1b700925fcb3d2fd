import { customResourceDefinitions } from '@vfleet/kube';
import { stringify } from 'yaml';
import { VFLEET_VERSION } from '../../../packages/cli/src/version.ts';
import type { Generator } from '../generator.ts';
import { HELPERS, templates } from './templates.ts';
import { valuesFile, valuesSchema } from './values-file.ts';

const FOLDER = 'deploy/chart/vfleet';
const HEADER = '# Written by `npm run generate` from packages/controllers/src/installation and tools/generate/chart: change it there.\n';

const CHART = {
  apiVersion: 'v2', name: 'vfleet', type: 'application', version: VFLEET_VERSION, appVersion: VFLEET_VERSION, kubeVersion: '>=1.28.0-0',
  description: 'An SR-IOV and kernel-bypass networking operator for Kubernetes, whose every part also runs without a NIC',
  keywords: ['sriov', 'networking', 'device-plugin', 'cni'],
};

const NOTES = `vfleet {{ .Chart.AppVersion }} is in the namespace {{ include "vfleet.namespace" . }}.

  kubectl -n {{ include "vfleet.namespace" . }} get pods
  kubectl -n {{ include "vfleet.namespace" . }} get sriovnetworknodestates
{{ if .Values.simulated.fleet }}
NICs are simulated: VFs are {{ if .Values.simulated.standIns }}veth interfaces{{ else }}records, and pass no traffic{{ end }}.
{{ end }}
The CRDs came from the chart's folder crds, which helm upgrade leaves as it is. Before an upgrade:

  helm show crds CHART | kubectl apply --server-side --force-conflicts -f -

helm uninstall keeps the CRDs and the custom resources of their kinds{{ if .Values.cleanUp }}, and removes the webhook configurations by a Job{{ else }}. Without cleanUp it also keeps the
webhook configurations, and no pod can be created until they are deleted{{ end }}.
`;

/** deploy/chart/vfleet: what deploy/install.yaml has, with values. */
export const chart: Generator = {
  name: 'chart',
  folders: [FOLDER, `${FOLDER}/templates`, `${FOLDER}/crds`],
  outputs: () => new Map([
    [`${FOLDER}/Chart.yaml`, HEADER + yaml(CHART)],
    [`${FOLDER}/values.yaml`, valuesFile(HEADER)],
    [`${FOLDER}/values.schema.json`, `${JSON.stringify(valuesSchema(), null, 1)}\n`],
    [`${FOLDER}/templates/_helpers.tpl`, HELPERS],
    [`${FOLDER}/templates/NOTES.txt`, NOTES],
    ...[...templates(HEADER)].map(([path, text]): [string, string] => [`${FOLDER}/${path}`, text]),
    // In this folder helm installs them first, and never deletes them: with them would go everything of their kinds. `helm show crds` prints
    // one file after the other as they are.
    ...customResourceDefinitions().map((definition): [string, string] => [`${FOLDER}/crds/${definition.spec.names.plural}.yaml`, `${HEADER}---\n${yaml(definition)}`]),
  ]),
};

function yaml(object: object): string {
  return stringify(object, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });
}
