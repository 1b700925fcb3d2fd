import { ruleValidator, withRules } from '../cel/rules.ts';
import type { RuleValidator } from '../cel/rules.ts';
import { formatFieldError, invalid, required } from '../errors/field-error.ts';
import type { FieldError } from '../errors/field-error.ts';
import { validateObjectMeta } from '../registry/object-meta.ts';
import type { SchemaNode } from '../schema/structural.ts';
import { validateListTypes, validateValue } from '../schema/validate.ts';
import { getOwn, isObject } from '../values/json.ts';
import type { ApiObject, JsonObject } from '../values/json.ts';
import { dns1035LabelProblems, pathSegmentProblems, qualifiedNameProblems } from '../values/names.ts';
import type { CrdScale } from './crd-types.ts';
import { withoutRatcheted } from './ratcheting.ts';

const REPLICAS_MAX = 2_147_483_647;
const STANDARD_FINALIZERS: readonly string[] = ['kubernetes', 'orphan', 'foregroundDeletion'];

/** What custom resources of one version are validated by. */
export interface CustomRules {
  readonly kind: string;
  readonly node: SchemaNode;
  readonly scale: CrdScale | undefined;
  readonly rules: RuleValidator | undefined;
}

export function customRules(kind: string, node: SchemaNode, scale: CrdScale | undefined): CustomRules {
  return { kind, node, scale, rules: ruleValidator(node) };
}

/** All that is wrong with an object, in the real server's order (apiextensions-apiserver pkg/registry/customresource). `previous` on updates. */
export function customProblems(said: CustomRules, object: ApiObject, previous: ApiObject | undefined): readonly FieldError[] {
  const { node, rules } = said;
  const found = validateValue(object, node, '');
  const values = previous === undefined ? found : withoutRatcheted(found, object, previous);
  const errors = kindProblems(said, object) ?? [...values, ...scaleProblems(said, object, 'specReplicasPath'), ...scaleProblems(said, object, 'statusReplicasPath')];
  return withRules([...errors, ...embeddedProblems(object, node, ''), ...listProblems(said, object, previous)], rules, object, previous);
}

/** The same of a write to the status subresource: of the schema, only that of status counts. */
export function customStatusProblems(said: CustomRules, object: ApiObject, previous: ApiObject): readonly FieldError[] {
  const { node, rules } = said;
  const status = node.properties.get('status');
  const found = status === undefined || object['status'] === undefined ? [] : validateValue(object['status'], status, '');
  const values = withoutRatcheted(found.map(inStatus), object, previous);
  const errors = kindProblems(said, object) ?? [...values, ...scaleProblems(said, object, 'statusReplicasPath')];
  return withRules([...errors, ...listProblems(said, object, previous)], rules, object, previous);
}

function inStatus(error: FieldError): FieldError {
  return { ...error, field: error.field === '<nil>' ? 'status' : error.field.startsWith('[') ? `status${error.field}` : `status.${error.field}` };
}

function kindProblems({ kind }: CustomRules, object: ApiObject): readonly FieldError[] | undefined {
  return object.kind === kind ? undefined : [invalid('kind', object.kind, `must be ${kind}`)];
}

/** Lists that were wrong before may stay so. */
function listProblems({ node }: CustomRules, object: ApiObject, previous: ApiObject | undefined): readonly FieldError[] {
  return previous !== undefined && validateListTypes(previous, node, '').length > 0 ? [] : validateListTypes(object, node, '');
}

function scaleProblems({ scale }: CustomRules, object: ApiObject, which: 'specReplicasPath' | 'statusReplicasPath'): readonly FieldError[] {
  if (scale === undefined) return [];
  const path = scale[which];
  const found = nested(object, path, 'int64');
  if (found.problem !== undefined) return [invalid(path, 0, found.problem), ...selectorProblems(scale, object, which)];
  const { value } = found;
  if (typeof value !== 'number') return selectorProblems(scale, object, which);
  if (value < 0) return [invalid(path, value, 'should be a non-negative integer')];
  return value > REPLICAS_MAX ? [invalid(path, value, `should be less than or equal to ${REPLICAS_MAX}`)] : [];
}

function selectorProblems({ labelSelectorPath }: CrdScale, object: ApiObject, which: 'specReplicasPath' | 'statusReplicasPath'): readonly FieldError[] {
  if (labelSelectorPath === undefined || which === 'specReplicasPath') return [];
  const { problem } = nested(object, labelSelectorPath, 'string');
  return problem === undefined ? [] : [invalid(labelSelectorPath, '', problem)];
}

