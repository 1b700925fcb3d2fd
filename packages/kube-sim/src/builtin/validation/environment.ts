import { configKeyProblems, dnsSubdomainProblems, environmentNameProblems, qualifiedNameProblems } from '../../values/names.ts';
import type { Cursor } from './cursor.ts';

const FIELD_PATHS: readonly string[] = ['metadata.name', 'metadata.namespace', 'metadata.uid', 'spec.nodeName', 'spec.serviceAccountName', 'status.hostIP', 'status.hostIPs', 'status.podIP', 'status.podIPs'];
const RESOURCE_PATHS: readonly string[] = ['limits.cpu', 'limits.ephemeral-storage', 'limits.memory', 'requests.cpu', 'requests.ephemeral-storage', 'requests.memory'];
const CONVERTIBLE: readonly string[] = [...FIELD_PATHS, 'metadata.annotations', 'metadata.labels', 'spec.restartPolicy', 'spec.schedulerName', 'status.phase', 'spec.host'];

export function checkEnvironment(variables: Cursor): void {
  for (const variable of variables.items) {
    const name = variable.at('name');
    if (name.text === '') name.required();
    else name.check(environmentNameProblems);
    checkValueFrom(variable);
  }
}

const SOURCES = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef'] as const;

function checkValueFrom(variable: Cursor): void {
  const from = variable.at('valueFrom');
  if (!from.isSet) return;
  const found = SOURCES.filter((source) => from.at(source).isSet);
  if (from.at('fieldRef').isSet) checkFieldReference(from.at('fieldRef'), FIELD_PATHS);
  if (from.at('resourceFieldRef').isSet) checkResourceReference(from.at('resourceFieldRef'), false);
  if (from.at('configMapKeyRef').isSet) checkKeyReference(from.at('configMapKeyRef'));
  if (from.at('secretKeyRef').isSet) checkKeyReference(from.at('secretKeyRef'));
  if (found.length === 0) from.invalid('must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`', '');
  else if (variable.at('value').text !== '') from.invalid('may not be specified when `value` is not empty', '');
  else if (found.length > 1) from.invalid('may not have more than one field specified at a time', '');
}

/** A field of the pod, as the downward API names it. */
export function checkFieldReference(reference: Cursor, supported: readonly string[]): void {
  const path = reference.at('fieldPath');
  if (path.text === '') {
    path.required();
    return;
  }
  const subscripted = /^(.*)\['(.*)'\]$/s.exec(path.text);
  const plain = subscripted?.[1] ?? path.text;
  if (subscripted === null ? !CONVERTIBLE.includes(plain) : !['metadata.annotations', 'metadata.labels'].includes(plain)) {
    path.invalid(subscripted === null ? `error converting fieldPath: field label not supported: ${plain}` : `error converting fieldPath: field label does not support subscript`);
    return;
  }
  if (subscripted !== null) {
    const subscript = subscripted[2]!;
    for (const problem of qualifiedNameProblems(plain === 'metadata.annotations' ? subscript.toLowerCase() : subscript)) reference.invalid(problem, plain === 'metadata.annotations' ? subscript.toLowerCase() : subscript);
  } else if (!supported.includes(plain)) path.notSupported(supported, plain);
}

export function checkResourceReference(reference: Cursor, isVolume: boolean): void {
  const resource = reference.at('resource');
  if (isVolume && reference.at('containerName').text === '') reference.at('containerName').required();
  else if (resource.text === '') resource.required();
  else if (!RESOURCE_PATHS.includes(resource.text) && !/^(limits|requests)\.hugepages-/.test(resource.text)) resource.notSupported(RESOURCE_PATHS);
}

function checkKeyReference(reference: Cursor): void {
  reference.at('name').check(dnsSubdomainProblems);
  const key = reference.at('key');
  if (key.text === '') key.required();
  else key.check(configKeyProblems);
}

export function checkEnvironmentFrom(sources: Cursor): void {
  for (const source of sources.items) {
    if (source.at('prefix').text !== '') source.at('prefix').check(environmentNameProblems);
    const found = ['configMapRef', 'secretRef'].filter((kind) => source.at(kind).isSet);
    for (const kind of found) {
      const name = source.at(kind).at('name');
      if (name.text === '') name.required();
      else name.check(dnsSubdomainProblems);
    }
    if (found.length === 0) sources.invalid('must specify one of: `configMapRef` or `secretRef`', '');
    else if (found.length > 1) sources.invalid('may not have more than one field specified at a time', '');
  }
}
