import { dnsLabelProblems, dnsSubdomainProblems, labelValueProblems, qualifiedNameProblems } from '../../values/names.ts';
import type { Cursor } from './cursor.ts';
import { checkLabelSelector } from './selector.ts';

export function checkAffinity(affinity: Cursor): void {
  const node = affinity.at('nodeAffinity');
  const required = node.at('requiredDuringSchedulingIgnoredDuringExecution');
  if (required.isSet) checkNodeSelector(required);
  for (const preferred of node.at('preferredDuringSchedulingIgnoredDuringExecution').items) {
    checkWeight(preferred.at('weight'));
    checkNodeSelectorTerm(preferred.at('preference'));
  }
  for (const kind of ['podAffinity', 'podAntiAffinity']) checkPodAffinity(affinity.at(kind));
}

function checkWeight(weight: Cursor): void {
  if ((weight.number ?? 0) <= 0 || (weight.number ?? 0) > 100) weight.invalid('must be in the range 1-100', weight.number ?? 0);
}

function checkNodeSelector(selector: Cursor): void {
  const terms = selector.at('nodeSelectorTerms');
  if (terms.items.length === 0) terms.required('must have at least one node selector term');
  for (const term of terms.items) checkNodeSelectorTerm(term);
}

function checkNodeSelectorTerm(term: Cursor): void {
  for (const expression of term.at('matchExpressions').items) checkNodeExpression(expression);
  for (const field of term.at('matchFields').items) checkNodeField(field);
}

function checkNodeExpression(expression: Cursor): void {
  const operator = expression.at('operator');
  const values = expression.at('values');
  const count = values.items.length;
  switch (operator.text) {
    case 'In':
    case 'NotIn':
      if (count === 0) values.required("must be specified when `operator` is 'In' or 'NotIn'");
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (count > 0) values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
      break;
    case 'Gt':
    case 'Lt':
      if (count !== 1) values.required("must be specified single value when `operator` is 'Lt' or 'Gt'");
      break;
    default: operator.invalid('not a valid selector operator', operator.text);
  }
  expression.at('key').check(qualifiedNameProblems);
  for (const value of values.items) value.check(labelValueProblems);
}

function checkNodeField(field: Cursor): void {
  const operator = field.at('operator');
  const values = field.at('values');
  if (operator.text !== 'In' && operator.text !== 'NotIn') operator.invalid('not a valid selector operator', operator.text);
  else if (values.items.length !== 1) values.required("must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
  if (field.at('key').text !== 'metadata.name') field.at('key').invalid('not a valid field selector key', field.at('key').text);
  else for (const value of values.items) value.check(dnsSubdomainProblems);
}

function checkPodAffinity(affinity: Cursor): void {
  for (const term of affinity.at('requiredDuringSchedulingIgnoredDuringExecution').items) checkPodAffinityTerm(term);
  for (const weighted of affinity.at('preferredDuringSchedulingIgnoredDuringExecution').items) {
    checkWeight(weighted.at('weight'));
    checkPodAffinityTerm(weighted.at('podAffinityTerm'));
  }
}

function checkPodAffinityTerm(term: Cursor): void {
  checkLabelSelector(term.at('labelSelector'));
  checkLabelSelector(term.at('namespaceSelector'));
  for (const namespace of term.at('namespaces').items) for (const problem of dnsLabelProblems(namespace.text)) term.at('namespace').invalid(problem, namespace.text);
  const key = term.at('topologyKey');
  if (key.text === '') key.required('can not be empty');
  key.check(qualifiedNameProblems);
}

const EFFECTS: readonly string[] = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function checkTaintEffect(effect: Cursor, isRequired: boolean): void {
  if (effect.text === '') {
    if (isRequired) effect.required();
  } else if (!EFFECTS.includes(effect.text)) effect.notSupported(EFFECTS);
}

export function checkTolerations(tolerations: Cursor): void {
  for (const toleration of tolerations.items) {
    const key = toleration.at('key');
    const operator = toleration.at('operator');
    const effect = toleration.at('effect');
    const value = toleration.at('value').text;
    if (key.text !== '') key.check(qualifiedNameProblems);
    else if (operator.text !== 'Exists') operator.invalid('operator must be Exists when `key` is empty, which means "match all values and all keys"', operator.text);
    if (toleration.at('tolerationSeconds').isSet && effect.text !== 'NoExecute') effect.invalid("effect must be 'NoExecute' when `tolerationSeconds` is set", effect.text);
    if (operator.text === '' || operator.text === 'Equal') {
      const problems = labelValueProblems(value);
      if (problems.length > 0) operator.invalid(problems.join(';'), value);
    } else if (operator.text === 'Exists') {
      if (value !== '') operator.invalid("value must be empty when `operator` is 'Exists'", value);
    } else operator.notSupported(['Equal', 'Exists']);
    checkTaintEffect(effect, false);
  }
}

export function checkTopologySpread(constraints: Cursor): void {
  constraints.items.forEach((constraint, index) => {
    const skew = constraint.at('maxSkew');
    if ((skew.number ?? 0) <= 0) skew.invalid('must be greater than zero', skew.number ?? 0);
    if (constraint.at('topologyKey').text === '') constraint.at('topologyKey').required('can not be empty');
    const action = constraint.at('whenUnsatisfiable');
    if (!['DoNotSchedule', 'ScheduleAnyway'].includes(action.text)) action.notSupported(['DoNotSchedule', 'ScheduleAnyway'], action.text);
    const pair = (other: Cursor) => `{${other.at('topologyKey').text}, ${other.at('whenUnsatisfiable').text}}`;
    if (constraints.items.slice(index + 1).some((other) => pair(other) === pair(constraint))) constraint.at('{topologyKey, whenUnsatisfiable}').duplicate(pair(constraint));
    checkLabelSelector(constraint.at('labelSelector'));
  });
}
