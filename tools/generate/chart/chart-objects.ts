import { certManagerObjects } from '@vfleet/controllers/installation/cert-manager.ts';
import { installationObjects } from '@vfleet/controllers/installation/manifest.ts';
import { ownNodePolicy } from '@vfleet/controllers/installation/own-node-policy.ts';
import { removalObjects } from '@vfleet/controllers/installation/removal-objects.ts';
import { monitoringObjects } from '@vfleet/controllers/observability/monitoring/monitoring-objects.ts';
import { GROUP, VERSION } from '@vfleet/core';
import { FLEET_CONFIG_MAP, choices } from './choices.ts';
import type { Path, Workload } from './choices.ts';

export type Values = Readonly<Record<string, unknown>>;
type Json = Record<string, unknown>;

/** A file of the chart's templates: objects, and while which value is not empty they are there. */
export interface Part {
  readonly file: string;
  readonly when?: string;
  readonly objects: readonly object[];
}

export interface Place {
  readonly namespace: string;
  readonly image: string;
}

/** What stands in an object where a template is to write a value: `value` is the value itself, the others are for data. */
export interface Marks {
  value(name: string): unknown;
  /** A text that holds the value as JSON. */
  json(name: string): unknown;
}

/** All that the chart may install, except for what its values change in the two workloads. CRDs are not among it: helm wants them in a folder of theirs. */
export function parts(place: Place, marks: Marks): readonly Part[] {
  const all = installationObjects(place).filter((object) => !isKind(object, 'CustomResourceDefinition'));
  const of = (...kinds: readonly string[]) => all.filter((object) => isKind(object, ...kinds));
  const rest = all.filter((object) => !isKind(object, 'Namespace', 'Deployment', 'DaemonSet', 'Service', 'ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'));
  return [
    // Deleted with the release, it would take the custom resources along, and leave no place for what cleans up.
    { file: 'namespace', when: 'namespace', objects: of('Namespace').map((object) => withAnnotations(object, KEPT)) },
    { file: 'access', objects: of('ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding') },
    { file: 'services', objects: of('Service') },
    { file: 'operator', objects: of('Deployment') },
    { file: 'node', objects: of('DaemonSet') },
    ...(rest.length === 0 ? [] : [{ file: 'more', objects: rest }]),
    { file: 'simulated-fleet', when: 'simulated.fleet', objects: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: FLEET_CONFIG_MAP, namespace: place.namespace }, data: { 'fleet.yaml': marks.json('simulated.fleet') } }] },
    { file: 'operator-config', when: 'operatorConfig', objects: [{ apiVersion: `${GROUP}/${VERSION}`, kind: 'SriovOperatorConfig', metadata: { name: 'default', namespace: place.namespace }, spec: marks.value('operatorConfig') }] },
    { file: 'own-node-policy', when: 'node.ownNodeOnly', objects: ownNodePolicy(place.namespace) },
    { file: 'cert-manager', when: 'certManager.enabled', objects: certManagerObjects(place.namespace) },
    { file: 'monitoring', when: 'monitoring.enabled', objects: monitoringObjects(place.namespace) },
    { file: 'clean-up', when: 'cleanUp', objects: removalObjects(place).map(asHook) },
  ];
}

/**
 * The objects that the chart has with these values, worked out without a template: what rendering it is compared with. Values are complete,
 * as values.yaml with the user's own over it.
 */
export function chartObjects(values: Values, place: Place): readonly object[] {
  const filled: Marks = { value: (name) => valueAt(values, name), json: (name) => JSON.stringify(valueAt(values, name)) };
  return parts(place, filled).flatMap(({ when, objects }) => (when !== undefined && isEmpty(valueAt(values, when)) ? [] : objects.map((object) => changed(object, values))));
}

function changed(object: object, values: Values): object {
  const workload = workloadOf(object);
  if (workload === undefined) return object;
  const copy = structuredClone(object) as Json;
  for (const { name, changes } of choices) {
    const value = valueAt(values, name);
    for (const change of changes) {
      if (change.in !== workload) continue;
      if (change.kind === 'field' || (change.kind === 'optional field' && !isEmpty(value))) put(copy, change.at, value);
      if (change.kind === 'argument' && value !== change.unless) listAt(copy, ARGUMENTS).push(`${change.flag}=${String(value)}`);
      if (change.kind === 'item' && !isEmpty(value)) listAt(copy, change.at).push(change.item);
    }
  }
  return copy;
}

export const ARGUMENTS: Path = ['spec', 'template', 'spec', 'containers', 0, 'args'];

export function workloadOf(object: object): Workload | undefined {
  return isKind(object, 'Deployment') ? 'operator' : isKind(object, 'DaemonSet') ? 'node' : undefined;
}

/** As Go's templates see it (text/template, "if"): false, 0, null, and what has no length. */
export function isEmpty(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === undefined || value === null || value === false || value === 0 || value === '';
}

export function valueAt(values: unknown, name: string): unknown {
  return get(values, name.split('.'));
}

export function get(from: unknown, path: Path): unknown {
  let found: unknown = from;
  for (const step of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as Json)[step];
  }
  return found;
}

export function put(into: Json, path: Path, value: unknown): void {
  const last = path.at(-1)!;
  (get(into, path.slice(0, -1)) as Json)[last] = value;
}

export function listAt(from: unknown, path: Path): unknown[] {
  const found = get(from, path);
  if (!Array.isArray(found)) throw new RangeError(`the installation has no list at ${path.join('.')}, which the chart adds to`);
  return found as unknown[];
}

function isKind(object: object, ...kinds: readonly string[]): boolean {
  return kinds.includes((object as { readonly kind: string }).kind);
}

const KEPT = { 'helm.sh/resource-policy': 'keep' };

/** Made when the rest is gone, accounts before what uses them; taken away again when the Job has done its work. */
function asHook(object: object): object {
  return withAnnotations(object, { 'helm.sh/hook': 'post-delete', 'helm.sh/hook-weight': isKind(object, 'Job') ? '1' : '0', 'helm.sh/hook-delete-policy': 'before-hook-creation,hook-succeeded' });
}

function withAnnotations(object: object, annotations: Readonly<Record<string, string>>): object {
  return { ...object, metadata: { ...(object as { readonly metadata: object }).metadata, annotations } };
}
