import type { AdmissionNode, JsonValue, NamedPolicy, OperatorConfigSpec, Review, Schema, SupportedNic } from '@vfleet/core';
import {
  GROUP, conforms, defaultNodePolicy, nodePolicySpecSchema, operatorConfigSpecSchema, ovsNetworkSpecSchema, poolConfigSpecSchema, rejectionText, reviewNetwork, reviewNodePolicy,
  reviewOperatorConfig, reviewPoolConfig, schemaProblem, sriovIbNetworkSpecSchema, sriovNetworkSpecSchema,
} from '@vfleet/core';
import { equalJson } from '@vfleet/kube';
import { asObject } from '../json/fields.ts';
import { own } from '../json/own.ts';
import type { AdmissionAnswer, AdmissionRequest, JsonPatchOperation } from './review.ts';
import { allow, deny } from './review.ts';

/** What reviews of our own kinds need to know of the cluster. */
export interface FleetFacts {
  readonly operatorNamespace: string;
  /** Nodes that have a node state or could get one. */
  nodes(): readonly AdmissionNode[];
  policies(): readonly NamedPolicy[];
  supportedNics(): readonly SupportedNic[];
  nodesInProgress(): readonly string[];
  readonly devMode: boolean;
}

/** Fills in what a node policy leaves out. Anything else passes as it is. */
export function mutateCustomResource({ kind, group, operation, object }: AdmissionRequest): AdmissionAnswer {
  const spec = asObject(own(object, 'spec'));
  if (group !== GROUP || kind !== 'SriovNetworkNodePolicy' || operation === 'DELETE' || spec === undefined) return allow();
  // What the schema refuses is refused later, by the API server, in its own words.
  if (!conforms(nodePolicySpecSchema, spec)) return allow();
  const filled = defaultNodePolicy(spec);
  const patch: JsonPatchOperation[] = [];
  for (const name of ['priority', 'isRdma'] as const) {
    const value: JsonValue | undefined = filled[name];
    if (value !== undefined && spec[name] !== value) patch.push({ op: 'add', path: `/spec/${name}`, value });
  }
  return allow(patch);
}

/** Whether an object of ours may be stored, with the reasons node by node and NIC by NIC. */
export function validateCustomResource(request: AdmissionRequest, facts: FleetFacts): AdmissionAnswer {
  if (request.group !== GROUP || request.operation === 'DELETE' || request.operation === 'CONNECT') return allow();
  // A finalizer must come off whatever has become of the cluster since the object was stored.
  if (own(asObject(own(request.object, 'metadata')), 'deletionTimestamp') !== undefined) return allow();
  const review = reviewOf(request, facts);
  if (review === undefined) return allow();
  if (typeof review === 'string') return deny(422, review);
  const said = ({ field, cause, remedy }: Review['warnings'][number]) => `${field === undefined ? '' : `${field}: `}${cause}; ${remedy}`;
  const warnings = review.warnings.map(said);
  // What is stored already may be written again, with other labels or by somebody who applies it daily: the Go operator refuses less, and nodes come and go.
  if (isUnchanged(request)) return allow([], [...warnings, ...review.rejections.map(said)]);
  return review.rejections.length === 0 ? allow([], warnings) : deny(422, rejectionText(review), warnings);
}

function isUnchanged({ operation, object, oldObject }: AdmissionRequest): boolean {
  const [before, after] = [own(oldObject, 'spec'), own(object, 'spec')];
  return operation === 'UPDATE' && before !== undefined && after !== undefined && equalJson(before, after);
}

/** A text says why the object is not even of its kind's shape. Undefined for kinds that have no rules. */
function reviewOf({ kind, namespace, name, object, oldObject }: AdmissionRequest, facts: FleetFacts): Review | string | undefined {
  const spec = own(object, 'spec') ?? {};
  const reviewed = <Spec>(schema: Schema<Spec>, review: (spec: Spec) => Review): Review | string =>
    conforms(schema, spec) ? review(spec) : `spec${problemText(schema, spec)}`;
  switch (kind) {
    case 'SriovNetworkNodePolicy':
      return reviewed(nodePolicySpecSchema, (policy) =>
        reviewNodePolicy({ namespace, name, spec: policy }, { operatorNamespace: facts.operatorNamespace, nodes: facts.nodes(), policies: facts.policies(), supportedNics: facts.supportedNics(), devMode: facts.devMode }));
    case 'SriovNetworkPoolConfig': return reviewed(poolConfigSpecSchema, reviewPoolConfig);
    case 'SriovNetwork': return reviewed(sriovNetworkSpecSchema, (network) => reviewNetwork({ kind, namespace, name, spec: network }, facts));
    case 'SriovIBNetwork': return reviewed(sriovIbNetworkSpecSchema, (network) => reviewNetwork({ kind, namespace, name, spec: network }, facts));
    case 'OVSNetwork': return reviewed(ovsNetworkSpecSchema, (network) => reviewNetwork({ kind, namespace, name, spec: network }, facts));
    case 'SriovOperatorConfig': {
      const oldSpec = own(oldObject, 'spec');
      const old: OperatorConfigSpec | undefined = oldSpec !== undefined && conforms(operatorConfigSpecSchema, oldSpec) ? oldSpec : undefined;
      return reviewed(operatorConfigSpecSchema, (config) =>
        reviewOperatorConfig({ namespace, name, spec: config }, { operatorNamespace: facts.operatorNamespace, nodesInProgress: facts.nodesInProgress(), ...(old === undefined ? {} : { old }) }));
    }
    default: return undefined;
  }
}

function problemText(schema: Schema<unknown>, value: unknown): string {
  const problem = schemaProblem(schema.json, value);
  return problem === undefined ? '' : `${problem.path === '' ? '' : `.${problem.path}`} ${problem.cause}`;
}
