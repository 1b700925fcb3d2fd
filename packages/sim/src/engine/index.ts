export { RealWaitError } from './barrier.ts';
export { RunningHash, hashText } from './hash.ts';
export { Marks, addMarks } from './marks.ts';
export { NotReachedError, Simulation } from './simulation.ts';
export { Trace, traceLine } from './trace.ts';
export type { TraceEntry } from './trace.ts';
