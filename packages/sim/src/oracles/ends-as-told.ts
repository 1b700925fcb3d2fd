import type { Judgement } from './oracle.ts';

/** Judged by the run, at rest: by the expectations of the scenario. */
export const endsAsTold: Judgement = { name: 'ends-as-told', property: 'The scenario ends as it says it does.' };
