import type { FieldError } from '../../errors/field-error.ts';
import { GoText } from '../../errors/field-error.ts';
import { equalJson } from '../../values/json.ts';
import type { ApiObject } from '../../values/json.ts';
import { dnsSubdomainProblems, pathSegmentProblems } from '../../values/names.ts';
import { faults } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import { checkLabelSelector } from './selector.ts';

const GROUP = 'rbac.authorization.k8s.io';

/** Roles and cluster roles (kubernetes pkg/apis/rbac/validation). */
export function validateRole(role: ApiObject): readonly FieldError[] {
  const isNamespaced = role.kind === 'Role';
  return faults(role, '', (object) => {
    for (const rule of object.at('rules').items) checkRule(rule, isNamespaced);
    const aggregation = object.at('aggregationRule');
    if (isNamespaced || !aggregation.isSet) return;
    const selectors = aggregation.at('clusterRoleSelectors');
    if (selectors.items.length === 0) selectors.required('at least one clusterRoleSelector required if aggregationRule is non-nil');
    for (const selector of selectors.items) checkLabelSelector(selector);
  });
}

function checkRule(rule: Cursor, isNamespaced: boolean): void {
  const has = (field: string) => rule.at(field).items.length > 0;
  if (!has('verbs')) rule.at('verbs').required('verbs must contain at least one value');
  const urls = rule.at('nonResourceURLs');
  if (urls.items.length > 0) {
    if (isNamespaced) urls.invalid('namespaced rules cannot apply to non-resource URLs');
    if (has('apiGroups') || has('resources') || has('resourceNames')) urls.invalid('rules cannot apply to both regular resources and non-resource URLs');
    return;
  }
  if (!has('apiGroups')) rule.at('apiGroups').required('resource rules must supply at least one api group');
  if (!has('resources')) rule.at('resources').required('resource rules must supply at least one resource');
}

export function validateRoleBinding(binding: ApiObject): readonly FieldError[] {
  const isNamespaced = binding.kind === 'RoleBinding';
  return faults(binding, '', (object) => {
    const role = object.at('roleRef');
    const [group, kind, name] = [role.at('apiGroup'), role.at('kind'), role.at('name')];
    const kinds = isNamespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
    if (group.text !== GROUP) group.notSupported([GROUP], group.text);
    if (!kinds.includes(kind.text)) kind.notSupported(kinds, kind.text);
    if (name.text === '') name.required();
    else for (const problem of pathSegmentProblems(name.text, false)) name.invalid(problem);
    for (const subject of object.at('subjects').items) checkSubject(subject, isNamespaced);
  });
}

function checkSubject(subject: Cursor, isNamespaced: boolean): void {
  const [kind, name, group] = [subject.at('kind'), subject.at('name'), subject.at('apiGroup')];
  if (name.text === '') name.required();
  if (kind.text === 'ServiceAccount') {
    if (name.text !== '') name.check(dnsSubdomainProblems);
    if (group.text !== '') group.notSupported([''], group.text);
    if (!isNamespaced && subject.at('namespace').text === '') subject.at('namespace').required();
  } else if (kind.text === 'User' || kind.text === 'Group') {
    if (group.text !== GROUP) group.notSupported([GROUP], group.text);
  } else kind.notSupported(['ServiceAccount', 'User', 'Group'], kind.text);
}

export function validateRoleBindingUpdate(next: ApiObject, previous: ApiObject): readonly FieldError[] {
  return [...validateRoleBinding(next), ...faults(next, '', (object) => {
    const role = object.at('roleRef');
    if (equalJson(role.value, previous['roleRef'])) return;
    role.invalid('cannot change roleRef', new GoText({ APIGroup: role.at('apiGroup').text, Kind: role.at('kind').text, Name: role.at('name').text }));
  })];
}
