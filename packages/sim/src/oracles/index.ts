import { adminCordon } from './admin-cordon.ts';
import { attachedIsAllocated } from './attached-is-allocated.ts';
import { drainBudget } from './drain-budget.ts';
import { foreignPfs } from './foreign-pfs.ts';
import { hotLoop } from './hot-loop.ts';
import { noLeaks } from './no-leaks.ts';
import type { Oracle } from './oracle.ts';
import { rebootPermission } from './reboot-permission.ts';
import { succeededIsTrue } from './succeeded-is-true.ts';
import { vfInOnePod } from './vf-in-one-pod.ts';
import { vfsInUse } from './vfs-in-use.ts';
import { viewsAgree } from './views-agree.ts';

/** Every oracle that watches over a run; convergence, silence and program errors are judged by the run itself. */
export const oracles: readonly Oracle[] = [
  vfInOnePod, vfsInUse, drainBudget, rebootPermission, foreignPfs, succeededIsTrue, adminCordon, hotLoop, attachedIsAllocated, noLeaks, viewsAgree,
];
export type { Oracle, OracleChecks, OracleContext, Violation } from './oracle.ts';
