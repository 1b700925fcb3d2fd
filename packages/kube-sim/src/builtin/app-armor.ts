import { equalJson, isObject, objectAt, arrayAt, getOwn, stringAt, withFields } from '../values/json.ts';
import type { ApiObject, JsonObject } from '../values/json.ts';
import type { Cursor } from './validation/cursor.ts';
import { goQuote } from '../errors/field-error.ts';

/** Annotations that named a container's profile before there was a field for it, with the container's name behind. */
const PREFIX = 'container.apparmor.security.beta.kubernetes.io/';
const LISTS = ['initContainers', 'containers'] as const;

/** Copies the annotations of a new pod to the fields (kubernetes pkg/registry/core/pod/strategy.go, applyAppArmorVersionSkew). */
export function withAppArmorFields(pod: ApiObject, warn: (text: string) => void): ApiObject {
  const annotations = pod.metadata.annotations ?? {};
  if (!Object.keys(annotations).some((key) => key.startsWith(PREFIX))) return pod;
  const spec = objectAt(pod, 'spec');
  const ofPod = getOwn(objectAt(spec, 'securityContext'), 'appArmorProfile');
  const withField = (container: unknown): unknown => {
    const key = `${PREFIX}${stringAt(container, 'name')}`;
    const annotation = getOwn(annotations, key);
    if (!isObject(container) || typeof annotation !== 'string') return container;
    const security = objectAt(container, 'securityContext');
    if (security['appArmorProfile'] !== undefined) return container;
    const profile = profileOf(annotation);
    const isNew = profile !== undefined && !equalJson(profile, ofPod);
    if (profile === undefined || isNew) warn(`metadata.annotations[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`);
    return isNew ? withFields(container, { securityContext: withFields(security, { appArmorProfile: profile }) }) : container;
  };
  const lists = LISTS.filter((list) => spec[list] !== undefined).map((list) => [list, Object.freeze(arrayAt(spec, list).map(withField))] as const);
  return withFields(pod, { spec: withFields(spec, Object.fromEntries(lists)) });
}

function profileOf(annotation: string): JsonObject | undefined {
  if (annotation === 'unconfined') return Object.freeze({ type: 'Unconfined' });
  if (annotation === 'runtime/default') return Object.freeze({ type: 'RuntimeDefault' });
  const name = annotation.startsWith('localhost/') ? annotation.slice('localhost/'.length) : '';
  return name === '' ? undefined : Object.freeze({ type: 'Localhost', localhostProfile: name });
}

/** What annotations may say (validation.go, ValidateAppArmorPodAnnotations). */
export function checkAppArmorAnnotations(pod: Cursor): void {
  const annotations = pod.at('metadata').at('annotations');
  const names = LISTS.flatMap((list) => pod.at('spec').at(list).items.map((container) => container.at('name').text));
  for (const key of annotations.keys) {
    if (!key.startsWith(PREFIX)) continue;
    const name = key.slice(PREFIX.length);
    if (!names.includes(name)) annotations.key(key).invalid('container not found', name);
    const { text } = annotations.key(key);
    if (!['', 'runtime/default', 'unconfined'].includes(text) && !text.startsWith('localhost/')) annotations.key(key).invalid(`invalid AppArmor profile name: ${goQuote(text)}`);
  }
}
