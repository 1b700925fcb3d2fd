export * from './machine.ts';
export * from './mermaid.ts';
export * from './node.ts';
export * from './pf.ts';
export * from './vf.ts';
