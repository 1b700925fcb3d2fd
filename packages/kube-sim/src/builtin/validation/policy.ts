import type { FieldError } from '../../errors/field-error.ts';
import type { ApiObject } from '../../values/json.ts';
import { faults } from './cursor.ts';
import { checkAtMostHundredPercent, checkIntOrPercent } from './numbers.ts';
import { checkLabelSelector } from './selector.ts';

/** PodDisruptionBudgets (kubernetes pkg/apis/policy/validation). */
export function validateBudget(budget: ApiObject): readonly FieldError[] {
  return faults(budget, '', (object) => {
    const spec = object.at('spec');
    const [minAvailable, maxUnavailable, selector, evictionPolicy] = [spec.at('minAvailable'), spec.at('maxUnavailable'), spec.at('selector'), spec.at('unhealthyPodEvictionPolicy')];
    if (minAvailable.isSet && maxUnavailable.isSet) {
      spec.invalidStruct('minAvailable and maxUnavailable cannot be both set', {
        MinAvailable: minAvailable.value, Selector: selector.value ?? null, MaxUnavailable: maxUnavailable.value, UnhealthyPodEvictionPolicy: evictionPolicy.value ?? null,
      });
    }
    for (const limit of [minAvailable, maxUnavailable]) {
      checkIntOrPercent(limit);
      checkAtMostHundredPercent(limit);
    }
    checkLabelSelector(selector);
    if (evictionPolicy.isSet && !['AlwaysAllow', 'IfHealthyBudget'].includes(evictionPolicy.text)) evictionPolicy.notSupported(['AlwaysAllow', 'IfHealthyBudget']);
  });
}

/** Leases (kubernetes pkg/apis/coordination/validation). */
export function validateLease(lease: ApiObject): readonly FieldError[] {
  return faults(lease, '', (object) => {
    const duration = object.at('spec').at('leaseDurationSeconds');
    if (duration.number !== undefined && duration.number <= 0) duration.invalid('must be greater than 0');
    object.at('spec').at('leaseTransitions').notNegative();
  });
}
