import type { Judgement } from './oracle.ts';

/** Judged by the run: it waits for it. */
export const podsRun: Judgement = { name: 'pods-run', property: 'Once faults have ceased, every pod of the workloads comes to run.' };
