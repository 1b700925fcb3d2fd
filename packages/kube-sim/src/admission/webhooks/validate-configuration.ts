import { duplicate, forbiddenField, invalid, notSupported, required, tooMany } from '../../errors/field-error.ts';
import type { FieldError } from '../../errors/field-error.ts';
import { plainStrategy } from '../../registry/strategies.ts';
import type { Strategy } from '../../registry/strategy.ts';
import type { ApiObject } from '../../values/json.ts';
import { dns1035LabelProblems, dnsSubdomainProblems, labelValueProblems, qualifiedNameProblems } from '../../values/names.ts';
import type { LabelSelector } from '@vfleet/core';
import { isAbsent, validateClient } from './client-config.ts';
import { compileConditions } from './conditions.ts';
import type { MatchCondition } from './conditions.ts';
import type { WebhookConfiguration, WebhookRule, WebhookSpec } from './configuration.ts';

const REVIEW_VERSIONS: readonly string[] = ['v1', 'v1beta1'];
const SIDE_EFFECTS: readonly string[] = ['None', 'NoneOnDryRun'];
const OPERATIONS: readonly string[] = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const CONDITIONS_MAX = 64;

/** Webhook configurations (kubernetes pkg/apis/admissionregistration/validation). */
export const webhookStrategy: Strategy = {
  ...plainStrategy,
  hasGeneration: true,
  allowUnconditionalUpdate: false,
  metaChecksOnUpdate: ['whole'],
  needsQualifiedFinalizers: false,
  validateCreate: validateConfiguration,
  validateUpdate: validateConfiguration,
};

function validateConfiguration(object: ApiObject): readonly FieldError[] {
  // Decoded by the published schema, so its parts have their types.
  const { webhooks = [] } = object as unknown as WebhookConfiguration;
  const names = new Set<string>();
  return webhooks.flatMap((webhook, index) => {
    const field = `webhooks[${index}]`;
    const isTwice = webhook.name !== '' && names.has(webhook.name);
    names.add(webhook.name);
    return [...validateWebhook(webhook, field), ...validateVersions(webhook.admissionReviewVersions ?? [], `${field}.admissionReviewVersions`), ...(isTwice ? [duplicate(`${field}.name`, webhook.name)] : [])];
  });
}

function validateWebhook(webhook: WebhookSpec, field: string): readonly FieldError[] {
  const { failurePolicy, matchPolicy, sideEffects, timeoutSeconds, reinvocationPolicy } = webhook;
  const oneOf = (name: string, value: string | null | undefined, allowed: readonly string[]) => (isAbsent(value) || allowed.includes(value) ? [] : [notSupported(`${field}.${name}`, value, allowed)]);
  return [
    ...validateName(webhook.name, `${field}.name`),
    ...(webhook.rules ?? []).flatMap((rule, index) => validateRule(rule, `${field}.rules[${index}]`)),
    ...oneOf('failurePolicy', failurePolicy, ['Fail', 'Ignore']),
    ...oneOf('matchPolicy', matchPolicy, ['Equivalent', 'Exact']),
    ...(isAbsent(sideEffects) ? [required(`${field}.sideEffects`, `must specify one of ${SIDE_EFFECTS.join(', ')}`)] : oneOf('sideEffects', sideEffects, SIDE_EFFECTS)),
    ...(!isAbsent(timeoutSeconds) && (timeoutSeconds > 30 || timeoutSeconds < 1) ? [invalid(`${field}.timeoutSeconds`, timeoutSeconds, 'the timeout value must be between 1 and 30 seconds')] : []),
    ...validateSelector(webhook.namespaceSelector, `${field}.namespaceSelector`),
    ...validateSelector(webhook.objectSelector, `${field}.objectSelector`),
    ...oneOf('reinvocationPolicy', reinvocationPolicy, ['IfNeeded', 'Never']),
    ...validateClient(webhook.clientConfig, `${field}.clientConfig`),
    ...validateConditions(webhook.matchConditions ?? [], `${field}.matchConditions`),
  ];
}

function validateName(name: string, field: string): readonly FieldError[] {
  if (name === '') return [required(field)];
  const problems = dnsSubdomainProblems(name);
  if (problems.length > 0) return [invalid(field, name, problems.join(','))];
  return name.split('.').length < 3 ? [invalid(field, name, 'should be a domain with at least three segments separated by dots')] : [];
}

