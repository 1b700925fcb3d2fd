/** One thing that admission says about an object. */
export interface Finding {
  /** Stable, for machines. */
  readonly code: AdmissionCode;
  /** Path in the object, such as `spec.nicSelector.pfNames[0]`; absent when the object as a whole is meant. */
  readonly field?: string;
  /** What is wrong, in one sentence. */
  readonly cause: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** What admission says: any rejection refuses the object; warnings are shown and let it pass. */
export interface Review {
  readonly rejections: readonly Finding[];
  readonly warnings: readonly Finding[];
}

export type AdmissionCode =
  // Node policies
  | 'otherNamespace' | 'ignoredName' | 'resourceName' | 'emptyNicSelector' | 'netFilter' | 'unsupportedNic' | 'range' | 'rdmaWithVfio' | 'switchdevNotEthernet' | 'vdpa'
  | 'bridge' | 'noNodeMatches' | 'noNicMatches' | 'undiscovered' | 'numVfsZero' | 'moreVfsThanTotal' | 'externallyManaged' | 'vdpaNotMellanox'
  | 'differentlyManaged' | 'overlap' | 'sharedRootDevice' | 'excludeTopology'
  // Pools
  | 'offloadPool' | 'maxUnavailable' | 'nodeSelector'
  // Networks
  | 'networkNamespace' | 'networkJson'
  // Operator configuration
  | 'configName' | 'drainDisabled' | 'drainDisabledInProgress' | 'unknownFeatureGate';

/** Collects findings; a rejection said twice is kept once. */
export class ReviewBuilder {
  readonly #rejections = new Map<string, Finding>();
  readonly #warnings = new Map<string, Finding>();

  reject(code: AdmissionCode, field: string | undefined, cause: string, remedy: string): void {
    this.#put(this.#rejections, code, field, cause, remedy);
  }

  warn(code: AdmissionCode, field: string | undefined, cause: string, remedy: string): void {
    this.#put(this.#warnings, code, field, cause, remedy);
  }

  get isRejected(): boolean {
    return this.#rejections.size > 0;
  }

  build(): Review {
    return { rejections: [...this.#rejections.values()], warnings: [...this.#warnings.values()] };
  }

  #put(findings: Map<string, Finding>, code: AdmissionCode, field: string | undefined, cause: string, remedy: string): void {
    findings.set(`${code}\n${field ?? ''}\n${cause}`, { code, ...(field === undefined ? {} : { field }), cause, remedy });
  }
}

/** The text that a person at a terminal reads: causes and remedies of the rejections. */
export function rejectionText(review: Review): string {
  return review.rejections.map(({ field, cause, remedy }) => `${field === undefined ? '' : `${field}: `}${cause}; ${remedy}`).join('. ');
}
