import type { LabelSelector } from '@vfleet/core';
import { formatLabelSelector, labelRequirementsOf } from '@vfleet/kube/selectors/index.ts';
import { isObject, stringAt } from '../../values/json.ts';
import type { JsonObject } from '../../values/json.ts';

/** `a=b,c=d` in the order of the keys; `<none>` for no labels. */
export function formatLabels(labels: JsonObject): string {
  const keys = Object.keys(labels).sort();
  return keys.length === 0 ? '<none>' : keys.map((key) => `${key}=${String(labels[key])}`).join(',');
}

/** A metav1.LabelSelector as text (metav1.FormatLabelSelector). */
export function formatSelector(selector: unknown): string {
  if (!isObject(selector)) return '<none>';
  const requirements = labelRequirementsOf(selector as LabelSelector);
  if (!requirements.ok) return '<error>';
  return requirements.value.length === 0 ? '<none>' : formatLabelSelector(requirements.value);
}

/** Names and images of containers, each joined by commas. */
export function containerNames(containers: readonly unknown[]): readonly [string, string] {
  return [containers.map((container) => stringAt(container, 'name')).join(','), containers.map((container) => stringAt(container, 'image')).join(',')];
}
