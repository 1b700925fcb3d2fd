import { labelValueProblems, qualifiedNameProblems } from '../../values/names.ts';
import { validateLabels } from '../../registry/object-meta.ts';
import type { Cursor } from './cursor.ts';

/** metav1.LabelSelector (apimachinery pkg/apis/meta/v1/validation). */
export function checkLabelSelector(selector: Cursor): void {
  if (!selector.isSet) return;
  checkLabels(selector.at('matchLabels'));
  for (const expression of selector.at('matchExpressions').items) checkExpression(expression);
}

/** A plain map of labels. */
export function checkLabels(labels: Cursor): void {
  labels.errors.push(...validateLabels(labels.object as Readonly<Record<string, string>>, labels.path));
}

function checkExpression(expression: Cursor): void {
  const values = expression.at('values');
  const count = values.items.length;
  const operator = expression.at('operator');
  if (operator.text === 'In' || operator.text === 'NotIn') {
    if (count === 0) values.required("must be specified when `operator` is 'In' or 'NotIn'");
  } else if (operator.text === 'Exists' || operator.text === 'DoesNotExist') {
    if (count > 0) values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
  } else operator.invalid('not a valid selector operator', operator.text);
  expression.at('key').check(qualifiedNameProblems);
  for (const value of values.items) value.check(labelValueProblems);
}
