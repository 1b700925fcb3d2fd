import { keepingStatus, plainStrategy } from '../registry/strategies.ts';
import type { Strategy } from '../registry/strategy.ts';
import { objectAt, withFields } from '../values/json.ts';
import { validateNode, validateNodeStatus, validateNodeUpdate } from './validation/node.ts';

/** Nodes (kubernetes pkg/registry/core/node): the one kind that may be born with a status. */
export const nodeStrategy: Strategy = {
  ...plainStrategy,
  metaChecksOnUpdate: ['change'],
  validateCreate: validateNode,
  prepareForUpdate: keepingStatus,
  validateUpdate: validateNodeUpdate,
};

export const nodeStatusStrategy: Strategy = {
  ...plainStrategy,
  metaChecksOnUpdate: ['change'],
  prepareForUpdate: (next, previous) => withFields(next, { spec: objectAt(previous, 'spec') }),
  validateUpdate: validateNodeStatus,
};