/** The value at a path, or what lies in the way (apimachinery unstructured.NestedInt64 and its like). */
function nested(object: ApiObject, path: string, expected: 'int64' | 'string'): { readonly value?: unknown; readonly problem?: string } {
  const steps = path.replace(/^\./, '').split('.');
  let at: unknown = object;
  for (const [index, step] of steps.entries()) {
    if (at === undefined || at === null) return {};
    if (!isObject(at)) return { problem: accessorProblem(steps.slice(0, index + 1), at, 'map[string]interface{}') };
    at = getOwn(at, step);
  }
  if (at === undefined || goTypeOf(at) === expected) return { value: at };
  return { problem: accessorProblem(steps, at, expected) };
}

function accessorProblem(steps: readonly string[], value: unknown, expected: string): string {
  return `.${steps.join('.')} accessor error: ${goText(value)} is of the type ${goTypeOf(value)}, expected ${expected}`;
}

function goTypeOf(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  return value === null ? '<nil>' : Array.isArray(value) ? '[]interface {}' : 'map[string]interface {}';
}

/** As Go's %v prints it. */
function goText(value: unknown): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  return isObject(value) ? `map[${Object.keys(value).sort().map((key) => `${key}:${goText(value[key])}`).join(' ')}]` : String(value);
}

/** Embedded objects have the type and metadata of objects (apiextensions-apiserver pkg/apiserver/schema/objectmeta). */
function embeddedProblems(value: unknown, node: SchemaNode, path: string): readonly FieldError[] {
  if (Array.isArray(value)) return node.items === undefined ? [] : value.flatMap((item, index) => embeddedProblems(item, node.items!, `${path}[${index}]`));
  if (!isObject(value)) return [];
  const own = node.isEmbeddedResource ? resourceProblems(value, path) : [];
  const below = Object.keys(value).flatMap((key) => {
    const property = node.properties.get(key);
    if (property !== undefined) return embeddedProblems(value[key], property, path === '' ? key : `${path}.${key}`);
    return typeof node.additional === 'object' ? embeddedProblems(value[key], node.additional, `${path}[${key}]`) : [];
  });
  return [...own, ...below];
}

function resourceProblems(value: JsonObject, path: string): readonly FieldError[] {
  const missing = ['apiVersion', 'kind'].filter((name) => getOwn(value, name) === undefined).map((name) => required(`${path}.${name}`));
  return [...missing, ...Object.keys(value).flatMap((key) => fieldProblems(key, value[key], path))];
}

function fieldProblems(key: string, said: unknown, path: string): readonly FieldError[] {
  const field = `${path}.${key}`;
  if (key === 'metadata') return metadataProblems(said, field);
  if (key !== 'apiVersion' && key !== 'kind') return [];
  if (typeof said !== 'string') return [invalid(field, said, 'must be a string')];
  if (said === '') return [invalid(field, said, 'must not be empty')];
  if (key === 'apiVersion') return said.split('/').length > 2 ? [invalid(field, said, `unexpected GroupVersion string: ${said}`)] : [];
  const problems = dns1035LabelProblems(said.toLowerCase());
  return problems.length === 0 ? [] : [invalid(field, said, `may have mixed case, but should otherwise match: ${problems.join(',')}`)];
}

function metadataProblems(said: unknown, field: string): readonly FieldError[] {
  if (!isObject(said)) return [];
  // The schema has found what is of a wrong type.
  const metadata = { ...(said as unknown as ApiObject['metadata']), ...(typeof said['name'] === 'string' && said['name'] !== '' ? {} : { name: 'unnamed' }) };
  const isNamespaced = typeof metadata.namespace === 'string' && metadata.namespace !== '';
  return validateObjectMeta(metadata, isNamespaced, pathSegmentProblems).map((error) => ({ ...error, field: error.field.replace(/^metadata/, field) }));
}

/** What a write that is taken is told: rules that it was forgiven to break, and finalizers that others might use too. */
export function customWarnings({ rules }: CustomRules, next: ApiObject, previous: ApiObject | undefined): readonly string[] {
  return [...(rules?.forgiven(next) ?? []).map(formatFieldError), ...finalizerWarnings(next, previous)];
}

/** Finalizers that others might use too are taken, with a warning, when they are new. */
function finalizerWarnings(next: ApiObject, previous: ApiObject | undefined): readonly string[] {
  const before = previous?.metadata.finalizers ?? [];
  return (next.metadata.finalizers ?? []).filter((name) => !before.includes(name)).sort().flatMap((name) => [
    ...qualifiedNameProblems(name).map((problem) => `metadata.finalizers: ${JSON.stringify(name)}: ${problem}`),
    ...(name.includes('/') || STANDARD_FINALIZERS.includes(name) ? [] : [`metadata.finalizers: ${JSON.stringify(name)}: prefer a domain-qualified finalizer name ${name.includes('.') ? 'including a path (/) ' : ''}to avoid accidental conflicts with other finalizer writers`]),
  ]);
}
