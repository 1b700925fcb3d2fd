export * from './node-policy.ts';
export * from './others.ts';
export { rejectionText } from './review.ts';
export type { AdmissionCode, Finding, Review } from './review.ts';
