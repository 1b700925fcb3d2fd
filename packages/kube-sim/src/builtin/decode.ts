import { badRequestError, UndecodableError } from '../errors/status.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import { typeMetaProblem } from '../registry/type-meta.ts';
import { goDecode, GoDecodeError } from '../schema/go-decode.ts';
import type { GoStruct } from '../schema/go-type.ts';
import { typeDefaults } from './defaults/defaults.ts';
import { isObject, jsonTypeName, withFields } from '../values/json.ts';
import type { ApiObject, JsonObject } from '../values/json.ts';

/** A kind that this server knows, in any version; its type where bodies of it are decoded. */
export type FindKind = (apiVersion: string, kind: string) => { readonly goType?: () => GoStruct } | undefined;

interface Expected {
  readonly apiVersion: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** Decodes bodies of a built-in kind: the right kind and version, Go's rules for JSON, then the kind's defaults. */
export function goDecoder(group: string, version: string, kind: string, type: GoStruct, findKind: FindKind): ResourceDefinition['decode'] {
  const apiVersion = group === '' ? version : `${group}/${version}`;
  const expected: Expected = { apiVersion, group, version, kind };
  return (value, normal) => {
    const given: JsonObject = value === null ? {} : requireObject(value, expected);
    const problem = typeMetaProblem(given);
    if (problem !== undefined) throw badRequestError(`couldn't get version/kind; json parse error: ${problem}`);
    const saidVersion = given['apiVersion'] ?? apiVersion;
    const saidKind = given['kind'] ?? kind;
    if (saidVersion !== apiVersion || saidKind !== kind) checkKind(given, String(saidVersion) || apiVersion, String(saidKind) || kind, expected, findKind);
    const strictProblems: string[] = [];
    const typed = saidVersion === given['apiVersion'] && saidKind === given['kind'] ? given : withFields(given, { apiVersion, kind });
    const decoded = decodeAs(type, typed, expected, expected, (path) => strictProblems.push(`unknown field "${path}"`), normal);
    return { object: decoded as ApiObject, strictProblems, fieldErrors: [] };
  };
}

function decodeAs(type: GoStruct, value: JsonObject, said: { readonly kind: string; readonly version: string }, expected: Expected, unknown: (path: string) => void, normal?: ApiObject): JsonObject {
  try {
    return goDecode(value, type, { unknown, defaults: typeDefaults }, normal);
  } catch (error) {
    if (error instanceof GoDecodeError) throw new UndecodableError(said, expected.kind, error.message, error.unstructured);
    throw error;
  }
}

function requireObject(value: unknown, expected: Expected): JsonObject {
  if (isObject(value)) return value;
  throw new UndecodableError(expected, expected.kind, `json: cannot unmarshal ${jsonTypeName(value)} into Go value of type ${expected.version}.${expected.kind}`);
}

/** What says to be of another kind is decoded as that, before it turns out to be none of the kind wanted. */
function checkKind(given: JsonObject, saidApiVersion: string, saidKind: string, expected: Expected, findKind: FindKind): void {
  if (saidApiVersion === expected.apiVersion && saidKind === expected.kind) return;
  const saidVersion = saidApiVersion.split('/').at(-1)!;
  const said = { kind: saidKind, version: saidVersion };
  const found = findKind(saidApiVersion, saidKind);
  if (found === undefined) {
    throw new UndecodableError(said, expected.kind, `no kind "${saidKind}" is registered for version "${saidApiVersion}" in scheme "pkg/runtime/scheme.go:110"`);
  }
  if (found.goType !== undefined) decodeAs(found.goType(), given, said, expected, () => undefined);
  const internal = expected.group === '' ? 'core' : expected.group.split('.')[0]!;
  throw new UndecodableError(said, expected.kind, `converting (${saidVersion}.${saidKind}) to (${internal}.${expected.kind}): unknown conversion`);
}
