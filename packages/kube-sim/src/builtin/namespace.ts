import { dnsLabelProblems } from '../values/names.ts';
import { arrayAt, objectAt, withFields } from '../values/json.ts';
import type { ApiObject } from '../values/json.ts';
import { plainStrategy } from '../registry/strategies.ts';
import type { Strategy } from '../registry/strategy.ts';
import { validateFinalize, validateNamespace, validateNamespaceStatus } from './validation/namespace.ts';

const FINALIZER = 'kubernetes';
const NAME_LABEL = 'kubernetes.io/metadata.name';

/** Namespaces (kubernetes pkg/registry/core/namespace): a finalizer of their own in spec, emptied by the namespace controller. */
export const namespaceStrategy: Strategy = {
  ...plainStrategy,
  metaChecksOnUpdate: ['change'],
  returnsDeletedObject: true,
  heldDeletion: {
    begin: (namespace) => withFields(namespace, { status: withFields(objectAt(namespace, 'status'), { phase: 'Terminating' }) }),
    isHeld: (namespace) => arrayAt(namespace['spec'], 'finalizers').length > 0,
  },
  nameProblems: (name) => dnsLabelProblems(name),
  prepareForCreate: (namespace) => withNameLabel(withFields(namespace, { spec: { finalizers: withFinalizer(namespace) }, status: { phase: 'Active' } })),
  validateCreate: validateNamespace,
  prepareForUpdate: (next, previous) => withNameLabel(withFields(next, { spec: { finalizers: arrayAt(previous['spec'], 'finalizers') }, status: previous['status'] })),
};

export const namespaceStatusStrategy: Strategy = {
  ...plainStrategy,
  metaChecksOnUpdate: ['change'],
  nameProblems: (name) => dnsLabelProblems(name),
  prepareForUpdate: (next, previous) => withFields(next, { spec: previous['spec'] }),
  validateUpdate: validateNamespaceStatus,
};

/** PUT namespaces/NAME/finalize: the only way to change spec.finalizers. */
export const namespaceFinalizeStrategy: Strategy = {
  ...plainStrategy,
  metaChecksOnUpdate: ['change'],
  nameProblems: (name) => dnsLabelProblems(name),
  prepareForUpdate: (next, previous) => withFields(next, { status: previous['status'] }),
  validateUpdate: validateFinalize,
};

function withFinalizer(namespace: ApiObject): readonly unknown[] {
  const finalizers = arrayAt(namespace['spec'], 'finalizers');
  return finalizers.includes(FINALIZER) ? finalizers : [...finalizers, FINALIZER];
}

/** Every namespace carries its own name as a label (NamespaceDefaultLabelName), so that selectors can name it. */
function withNameLabel(namespace: ApiObject): ApiObject {
  const { name, labels } = namespace.metadata;
  if (name === undefined || labels?.[NAME_LABEL] === name) return namespace;
  return withFields(namespace, { metadata: withFields(objectAt(namespace, 'metadata'), { labels: { ...labels, [NAME_LABEL]: name } }) });
}
