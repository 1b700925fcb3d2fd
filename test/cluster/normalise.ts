import { isJsonObject } from '@vfleet/core';
import type { JsonValue } from '@vfleet/core';
import { canonical } from './compare.ts';

/** But those that start with zeros: cases write them. */
const uuid = /(?!0{8})[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d+))?Z/g;
/** Numbers of a server's own count in its sentences. */
const counted: readonly (readonly [RegExp, string])[] = [
  [/(too old resource version: \d+ )\(\d+\)/g, '$1(<revision>)'],
  [/(, current: )\d+/g, '$1<revision>'],
  [/(\\"resourceVersion\\":\\")\d+/g, '$1<version>'],
  [/("resourceVersion":")\d+/g, '$1<version>'],
  [/(ResourceVersion in record \()\d+/g, '$1<revision>'],
  [/(the ResourceVersion in the precondition \()\d+/g, '$1<revision>'],
  [/(kube-api-access-)[bcdfghjklmnpqrstvwxz2456789]{5}/g, '$1<suffix>'],
  [/("?continue"?: ?")[\w-]{20,}=*"/g, '$1<continue>"'],
];
/** `5s`, `3m20s`. */
const age = /\b(?:\d+[dhms]){1,2}\b/g;
const nowWithinMs = 2 * 3_600_000;

/**
 * Makes the answers of one server within one case comparable with another's: what a server may choose freely (uids,
 * versions, times, suffixes, its address) becomes a name for the order of its first appearance, so that "the same uid as
 * before" is still compared. Times that a case itself wrote, long ago, stay.
 */
export class Normaliser {
  readonly #uids = new Map<string, string>();
  readonly #versions = new Map<string, string>();
  /** What names look like that a server completed. */
  readonly #generated: RegExp[] = [];
  readonly #names = new Map<string, string>();
  readonly #texts: (readonly [string, string])[] = [];
  readonly #keptVersions = new Map<string, string>();
  readonly #address: string;

  constructor(url: string) {
    this.#address = new URL(url).host;
  }

  /** From now on names that a server made from `prefix` read as symbols. It cuts the prefix so that 63 characters are enough. */
  learnGeneratedNames(prefix: string): void {
    const cut = prefix.slice(0, 58);
    this.#generated.push(new RegExp(`${cut.replaceAll(/[^A-Za-z0-9-]/g, '\\$&')}[bcdfghjklmnpqrstvwxz2456789]{5}(?![a-z0-9])`, 'g'));
  }

  /** A list's version, which is otherwise not compared, reads as `{{variable}}` where it is this one. */
  learnVersion(version: string, variable: string): void {
    this.#keptVersions.set(version, `{{${variable}}}`);
  }

  /** From now on a text that is this server's alone reads as a symbol. */
  learnText(text: string, symbol: string): void {
    this.#texts.push([text, symbol]);
  }

  value(value: JsonValue): JsonValue {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((item: JsonValue) => this.value(item));
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [this.text(name), this.#member(name, inner)]));
  }

  #member(name: string, value: JsonValue): JsonValue {
    if (name === 'metadata' && isJsonObject(value)) return this.#metadata(value);
    // A row of a Table, where ages are printed.
    if (name === 'cells' && Array.isArray(value)) return value.map((cell: JsonValue) => (typeof cell === 'string' ? this.text(cell).replace(age, '<age>') : cell));
    return this.value(value);
  }

  text(text: string): string {
    let normal = text.replaceAll(this.#address, '<server>');
    for (const [own, symbol] of this.#texts) normal = normal.replaceAll(own, symbol);
    normal = normal.replaceAll(quotedObject, inOrder);
    for (const pattern of this.#generated) normal = normal.replace(pattern, (name) => symbolOf(this.#names, name, `${name.slice(0, -5)} made`));
    for (const [pattern, replacement] of counted) normal = normal.replace(pattern, replacement);
    return normal
      .replace(uuid, (id) => symbolOf(this.#uids, id, 'uid'))
      .replace(time, (at: string, fraction: string | undefined) => (Math.abs(Date.parse(at) - Date.now()) > nowWithinMs ? at : `<time${fraction === undefined ? '' : ` with ${fraction.length} digits`}>`));
  }

  /** metav1.ObjectMeta, or ListMeta: that one has no name. */
  #metadata(metadata: { readonly [key: string]: JsonValue }): JsonValue {
    const isObject = metadata['name'] !== undefined || metadata['uid'] !== undefined;
    return Object.fromEntries(
      Object.entries(metadata).map(([name, value]) => {
        if (name === 'resourceVersion' && typeof value === 'string') return [name, isObject ? this.#version(value) : (this.#keptVersions.get(value) ?? listVersion(value))];
        if (name === 'managedFields' && Array.isArray(value)) return [name, this.#managedFields(value)];
        if (name === 'continue' && typeof value === 'string' && value !== '') return [name, '<continue>'];
        return [name, this.value(value)];
      }),
    );
  }

  /** Their order follows from times, and whether two writes fall into one second is chance. */
  #managedFields(entries: readonly JsonValue[]): readonly JsonValue[] {
    return entries.map((entry) => this.value(entry)).toSorted((a, b) => (canonical(a) < canonical(b) ? -1 : 1));
  }

  #version(version: string): string {
    return /^\d+$/.test(version) ? symbolOf(this.#versions, version, 'version') : version;
  }
}

/** An object within a sentence, quoted as Go does; the order of its members is no difference. */
const quotedObject = /"\{(?:[^"\\]|\\.)*\}"/g;

function inOrder(quoted: string): string {
  try {
    return JSON.stringify(canonical(JSON.parse(JSON.parse(quoted) as string) as JsonValue));
  } catch {
    return quoted;
  }
}

function listVersion(version: string): string {
  return /^[1-9]\d*$/.test(version) ? '<revision>' : version;
}

function symbolOf(symbols: Map<string, string>, value: string, kind: string): string {
  let symbol = symbols.get(value);
  if (symbol === undefined) symbols.set(value, (symbol = `<${kind} ${symbols.size + 1}>`));
  return symbol;
}
