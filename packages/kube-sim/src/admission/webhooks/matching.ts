import { matchesLabels } from '@vfleet/kube/selectors/index.ts';
import { forbiddenError, notFoundError } from '../../errors/status.ts';
import { aggregate } from '../../errors/field-error.ts';
import type { ResourceDefinition } from '../../registry/definition.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Store } from '../../store/store.ts';
import type { ApiObject } from '../../values/json.ts';
import type { AdmissionRequest } from '../admission.ts';
import { evaluateConditions } from './conditions.ts';
import type { Webhook, WebhookRule } from './configuration.ts';
import { admissionRequest } from './review.ts';

/** A webhook that is to be called, with the version of the resource that it asked for. */
export interface Invocation {
  readonly webhook: Webhook;
  readonly resource: ResourceDefinition;
}

const NAMESPACES = { group: '', plural: 'namespaces' };

/** Undefined when a request is none of the webhook's business (apiserver pkg/admission/plugin/webhook/generic, ShouldCallHook). */
export function invocationOf(webhook: Webhook, request: AdmissionRequest, store: Store, registry: Registry): Invocation | undefined {
  const namespace = namespaceMatch(webhook, request, store);
  if (namespace === 'no' || !matchesObject(webhook, request)) return undefined;
  const resource = matchingResource(webhook, request, registry);
  if (resource === undefined) return undefined;
  // Only a request that the webhook is for is refused because its namespace is missing.
  if (namespace === 'missing') throw notFoundError(NAMESPACES, request.namespace ?? '');
  const conditions = webhook.conditions();
  if (conditions.length > 0) {
    const { object, oldObject, ...rest } = admissionRequest('', request, resource);
    const match = evaluateConditions(conditions, { request: rest, object, oldObject });
    if (match.errors !== undefined) {
      if (webhook.spec.failurePolicy === 'Ignore') return undefined;
      throw forbiddenError(request.resource, request.name, aggregate(match.errors));
    }
    if (!match.matches) return undefined;
  }
  return { webhook, resource };
}

function isNamespace({ group, plural }: ResourceDefinition): boolean {
  return group === '' && plural === 'namespaces';
}

function namespaceMatch({ namespaceSelector }: Webhook, request: AdmissionRequest, store: Store): 'yes' | 'no' | 'missing' {
  const { resource, subresource, operation, name, namespace = '', object } = request;
  if (namespaceSelector.length === 0 || (namespace === '' && !isNamespace(resource))) return 'yes';
  const isOwnObject = isNamespace(resource) && subresource === '' && operation !== 'DELETE';
  const found = isOwnObject ? object : store.collection('namespaces').get(isNamespace(resource) ? name : namespace);
  if (found === undefined) return 'missing';
  return matchesLabels(namespaceSelector, found.metadata.labels) ? 'yes' : 'no';
}

function matchesObject({ objectSelector }: Webhook, { object, previous }: AdmissionRequest): boolean {
  if (objectSelector.length === 0) return true;
  const matches = (candidate: ApiObject | undefined) => candidate !== undefined && matchesLabels(objectSelector, candidate.metadata.labels);
  return matches(object) || matches(previous);
}

/** The resource of the request, or another version of it that a rule is for where the policy is Equivalent. */
function matchingResource({ spec: { rules = [], matchPolicy } }: Webhook, request: AdmissionRequest, registry: Registry): ResourceDefinition | undefined {
  if (rules.some((rule) => matchesRule(rule, request, request.resource))) return request.resource;
  if (matchPolicy === 'Exact') return undefined;
  const equivalents = registry.all().filter(({ storage }) => storage === request.resource.storage);
  for (const rule of rules) {
    const found = equivalents.find((candidate) => matchesRule(rule, request, candidate));
    if (found !== undefined) return found;
  }
  return undefined;
}

function matchesRule({ apiGroups = [], apiVersions = [], resources = [], operations = [], scope = '*' }: WebhookRule, { operation, subresource }: AdmissionRequest, resource: ResourceDefinition): boolean {
  if (scope === 'Namespaced' && !resource.namespaced) return false;
  if (scope === 'Cluster' && resource.namespaced) return false;
  return includes(apiGroups, resource.group) && includes(apiVersions, resource.version) && includes(operations, operation) && resources.some((said) => {
    const [plural, sub = ''] = said.split('/', 2) as [string, string?];
    return (plural === '*' || plural === resource.plural) && (sub === '*' || sub === subresource);
  });
}

function includes(said: readonly string[], wanted: string): boolean {
  return said.includes('*') || said.includes(wanted);
}
