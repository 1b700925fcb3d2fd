import type { LabelSelector } from '../api/pool-config.ts';
import { fail, ok } from '../result.ts';
import type { Result } from '../result.ts';

export type Labels = Readonly<Record<string, string>>;

/** Whether `labels` have every pair of `wanted`; an empty map matches everything. */
export function hasLabels(wanted: Labels, labels: Labels): boolean {
  for (const key in wanted) if (labels[key] !== wanted[key]) return false;
  return true;
}

/** A selector that can be asked. */
export type LabelPredicate = (labels: Labels) => boolean;

/**
 * metav1.LabelSelector as a predicate (apimachinery pkg/labels/selector.go): the parts are ANDed; an empty selector matches
 * everything; NotIn and DoesNotExist match where the label is absent. The failure is a sentence.
 */
export function labelPredicate(selector: LabelSelector): Result<LabelPredicate, string> {
  const matchLabels = selector.matchLabels ?? {};
  const parts: LabelPredicate[] = [(labels) => hasLabels(matchLabels, labels)];
  for (const expression of selector.matchExpressions ?? []) {
    const part = expressionPredicate(expression);
    if (!part.ok) return part;
    parts.push(part.value);
  }
  return ok((labels) => parts.every((part) => part(labels)));
}

type Expression = NonNullable<LabelSelector['matchExpressions']>[number];

function expressionPredicate({ key, operator, values = [] }: Expression): Result<LabelPredicate, string> {
  const wantsValues = operator === 'In' || operator === 'NotIn';
  if (wantsValues && values.length === 0) return fail(`operator ${operator} on label "${key}" needs at least one value`);
  if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0) return fail(`operator ${operator} on label "${key}" takes no values`);
  switch (operator) {
    case 'In':
      return ok((labels) => labels[key] !== undefined && values.includes(labels[key]));
    case 'NotIn':
      return ok((labels) => labels[key] === undefined || !values.includes(labels[key]));
    case 'Exists':
      return ok((labels) => labels[key] !== undefined);
    case 'DoesNotExist':
      return ok((labels) => labels[key] === undefined);
    default:
      return fail(`"${operator}" is no label selector operator; use In, NotIn, Exists or DoesNotExist`);
  }
}
