import type { JsonValue } from '@vfleet/core';
import { parseQuantity } from '@vfleet/kube';
import { asObject } from '../../json/fields.ts';
import type { JsonObject } from '../../json/fields.ts';
import { objectsOf, own, textOf } from '../../json/own.ts';
import type { JsonPatchOperation } from '../review.ts';
import type { InjectorSwitches } from './switches.ts';

/** Name of the volume and where containers find it: DPDK programs look there for their devices (app-netutil). */
const VOLUME = 'podnetinfo';
const MOUNT_PATH = '/etc/podnetinfo';
const HUGE_PAGES = [['hugepages-1Gi', 'hugepages_1G'], ['hugepages-2Mi', 'hugepages_2M']] as const;

/** Labels and annotations as files in every container, and with the switch the huge pages that each asks for, in MiB. */
export function downwardFiles(object: JsonObject, spec: JsonObject | undefined, containers: readonly JsonObject[], switches: InjectorSwitches): readonly JsonPatchOperation[] {
  if (objectsOf(spec, 'volumes').some((volume) => textOf(volume, 'name') === VOLUME)) return [];
  const metadata = asObject(own(object, 'metadata'));
  const files: JsonValue[] = [];
  if (Object.keys(asObject(own(metadata, 'labels')) ?? {}).length > 0) files.push({ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } });
  files.push({ path: 'annotations', fieldRef: { fieldPath: 'metadata.annotations' } });
  const operations: JsonPatchOperation[] = [];
  for (const [index, container] of containers.entries()) {
    const base = `/spec/containers/${index}`;
    if (switches.hugePageDownwardApi) {
      const hugePages = hugePageFiles(container);
      files.push(...hugePages);
      if (hugePages.length > 0 && !objectsOf(container, 'env').some((variable) => textOf(variable, 'name') === 'CONTAINER_NAME')) {
        operations.push(append(container, 'env', `${base}/env`, { name: 'CONTAINER_NAME', value: textOf(container, 'name') }));
      }
    }
    if (!objectsOf(container, 'volumeMounts').some((mount) => textOf(mount, 'mountPath') === MOUNT_PATH)) {
      operations.push(append(container, 'volumeMounts', `${base}/volumeMounts`, { name: VOLUME, readOnly: true, mountPath: MOUNT_PATH }));
    }
  }
  return [...operations, append(spec, 'volumes', '/spec/volumes', { name: VOLUME, downwardAPI: { items: files } })];
}

function hugePageFiles(container: JsonObject): readonly JsonValue[] {
  const name = textOf(container, 'name');
  const resources = asObject(own(container, 'resources'));
  return HUGE_PAGES.flatMap(([resource, file]) =>
    ([['requests', 'request'], ['limits', 'limit']] as const).flatMap(([part, word]) =>
      isAskedFor(own(asObject(own(resources, part)), resource))
        ? [{ path: `${file}_${word}_${name}`, resourceFieldRef: { containerName: name, resource: `${part}.${resource}`, divisor: '1Mi' } }]
        : [],
    ),
  );
}

function isAskedFor(value: JsonValue | undefined): boolean {
  if (typeof value !== 'string' && typeof value !== 'number') return false;
  const quantity = parseQuantity(value);
  return quantity.ok && quantity.value.nano > 0n;
}

/** Appends to a list, or makes it. */
function append(holder: JsonObject | undefined, name: string, path: string, value: JsonValue): JsonPatchOperation {
  return objectsOf(holder, name).length === 0 ? { op: 'add', path, value: [value] } : { op: 'add', path: `${path}/-`, value };
}
