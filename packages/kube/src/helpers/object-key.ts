import type { KubeObject, ObjectKey } from '@vfleet/core';

/** `namespace/name`, or `name` for what has no namespace: the text by which caches and queues know an object. */
export function keyText(key: ObjectKey): string {
  return key.namespace === undefined || key.namespace === '' ? key.name : `${key.namespace}/${key.name}`;
}

/** The {@link keyText} of an object. */
export function objectKeyText(object: KubeObject): string {
  return keyText(object.metadata);
}

/** The inverse of {@link keyText}: names cannot contain a slash. */
export function parseKeyText(text: string): ObjectKey {
  const slash = text.indexOf('/');
  return slash === -1 ? { name: text } : { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
}

/** The key of an object, as Kube methods take it. */
export function objectKey({ metadata: { namespace, name } }: KubeObject): ObjectKey {
  return namespace === undefined ? { name } : { namespace, name };
}
