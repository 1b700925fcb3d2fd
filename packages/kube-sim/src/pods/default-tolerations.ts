import type { AdmissionPlugin } from '../admission/admission.ts';
import type { Toleration } from './taints.ts';

/** How long pods outlast a node that is not ready or does not answer, unless they say otherwise. */
const SECONDS = 300;
const KEYS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'] as const;

/** The API server's DefaultTolerationSeconds: every pod tolerates a lost node for five minutes (plugin/pkg/admission/defaulttolerationseconds). */
export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  admit({ operation, resource, subresource, object }) {
    if ((operation !== 'CREATE' && operation !== 'UPDATE') || resource.group !== '' || resource.plural !== 'pods' || subresource !== '' || object === undefined) return undefined;
    const spec = object['spec'];
    if (typeof spec !== 'object' || spec === null) return undefined;
    const said = 'tolerations' in spec && Array.isArray(spec.tolerations) ? (spec.tolerations as readonly Toleration[]) : [];
    const missing = KEYS.filter((key) => !said.some((toleration) => covers(toleration, key)));
    if (missing.length === 0) return undefined;
    const tolerations = [...said, ...missing.map((key) => Object.freeze({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: SECONDS }))];
    return Object.freeze({ ...object, spec: Object.freeze({ ...spec, tolerations: Object.freeze(tolerations) }) });
  },
};

function covers(toleration: Toleration, key: string): boolean {
  const { key: own = '', effect } = toleration;
  return (own === key || own === '') && (effect === undefined || (effect as string) === '' || effect === 'NoExecute');
}
