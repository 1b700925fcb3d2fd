import type { PlanStep } from './types.ts';

/** Names a step for the set of steps that were tried without effect. Two steps that try the same thing have the same key. */
export function triedKey(step: PlanStep): string {
  switch (step.kind) {
    case 'setVf':
      return `setVf ${step.pf} ${step.vfIndex} ${Object.keys(step).filter((key) => key !== 'kind' && key !== 'pf' && key !== 'vfIndex').sort().join()}`;
    case 'bindDriver':
      return `bindDriver ${step.device} ${step.driver}`;
    case 'waitForVfs':
      return `waitForVfs ${step.pf} ${step.count}`;
    case 'setFeature':
      return `setFeature ${step.device} ${step.feature}`;
    case 'setDevlinkParam':
      return `setDevlinkParam ${step.pf} ${step.name}`;
    default:
      return `${step.kind} ${'pf' in step ? step.pf : 'device' in step ? step.device : 'host'}`;
  }
}

/** Steps that make things better where they can be had: that a device does not support them is no failure. */
export function isOptional(step: PlanStep): boolean {
  return step.kind === 'setFeature' || step.kind === 'setDevlinkParam' || (step.kind === 'setVf' && step.mac !== undefined);
}
