/** What the machine leaves in results.json: as much of Vitest's JSON report as those read who sum several runners. */
export interface KernelResults {
  readonly numTotalTests: number;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly success: boolean;
  readonly testResults: readonly FileResult[];
}

export interface FileResult {
  readonly name: string;
  readonly status: 'passed' | 'failed';
  readonly assertionResults: readonly AssertionResult[];
}

export interface AssertionResult {
  readonly fullName: string;
  readonly status: 'passed' | 'failed' | 'pending';
  /** Milliseconds. */
  readonly duration: number;
  readonly failureMessages: readonly string[];
}

export function resultsOf(files: ReadonlyMap<string, readonly AssertionResult[]>): KernelResults {
  const all = [...files.values()].flat();
  const count = (status: AssertionResult['status']) => all.filter((result) => result.status === status).length;
  return {
    numTotalTests: all.length, numPassedTests: count('passed'), numFailedTests: count('failed'), numPendingTests: count('pending'), numTodoTests: 0, success: count('failed') === 0,
    testResults: [...files].map(([name, assertionResults]) => ({ name, status: assertionResults.some(({ status }) => status === 'failed') ? 'failed' : 'passed', assertionResults })),
  };
}
