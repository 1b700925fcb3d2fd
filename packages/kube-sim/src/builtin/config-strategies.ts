import { plainStrategy, specStrategy, statusStrategy } from '../registry/strategies.ts';
import type { Strategy } from '../registry/strategy.ts';
import { objectAt, withFields } from '../values/json.ts';
import type { ApiObject } from '../values/json.ts';
import { pathSegmentProblems } from '../values/names.ts';
import { validateRole, validateRoleBinding, validateRoleBindingUpdate } from './validation/access.ts';
import { validateConfigMap, validateConfigMapUpdate, validateSecret, validateSecretUpdate } from './validation/config.ts';
import { validateEvent } from './validation/event.ts';
import { validateBudget, validateLease } from './validation/policy.ts';

/** Kinds that PUT may create, as the real registries allow for a few. */
export const createOnUpdate: Strategy = { ...plainStrategy, allowCreateOnUpdate: true };

export const configMapStrategy: Strategy = { ...plainStrategy, validateCreate: validateConfigMap, validateUpdate: validateConfigMapUpdate };
export const secretStrategy: Strategy = { ...plainStrategy, validateCreate: validateSecret, validateUpdate: validateSecretUpdate };

/** Events may be written blindly; they are hints and not state. */
export const eventStrategy: Strategy = { ...createOnUpdate, validateCreate: (event) => validateEvent(event), validateUpdate: (next) => validateEvent(next) };

/** Fields of a feature that is off by default (CoordinatedLeaderElection) are dropped. */
function withoutCoordination(lease: ApiObject): ApiObject {
  const spec = objectAt(lease, 'spec');
  return spec['strategy'] === undefined && spec['preferredHolder'] === undefined ? lease : withFields(lease, { spec: withFields(spec, { strategy: undefined, preferredHolder: undefined }) });
}

export const leaseStrategy: Strategy = { ...createOnUpdate, allowUnconditionalUpdate: false, metaChecksOnUpdate: ['change'], prepareForCreate: withoutCoordination, prepareForUpdate: withoutCoordination, validateCreate: validateLease, validateUpdate: validateLease };

export const budgetStrategy: Strategy = { ...specStrategy, allowUnconditionalUpdate: false, checksMetaOnCreate: false, metaChecksOnUpdate: [], validateCreate: validateBudget, validateUpdate: validateBudget };
export const budgetStatusStrategy: Strategy = { ...statusStrategy, metaChecksOnUpdate: [] };

const accessStrategy: Strategy = { ...createOnUpdate, nameProblems: pathSegmentProblems, metaChecksOnUpdate: ['whole', 'change'] };
export const roleStrategy: Strategy = { ...accessStrategy, validateCreate: validateRole, validateUpdate: validateRole };
export const roleBindingStrategy: Strategy = { ...accessStrategy, validateCreate: validateRoleBinding, validateUpdate: validateRoleBindingUpdate };
