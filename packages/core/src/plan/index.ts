export type {
  AffectedVf, BridgeStep, Difference, DrainReason, Expectation, OwnedPf, PfPlan, Plan, PlanInput, PlanProblem, PlanStep, RebootReason, WantedGroup, WantedPf,
} from './types.ts';
export { vfioKernelArguments } from './host-needs.ts';
export { groupOf, readWantedPf, userSpaceDrivers } from './wanted.ts';
export { differencesOf } from './differences.ts';
export { SETTLE_MS, VFS_DEADLINE_MS, eswitchOrder, isKernelDriven } from './pf-steps.ts';
export { isOptional, triedKey } from './step-key.ts';
export { isSettled, planNode } from './plan-node.ts';
export { describeDifference, describeDrain, describeBridgeStep, describePlan, describeReboot, describeStep } from './describe.ts';
export { toInterfaceStatus } from './interface-status.ts';
export type { InterfaceStatusOptions } from './interface-status.ts';
export { observedFromStatus, ownedFromSpec } from './from-interface-status.ts';
export type { ReportedNode } from './from-interface-status.ts';
export { previewNode } from './preview.ts';
export type { NodePreview, PreviewInput } from './preview.ts';
