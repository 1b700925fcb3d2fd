import { labelRequirementsOf, matchesLabels } from '@vfleet/kube';
import type { LabelRequirements } from '@vfleet/kube';
import type { LabelSelector } from '@vfleet/core';
import { GoText } from '../../errors/field-error.ts';
import { validateAnnotations } from '../../registry/object-meta.ts';
import { checkPodSpec } from './pod-spec.ts';
import type { Cursor } from './cursor.ts';
import { checkLabels } from './selector.ts';

/** Labels, annotations and spec of the pods that a workload makes (validation.go, ValidatePodTemplateSpec). */
export function checkPodTemplate(template: Cursor): void {
  const { errors, path } = template;
  const metadata = template.at('metadata');
  checkLabels(metadata.at('labels').shownAt(`${path}.labels`));
  errors.push(...validateAnnotations(metadata.at('annotations').object as Readonly<Record<string, string>>, `${path}.annotations`));
  checkPodSpec(template.at('spec'), false);
  const ephemeral = template.at('spec').at('ephemeralContainers');
  if (ephemeral.items.length > 0) ephemeral.forbidden('ephemeral containers not allowed in pod template');
}

/** What a selector asks for; `nothing` when there is none, since that selects no pod; undefined when it makes no sense. */
export function selectorRequirements(selector: Cursor): LabelRequirements | 'nothing' | undefined {
  if (!selector.isSet) return 'nothing';
  const parsed = labelRequirementsOf(selector.value as LabelSelector);
  return parsed.ok ? parsed.value : undefined;
}

/** A label selector as Go prints it. */
export function selectorText(selector: Cursor): unknown {
  if (!selector.isSet) return null;
  const { matchLabels, matchExpressions } = selector.object;
  return new GoText({ ...(matchLabels === undefined ? {} : { matchLabels: sorted(matchLabels) }), ...(matchExpressions === undefined ? {} : { matchExpressions }) });
}

function sorted(labels: unknown): unknown {
  return Object.fromEntries(Object.entries(labels as Readonly<Record<string, unknown>>).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The pods that a template makes must be found by the workload's selector. */
export function checkSelectsTemplate(requirements: LabelRequirements | 'nothing', template: Cursor): void {
  const labels = template.at('metadata').at('labels');
  if (requirements !== 'nothing' && matchesLabels(requirements, labels.object as Readonly<Record<string, string>>)) return;
  labels.invalid('`selector` does not match template `labels`');
}

export function isEmptySelector(selector: Cursor): boolean {
  return selector.isSet && selector.at('matchLabels').keys.length + selector.at('matchExpressions').items.length === 0;
}
