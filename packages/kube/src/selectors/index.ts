export * from './names.ts';
export type { SelectorError } from './selector-error.ts';
export * from './label-selector.ts';
export * from './field-selector.ts';
