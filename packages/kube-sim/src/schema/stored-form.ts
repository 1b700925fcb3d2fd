import { isObject, withFields } from '../values/json.ts';
import type { JsonObject } from '../values/json.ts';
import type { GoStruct, GoType } from './go-type.ts';

/** Turns a value into what is read again after it was stored as protobuf; undefined where nothing of a type can change. */
type Storing = (value: unknown) => unknown;

const compiled = new WeakMap<GoStruct, Storing | undefined>();

/**
 * An object of a built-in kind as it comes back from the real server's storage: protobuf knows no empty lists and maps, so
 * those that are always written are read as null. Walks only to where such fields are.
 */
export function storedForm<Type extends JsonObject>(object: Type, type: GoStruct): Type {
  const storing = storingOf(type);
  return storing === undefined ? object : (storing(object) as Type);
}

function storingOf(type: GoType): Storing | undefined {
  switch (type.kind) {
    case 'struct': return storingOfStruct(type);
    case 'list': return ofEach(storingOf(type.items));
    default: return undefined;
  }
}

function ofEach(storing: Storing | undefined): Storing | undefined {
  if (storing === undefined) return undefined;
  return (value) => {
    if (!Array.isArray(value)) return value;
    const items = value.map(storing);
    return items.every((item, index) => item === value[index]) ? value : Object.freeze(items);
  };
}

function storingOfStruct(type: GoStruct): Storing | undefined {
  if (compiled.has(type)) return compiled.get(type);
  // Types that contain themselves end here; none of those has fields that matter.
  compiled.set(type, undefined);
  const nullable = type.always.filter(([, written]) => written === null).map(([name]) => name).filter((name) => ['list', 'map'].includes(type.fields.get(name)!.type.kind));
  const inner = [...type.fields.values()].flatMap((field) => {
    const storing = storingOf(field.type);
    return storing === undefined ? [] : [[field.name, storing] as const];
  });
  const storing: Storing | undefined = nullable.length === 0 && inner.length === 0 ? undefined : (value) => (isObject(value) ? stored(value, nullable, inner) : value);
  compiled.set(type, storing);
  return storing;
}

function stored(value: JsonObject, nullable: readonly string[], inner: readonly (readonly [string, Storing])[]): JsonObject {
  const changes: Record<string, unknown> = {};
  for (const [name, storing] of inner) {
    const next = storing(value[name]);
    if (next !== value[name]) changes[name] = next;
  }
  for (const name of nullable) if (isEmpty(value[name])) changes[name] = null;
  return Object.keys(changes).length === 0 ? value : withFields(value, changes);
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
}
