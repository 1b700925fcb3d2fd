import { nodeStates, nodes, pods } from '@vfleet/kube';
import { componentNames } from './roles.ts';

/** What of each node's own the daemon writes, as {@link access} grants it: each belongs to one node. */
export const ownNodeWrites = [
  { resource: nodes, path: 'nodes' },
  { resource: pods, path: 'pods/status' },
  { resource: nodeStates, path: `${nodeStates.plural}/status` },
] as const;

const NAME = 'vfleet-own-node';
/** In the claims of tokens of pods that run (KEP-4193; feature ServiceAccountTokenPodNodeInfo, on from Kubernetes 1.30). */
const NODE_CLAIM = 'authentication.kubernetes.io/node-name';

/**
 * Holds each daemon to its own node, which RBAC cannot: a ValidatingAdmissionPolicy (admissionregistration.k8s.io/v1, Kubernetes 1.30 and newer) that compares the node in the token's
 * claims with that of the object. Of nodes and pods annotations are left to it, which is all that it writes there.
 */
export function ownNodePolicy(namespace: string): readonly object[] {
  const annotationsOnly = ['spec', 'status'].map((field) => `dyn(object).?${field} == dyn(oldObject).?${field}`)
    .concat(['labels', 'finalizers', 'ownerReferences'].map((field) => `dyn(object).metadata.?${field} == dyn(oldObject).metadata.?${field}`)).join(' && ');
  return [
    {
      apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingAdmissionPolicy', metadata: { name: NAME },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: { resourceRules: ownNodeWrites.map(({ resource: { group, version }, path }) => ({ apiGroups: [group], apiVersions: [version], operations: ['UPDATE'], resources: [path] })) },
        matchConditions: [{ name: 'by-the-daemon', expression: `request.userInfo.username == 'system:serviceaccount:${namespace}:${componentNames.node}'` }],
        variables: [
          { name: 'daemonsNode', expression: `request.userInfo.?extra[?'${NODE_CLAIM}'][0].orValue('')` },
          { name: 'objectsNode', expression: `request.resource.resource == '${pods.plural}' ? dyn(oldObject).spec.?nodeName.orValue('') : request.name` },
        ],
        validations: [
          { expression: 'variables.daemonsNode != \'\'', message: 'the token of the vfleet daemon names no node: it must be that of a running pod, and the API server that of Kubernetes 1.30 or newer', reason: 'Forbidden' },
          {
            expression: 'variables.daemonsNode == variables.objectsNode', message: 'the vfleet daemon may change objects of its own node only', reason: 'Forbidden',
            messageExpression: '\'the vfleet daemon of node \' + variables.daemonsNode + \' may not change \' + request.resource.resource + \' of node \' + string(variables.objectsNode)',
          },
          { expression: `request.resource.resource == '${nodeStates.plural}' || (${annotationsOnly})`, message: 'of nodes and pods the vfleet daemon may change annotations only', reason: 'Forbidden' },
        ],
      },
    },
    { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingAdmissionPolicyBinding', metadata: { name: NAME }, spec: { policyName: NAME, validationActions: ['Deny'] } },
  ];
}
