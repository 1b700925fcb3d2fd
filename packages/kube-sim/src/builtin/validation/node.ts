import type { FieldError } from '../../errors/field-error.ts';
import { arrayAt, equalJson, objectAt, stringAt } from '../../values/json.ts';
import type { ApiObject } from '../../values/json.ts';
import { labelValueProblems, qualifiedNameProblems } from '../../values/names.ts';
import { checkTaintEffect } from './affinity.ts';
import { faults } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import { checkQuantity } from './resources.ts';
import { isNetwork } from './service.ts';

/** Nodes (kubernetes pkg/apis/core/validation/validation.go, ValidateNode). */
export function validateNode(node: ApiObject): readonly FieldError[] {
  return faults(node, '', (object) => {
    checkTaints(object);
    checkNodeResources(object);
    for (const range of object.at('spec').at('podCIDRs').items) if (!isNetwork(range.text)) range.invalid('must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)');
    const ranges = object.at('spec').at('podCIDRs');
    const isV6 = ranges.items.map(({ text }) => text.includes(':'));
    if (isV6.length > 2 || (isV6.length === 2 && isV6[0] === isV6[1])) ranges.invalid('may specify no more than one CIDR for each IP family');
  });
}

/** The real server reports taints under metadata. */
function checkTaints(object: Cursor): void {
  const seen = new Set<string>();
  for (const taint of object.at('spec').at('taints').shownAt('metadata.taints').items) {
    const [key, value, effect] = [taint.at('key'), taint.at('value'), taint.at('effect')];
    key.check(qualifiedNameProblems);
    const problems = labelValueProblems(value.text);
    if (problems.length > 0) value.invalid(problems.join(';'), value.text);
    checkTaintEffect(effect, true);
    const pair = `${effect.text} ${key.text}`;
    if (seen.has(pair)) taint.duplicateStruct('taints must be unique by key and effect pair', { Key: key.text, Value: value.text, Effect: effect.text, TimeAdded: taint.at('timeAdded').value ?? null });
    seen.add(pair);
  }
}

function checkNodeResources(object: Cursor): void {
  for (const list of ['capacity', 'allocatable']) {
    const amounts = object.at('status').at(list);
    for (const name of amounts.keys) checkQuantity(amounts.at(name), name);
  }
}

export function validateNodeUpdate(next: ApiObject, previous: ApiObject): readonly FieldError[] {
  return [...validateNode(next), ...validateNodeStatus(next, previous)];
}

/** What both an update of a node and one of its status must keep (ValidateNodeUpdate). */
export function validateNodeStatus(next: ApiObject, previous: ApiObject): readonly FieldError[] {
  return faults(next, '', (object) => {
    const [spec, before] = [object.at('spec'), objectAt(previous, 'spec')];
    checkNodeResources(object);
    const seen: unknown[] = [];
    for (const address of object.at('status').at('addresses').items) {
      if (seen.some((other) => equalJson(other, address.value))) address.duplicateStruct('', { Type: address.at('type').text, Address: address.at('address').text });
      seen.push(address.value);
    }
    const ranges = arrayAt(before, 'podCIDRs');
    if (ranges.length > 0 && !equalJson(ranges, spec.at('podCIDRs').value)) spec.at('podCIDRs').forbidden('node updates may not change podCIDR except from "" to valid');
    const provider = stringAt(before, 'providerID');
    if (provider !== '' && provider !== spec.at('providerID').text) spec.at('providerID').forbidden('node updates may not change providerID except from "" to valid');
    checkTaints(object);
    if (spec.at('externalID').text !== stringAt(before, 'externalID')) spec.at('externalID').forbidden('may not be updated');
  });
}
