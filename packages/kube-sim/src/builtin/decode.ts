import { badRequestError } from '../errors/status.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import { typeMetaProblem } from '../registry/type-meta.ts';
import { goDecode, GoDecodeError } from '../schema/go-decode.ts';
import type { GoStruct } from '../schema/go-type.ts';
import { typeDefaults } from './defaults/defaults.ts';
import { isObject, withFields } from '../values/json.ts';
import type { ApiObject, JsonObject } from '../values/json.ts';

/** Whether a kind is one that this server knows, in any version. */
export type KnowsKind = (apiVersion: string, kind: string) => boolean;

/** Decodes bodies of a built-in kind: the right kind and version, Go's rules for JSON, then the kind's defaults. */
export function goDecoder(group: string, version: string, kind: string, type: GoStruct, knowsKind: KnowsKind): ResourceDefinition['decode'] {
  const apiVersion = group === '' ? version : `${group}/${version}`;
  const cannot = (saidKind: string, saidVersion: string, why: string) => badRequestError(`${saidKind} in version "${saidVersion}" cannot be handled as a ${kind}: ${why}`);
  return (value, normal) => {
    const given: JsonObject = value === null ? {} : requireObject(value, cannot, kind, version);
    const problem = typeMetaProblem(given);
    if (problem !== undefined) throw badRequestError(`couldn't get version/kind; json parse error: ${problem}`);
    const saidVersion = given['apiVersion'] ?? apiVersion;
    const saidKind = given['kind'] ?? kind;
    if (saidVersion !== apiVersion || saidKind !== kind) checkKind(String(saidVersion) || apiVersion, String(saidKind) || kind, { apiVersion, kind, group }, knowsKind, cannot);
    const strictProblems: string[] = [];
    try {
      const typed = saidVersion === given['apiVersion'] && saidKind === given['kind'] ? given : withFields(given, { apiVersion, kind });
      const decoded = goDecode(typed, type, { unknown: (path) => strictProblems.push(`unknown field "${path}"`), defaults: typeDefaults }, normal);
      return { object: decoded as ApiObject, strictProblems, fieldErrors: [] };
    } catch (error) {
      if (error instanceof GoDecodeError) throw cannot(kind, version, error.message);
      throw error;
    }
  };
}

type Cannot = (saidKind: string, saidVersion: string, why: string) => Error;

function requireObject(value: unknown, cannot: Cannot, kind: string, version: string): JsonObject {
  if (isObject(value)) return value;
  throw cannot(kind, version, `json: cannot unmarshal ${Array.isArray(value) ? 'array' : typeof value} into Go value of type ${version}.${kind}`);
}

function checkKind(saidApiVersion: string, saidKind: string, expected: { readonly apiVersion: string; readonly kind: string; readonly group: string }, knowsKind: KnowsKind, cannot: Cannot): void {
  if (saidApiVersion === expected.apiVersion && saidKind === expected.kind) return;
  const saidVersion = saidApiVersion.split('/').at(-1)!;
  if (!knowsKind(saidApiVersion, saidKind)) {
    throw cannot(saidKind, saidVersion, `no kind "${saidKind}" is registered for version "${saidApiVersion}" in scheme "pkg/runtime/scheme.go:110"`);
  }
  const internal = expected.group === '' ? 'core' : expected.group.split('.')[0]!;
  throw cannot(saidKind, saidVersion, `converting (${saidVersion}.${saidKind}) to (${internal}.${expected.kind}): unknown conversion`);
}