function validateVersions(versions: readonly string[], field: string): readonly FieldError[] {
  if (versions.length === 0) return [required(field, `must specify one of ${REVIEW_VERSIONS.join(', ')}`)];
  const errors = versions.flatMap((version, index) => (
    versions.indexOf(version) < index ? [invalid(`${field}[${index}]`, version, 'duplicate version')] : dns1035LabelProblems(version).map((problem) => invalid(`${field}[${index}]`, version, problem))
  ));
  return versions.some((version) => REVIEW_VERSIONS.includes(version)) ? errors : [...errors, invalid(field, versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`)];
}

function validateRule({ operations = [], apiGroups = [], apiVersions = [], resources = [], scope }: WebhookRule, field: string): readonly FieldError[] {
  const needed = (name: string, values: readonly string[], others: string) => [
    ...(values.length === 0 ? [required(`${field}.${name}`)] : []),
    ...(values.length > 1 && values.includes('*') ? [invalid(`${field}.${name}`, values, `if '*' is present, must not specify other ${others}`)] : []),
  ];
  return [
    ...needed('operations', operations, 'operations'),
    ...operations.flatMap((operation, index) => (OPERATIONS.includes(operation) ? [] : [notSupported(`${field}.operations[${index}]`, operation, OPERATIONS)])),
    ...needed('apiGroups', apiGroups, 'API groups'),
    ...needed('apiVersions', apiVersions, 'API versions'),
    ...apiVersions.flatMap((version, index) => (version === '' ? [required(`${field}.apiVersions[${index}]`)] : [])),
    ...validateResources(resources, `${field}.resources`),
    ...(scope === undefined || ['*', 'Cluster', 'Namespaced'].includes(scope) ? [] : [notSupported(`${field}.scope`, scope, ['*', 'Cluster', 'Namespaced'])]),
  ];
}

function validateResources(resources: readonly string[], field: string): readonly FieldError[] {
  if (resources.length === 0) return [required(field)];
  const errors: FieldError[] = [];
  const [wholeResources, wholeSubresources] = [new Set<string>(), new Set<string>()];
  let hasPlain = false;
  resources.forEach((said, index) => {
    if (said === '') return void errors.push(required(`${field}[${index}]`));
    const slash = said.indexOf('/');
    if (slash < 0) return void (hasPlain = said !== '*');
    const [resource, sub] = [said.slice(0, slash), said.slice(slash + 1)];
    if (wholeResources.has(resource)) errors.push(invalid(`${field}[${index}]`, said, `if '${resource}/*' is present, must not specify ${said}`));
    if (wholeSubresources.has(sub)) errors.push(invalid(`${field}[${index}]`, said, `if '*/${sub}' is present, must not specify ${said}`));
    if (sub === '*') wholeResources.add(resource);
    if (resource === '*') wholeSubresources.add(sub);
  });
  if (resources.length > 1 && resources.includes('*/*')) errors.push(invalid(field, resources, "if '*/*' is present, must not specify other resources"));
  if (resources.includes('*') && hasPlain) errors.push(invalid(field, resources, "if '*' is present, must not specify other resources without subresources"));
  return errors;
}

function validateSelector(selector: LabelSelector | undefined, field: string): readonly FieldError[] {
  const labels = Object.entries(selector?.matchLabels ?? {}).flatMap(([key, value]) => [
    ...qualifiedNameProblems(key).map((problem) => invalid(`${field}.matchLabels`, key, problem)),
    ...labelValueProblems(value).map((problem) => invalid(`${field}.matchLabels`, value, problem)),
  ]);
  return [...labels, ...(selector?.matchExpressions ?? []).flatMap((expression, index) => validateExpression(expression, `${field}.matchExpressions[${index}]`))];
}

function validateExpression({ key, operator, values = [] }: NonNullable<LabelSelector['matchExpressions']>[number], field: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0) errors.push(required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0) errors.push(forbiddenField(`${field}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  } else errors.push(invalid(`${field}.operator`, operator, 'not a valid selector operator'));
  errors.push(...qualifiedNameProblems(key).map((problem) => invalid(`${field}.key`, key, problem)));
  values.forEach((value, index) => errors.push(...labelValueProblems(value).map((problem) => invalid(`${field}.values[${index}]`, value, problem))));
  return errors;
}

function validateConditions(conditions: readonly MatchCondition[], field: string): readonly FieldError[] {
  const errors: FieldError[] = conditions.length > CONDITIONS_MAX ? [tooMany(field, conditions.length, CONDITIONS_MAX)] : [];
  const compiled = compileConditions(conditions.map(({ name, expression }) => ({ name, expression: expression.trim() })));
  compiled.forEach(({ condition: { name, expression }, error }, index) => {
    const at = `${field}[${index}]`;
    if (expression === '') errors.push(required(`${at}.expression`));
    else if (error !== undefined) errors.push(invalid(`${at}.expression`, expression, error));
    if (name === '') errors.push(required(`${at}.name`));
    else errors.push(...qualifiedNameProblems(name).map((problem) => invalid(`${at}.name`, name, problem)));
    if (name !== '' && conditions.findIndex((other) => other.name === name) < index) errors.push(duplicate(`${at}.name`, name));
  });
  return errors;
}
