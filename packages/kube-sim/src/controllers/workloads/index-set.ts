/** Indexes of an indexed Job. */
export type IndexSet = ReadonlySet<number>;

/**
 * Reads `0,2-5` as statuses and success policies write it (batch/v1, JobStatus.completedIndexes). Indexes from `completions` on and
 * parts that are no number are left out, as the Job controller does.
 */
export function parseIndexes(text: string, completions: number): IndexSet {
  const indexes = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(part);
    if (match === null) continue;
    const last = Math.min(Number(match[2] ?? match[1]), completions - 1);
    for (let index = Number(match[1]); index <= last; index++) indexes.add(index);
  }
  return indexes;
}

/** Ranges of three and more are joined by a dash (kubernetes pkg/controller/job/indexed_job_utils.go, orderedIntervals.String). */
export function formatIndexes(indexes: IndexSet): string {
  const parts: string[] = [];
  const sorted = [...indexes].sort((a, b) => a - b);
  for (let at = 0; at < sorted.length; at++) {
    const first = sorted[at]!;
    while (sorted[at + 1] === sorted[at]! + 1) at++;
    const last = sorted[at]!;
    parts.push(first === last ? `${first}` : `${first}${last === first + 1 ? ',' : '-'}${last}`);
  }
  return parts.join(',');
}
