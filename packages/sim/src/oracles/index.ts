import { acceptedIsRendered } from './accepted-is-rendered.ts';
import { adminCordon } from './admin-cordon.ts';
import { attachedIsAllocated } from './attached-is-allocated.ts';
import { drainBudget } from './drain-budget.ts';
import { drainsEnd } from './drains-end.ts';
import { endsAsTold } from './ends-as-told.ts';
import { evictsOnly } from './evicts-only.ts';
import { foreignPfs } from './foreign-pfs.ts';
import { hotLoop } from './hot-loop.ts';
import { noLeaks } from './no-leaks.ts';
import { nodesSettle } from './nodes-settle.ts';
import { oneLeader } from './one-leader.ts';
import type { Judgement, Oracle } from './oracle.ts';
import { podsKeepVfs } from './pods-keep-vfs.ts';
import { podsRun } from './pods-run.ts';
import { programError } from './program-error.ts';
import { rebootPermission } from './reboot-permission.ts';
import { sameEnd } from './same-end.ts';
import { silence } from './silence.ts';
import { succeededIsTrue } from './succeeded-is-true.ts';
import { vfInOnePod } from './vf-in-one-pod.ts';
import { vfsInUse } from './vfs-in-use.ts';
import { viewsAgree } from './views-agree.ts';

/** Every oracle that watches over a run. */
export const oracles: readonly Oracle[] = [
  vfInOnePod, vfsInUse, drainBudget, rebootPermission, foreignPfs, succeededIsTrue, adminCordon, evictsOnly, oneLeader, acceptedIsRendered, hotLoop, attachedIsAllocated, podsKeepVfs, noLeaks, viewsAgree,
];
/** What the run itself judges, because it waits for it or compares with it. */
export const judgements = { drainsEnd, nodesSettle, podsRun, silence, endsAsTold, sameEnd, programError } as const;
/** All of them, for people and for checks of names. */
export const properties: readonly Judgement[] = [...oracles, ...Object.values(judgements)];
export type { Judgement, Oracle, OracleChecks, OracleContext, Violation } from './oracle.ts';
