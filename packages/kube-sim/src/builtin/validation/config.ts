import type { FieldError } from '../../errors/field-error.ts';
import { tooLong } from '../../errors/field-error.ts';
import { validateImmutable } from '../../registry/object-meta.ts';
import type { ApiObject } from '../../values/json.ts';
import { equalJson } from '../../values/json.ts';
import { configKeyProblems } from '../../values/names.ts';
import { Cursor, faults } from './cursor.ts';

/** Data of a ConfigMap or Secret together (core MaxSecretSize). */
const DATA_MAX_BYTES = 1024 * 1024;

export function validateConfigMap(map: ApiObject): readonly FieldError[] {
  return faults(map, '', (object) => {
    const data = object.at('data');
    const binary = object.at('binaryData');
    let bytes = 0;
    for (const key of data.keys) {
      for (const problem of configKeyProblems(key)) data.key(key).invalid(problem, key);
      if (binary.key(key).isSet) data.key(key).invalid('duplicate of key present in binaryData', key);
      bytes += Buffer.byteLength(data.key(key).text);
    }
    for (const key of binary.keys) {
      for (const problem of configKeyProblems(key)) binary.key(key).invalid(problem, key);
      bytes += decodedBytes(binary.key(key).text);
    }
    if (bytes > DATA_MAX_BYTES) object.errors.push(tooLong('[]', DATA_MAX_BYTES));
  });
}

function decodedBytes(base64: string): number {
  return Math.floor((base64.replace(/=+$/, '').length * 3) / 4);
}

export function validateConfigMapUpdate(next: ApiObject, previous: ApiObject): readonly FieldError[] {
  return faults(next, '', (object) => {
    checkImmutable(object, new Cursor(previous, ''), ['data', 'binaryData']);
    object.errors.push(...validateConfigMap(next));
  });
}

function checkImmutable(object: Cursor, previous: Cursor, fields: readonly string[]): void {
  if (previous.at('immutable').value !== true) return;
  const text = 'field is immutable when `immutable` is set';
  if (object.at('immutable').value !== true) object.at('immutable').forbidden(text);
  for (const field of fields) if (!equalJson(object.at(field).value, previous.at(field).value)) object.at(field).forbidden(text);
}

/** Keys that secrets of a type must have: all of the first list, or one of the second. */
const REQUIRED_KEYS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
};

export function validateSecret(secret: ApiObject): readonly FieldError[] {
  return faults(secret, '', (object) => {
    const data = object.at('data');
    let bytes = 0;
    for (const key of data.keys) {
      for (const problem of configKeyProblems(key)) data.key(key).invalid(problem, key);
      bytes += decodedBytes(data.key(key).text);
    }
    if (bytes > DATA_MAX_BYTES) data.tooLong(DATA_MAX_BYTES);
    checkType(object, object.at('type').text);
  });
}

function checkType(secret: Cursor, type: string): void {
  const data = secret.at('data');
  if (type === 'kubernetes.io/service-account-token') {
    const account = secret.at('metadata').at('annotations').key('kubernetes.io/service-account.name');
    if (account.text === '') account.required();
  } else if (type === 'kubernetes.io/basic-auth') {
    if (!data.key('username').isSet && !data.key('password').isSet) for (const key of ['username', 'password']) data.key(key).required();
  } else for (const key of Object.hasOwn(REQUIRED_KEYS, type) ? REQUIRED_KEYS[type]! : []) {
    const value = data.key(key);
    if (!value.isSet || (key === 'ssh-privatekey' && value.text === '')) value.required();
    else if (key.startsWith('.')) checkJson(value);
  }
}

/** The content is never shown. */
function checkJson(value: Cursor): void {
  const text = Buffer.from(value.text, 'base64').toString('utf8');
  try {
    JSON.parse(text);
  } catch {
    const first = text.trimStart().charAt(0);
    value.invalid(first === '' ? 'unexpected end of JSON input' : `invalid character '${first}' looking for beginning of value`, '<secret contents redacted>');
  }
}

export function validateSecretUpdate(next: ApiObject, previous: ApiObject): readonly FieldError[] {
  return faults(next, '', (object) => {
    object.errors.push(...validateImmutable(next['type'], previous['type'], 'type'));
    checkImmutable(object, new Cursor(previous, ''), ['data']);
    object.errors.push(...validateSecret(next));
  });
}
