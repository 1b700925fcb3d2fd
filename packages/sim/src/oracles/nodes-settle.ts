import type { Judgement } from './oracle.ts';

/** Judged by the run: it waits for it. */
export const nodesSettle: Judgement = { name: 'nodes-settle', property: 'Once faults have ceased, every node state comes to say Succeeded for its newest spec, over such hardware.' };
