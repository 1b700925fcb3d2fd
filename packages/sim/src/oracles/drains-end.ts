import type { Judgement } from './oracle.ts';

/** Judged by the run: it waits for it. */
export const drainsEnd: Judgement = { name: 'drains-end', property: 'Once faults have ceased, every drain that was asked for is carried out, used and given back.' };
