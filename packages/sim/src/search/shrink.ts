/** How a shrink goes on. */
export interface ShrinkProgress {
  readonly runs: number;
  readonly left: number;
}

/**
 * Delta debugging (Zeller's ddmin): the smallest part of `items`, by taking away ever smaller chunks, for which `fails` still holds.
 * `fails(items)` must hold to begin with. At most `runsMax` questions are asked.
 */
export async function shrink<Item>(items: readonly Item[], fails: (part: readonly Item[]) => Promise<boolean>, options: { readonly runsMax?: number; readonly onProgress?: (progress: ShrinkProgress) => void } = {}): Promise<readonly Item[]> {
  const runsMax = options.runsMax ?? 2000;
  let current = items;
  let chunks = 2;
  let runs = 0;
  const ask = (part: readonly Item[]) => {
    runs++;
    return fails(part);
  };
  if (current.length > 0 && (await ask([]))) return [];
  while (current.length >= 2 && runs < runsMax) {
    const size = Math.ceil(current.length / chunks);
    let smaller: readonly Item[] | undefined;
    for (let start = 0; start < current.length && smaller === undefined && runs < runsMax; start += size) {
      const rest = [...current.slice(0, start), ...current.slice(start + size)];
      if (await ask(rest)) smaller = rest;
    }
    options.onProgress?.({ runs, left: smaller?.length ?? current.length });
    if (smaller !== undefined) {
      current = smaller;
      chunks = Math.max(2, chunks - 1);
    } else if (size === 1) break;
    else chunks = Math.min(current.length, chunks * 2);
  }
  return current;
}
