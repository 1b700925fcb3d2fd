import type { Judgement } from './oracle.ts';

/** Judged at any time: by what reconciles, watchers and promises throw. */
export const programError: Judgement = { name: 'program-error', property: 'Production code throws nothing but operating errors.' };
