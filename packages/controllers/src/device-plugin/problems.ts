import { fieldPath, knownKey } from '../json/fields.ts';
import type { JsonObject } from '../json/fields.ts';

export type ConfigProblemCode =
  | 'invalidJson' // the text is not JSON
  | 'wrongType' // JSON of another shape than documented
  | 'missing' // a required field is not there
  | 'invalidName' // a resource name or prefix that kubelet would refuse
  | 'duplicate' // two resources under one name
  | 'invalidValue' // a value outside the closed list of its field
  | 'conflict' // two fields that exclude each other
  | 'unknownKey' // a key that nothing reads
  | 'misplacedKey' // a known key at a place where nothing reads it
  | 'neverMatches'; // a selector item that no device can satisfy

export interface ConfigProblem {
  /** An error takes its resource (or, without one, the whole text) out of force; a warning does not. */
  readonly severity: 'error' | 'warning';
  readonly code: ConfigProblemCode;
  /** Where: `resourceList[1].selectors.pfNames[0]`; empty for the text as a whole. */
  readonly path: string;
  readonly cause: string;
  readonly remedy: string;
}

/** Collects problems under paths. */
export class Problems {
  readonly list: ConfigProblem[] = [];

  error(code: ConfigProblemCode, path: string, cause: string, remedy: string): void {
    this.list.push({ severity: 'error', code, path, cause, remedy });
  }

  warn(code: ConfigProblemCode, path: string, cause: string, remedy: string): void {
    this.list.push({ severity: 'warning', code, path, cause, remedy });
  }

  get errors(): number {
    return this.list.filter(({ severity }) => severity === 'error').length;
  }
}

/** Warns of every key that is not known, ignoring case. */
export function unknownKeys(object: JsonObject, path: string, known: readonly string[], problems: Problems): void {
  for (const key of Object.keys(object)) {
    if (knownKey(key, known) === undefined) problems.warn('unknownKey', fieldPath(path, key), `nothing reads the key "${key}"`, `Remove it; known here: ${known.join(', ')}.`);
  }
}
