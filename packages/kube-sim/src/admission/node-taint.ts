import { arrayAt, isObject, objectAt, withFields } from '../values/json.ts';
import type { AdmissionPlugin } from './admission.ts';

const TAINT = Object.freeze({ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' });

/** The API server's TaintNodesByCondition: a new node takes no pods until the node life cycle controller has seen it ready. */
export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  admit({ operation, resource, subresource, object }) {
    if (operation !== 'CREATE' || resource.plural !== 'nodes' || resource.group !== '' || subresource !== '' || object === undefined) return undefined;
    const spec = objectAt(object, 'spec');
    const taints = arrayAt(spec, 'taints');
    if (taints.some((taint) => isObject(taint) && taint['key'] === TAINT.key && taint['effect'] === TAINT.effect)) return undefined;
    return withFields(object, { spec: withFields(spec, { taints: Object.freeze([...taints, TAINT]) }) });
  },
};
