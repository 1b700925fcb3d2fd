export * from './machine.ts';
export { machineTables } from './machine-tables.ts';
export * from './mermaid.ts';
export * from './node.ts';
export * from './pf.ts';
export { compileTable } from './table.ts';
export type { MachineTable } from './table.ts';
export * from './vf.ts';
