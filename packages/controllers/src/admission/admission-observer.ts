/** Told of each request for admission that was answered; for metrics. */
export interface AdmissionObserver {
  /** `webhook` is `mutate`, `validate`, `inject` or `other`; `outcome` is `allowed`, `denied`, or the HTTP status of an answer that is no review. `tookMs` counts from the whole request; absent where none was read. */
  answered(webhook: 'mutate' | 'validate' | 'inject' | 'other', outcome: string, tookMs?: number): void;
}
