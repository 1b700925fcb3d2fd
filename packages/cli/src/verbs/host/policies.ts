import type { InterfaceStatus, KubeObject, NamedPolicy, NodePolicySpec } from '@vfleet/core';
import { defaultNodePolicy, nodePolicySpecSchema, rejectionText, reviewNodePolicy } from '@vfleet/core';
import { compileSchema } from '@vfleet/kube-sim/schema/structural.ts';
import { validateValue } from '@vfleet/kube-sim/schema/validate.ts';
import { CliFailure } from '../../failure.ts';
import { readManifests } from '../../manifests.ts';

const KIND = 'SriovNetworkNodePolicy';

/** The node policies of manifest files, checked as an API server would; other kinds in them are passed over. */
export function readPolicies(paths: readonly string[]): readonly NamedPolicy[] {
  const policies = paths.flatMap((path) => readManifests(path).filter(({ kind }) => kind === KIND).map((object) => policyOf(object, path)));
  if (policies.length === 0) throw new CliFailure(`${paths.join(', ')} holds no ${KIND}`, 'Give a manifest with at least one; `vfleet host reset` removes what policies made.');
  return policies;
}

function policyOf(object: KubeObject, path: string): NamedPolicy {
  const { name } = object.metadata;
  const spec = 'spec' in object ? object.spec : undefined;
  const errors = validateValue(spec, compileSchema(nodePolicySpecSchema.json), 'spec');
  if (errors.length > 0) throw new CliFailure(`${path}: policy ${name}: ${errors.map((error) => `${error.field}: ${error.body}`).join('; ')}`, 'The fields of a policy are in docs/reference/crds.md.');
  // Checked against the schema that the type is inferred from. Which nodes a policy is for does not matter on one host.
  return { name, spec: { ...defaultNodePolicy(spec as NodePolicySpec), nodeSelector: {} } };
}

/** Refuses policies that mean nothing on this host; gives the warnings. */
export function reviewPolicies(policies: readonly NamedPolicy[], interfaces: readonly InterfaceStatus[]): readonly string[] {
  return policies.flatMap((policy) => {
    const review = reviewNodePolicy(
      { ...policy, namespace: 'host' },
      { operatorNamespace: 'host', nodes: [{ name: 'this host', labels: {}, interfaces }], policies: policies.filter((other) => other !== policy), devMode: true },
    );
    if (review.rejections.length > 0) throw new CliFailure(`policy ${policy.name}: ${rejectionText(review)}`, '`vfleet host discover` shows what this host has.');
    return review.warnings.map((warning) => `policy ${policy.name}: ${warning.cause}; ${warning.remedy}`);
  });
}
