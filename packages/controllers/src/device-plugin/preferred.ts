/** Where a device sits, for choosing devices that are close to each other. */
export interface Placement {
  readonly id: string;
  readonly pf: string;
  /** −1 when unknown. */
  readonly numaNode: number;
}

export interface PreferenceRequest {
  readonly available: readonly string[];
  readonly mustInclude: readonly string[];
  readonly size: number;
}

/**
 * Chooses `size` devices of those available: first those that must be, then from the PFs and NUMA nodes already in use, then from
 * the PF that fits most tightly on a NUMA node that can serve the whole request, so that one pod's devices are near each other and whole PFs stay free for
 * larger requests. The answer is in the order of `placements`, after what must be included.
 */
export function preferredDevices(placements: readonly Placement[], request: PreferenceRequest): readonly string[] {
  const available = new Set(request.available);
  const chosen = new Set(request.mustInclude);
  const free = placements.filter(({ id }) => available.has(id) && !chosen.has(id));
  const inUse = placements.filter(({ id }) => chosen.has(id));
  const usedPfs = new Set(inUse.map(({ pf }) => pf));
  const usedNumaNodes = new Set(inUse.map(({ numaNode }) => numaNode));
  const picked: string[] = [];
  for (let missing = request.size - chosen.size; missing > 0; missing = request.size - chosen.size - picked.length) {
    const rest = free.filter(({ id }) => !picked.includes(id));
    const group = bestPf(rest, missing, usedPfs, usedNumaNodes);
    if (group === undefined) break;
    picked.push(...group.slice(0, missing).map(({ id }) => id));
    usedPfs.add(group[0]!.pf);
    usedNumaNodes.add(group[0]!.numaNode);
  }
  return [...request.mustInclude, ...placements.filter(({ id }) => picked.includes(id)).map(({ id }) => id)].slice(0, request.size);
}

function bestPf(free: readonly Placement[], missing: number, usedPfs: ReadonlySet<string>, usedNumaNodes: ReadonlySet<number>): readonly Placement[] | undefined {
  const byPf = Map.groupBy(free, ({ pf }) => pf);
  const onNumaNode = Map.groupBy(free, ({ numaNode }) => numaNode);
  const rank = (group: readonly Placement[]): readonly number[] => {
    const { pf, numaNode } = group[0]!;
    const near = onNumaNode.get(numaNode)!.length;
    return [
      Number(!usedPfs.has(pf)),
      Number(!usedNumaNodes.has(numaNode)),
      Number(near < missing),
      tightness(group.length, missing),
      tightness(near, missing),
    ];
  };
  let best: { readonly group: readonly Placement[]; readonly rank: readonly number[] } | undefined;
  for (const group of byPf.values()) {
    const own = rank(group);
    if (best === undefined || isLess(own, best.rank)) best = { group, rank: own };
  }
  return best?.group;
}

/** Small is good: what just fits first, then what is larger, then what is too small, the largest of those first. */
function tightness(size: number, missing: number): number {
  return size >= missing ? size - missing : 1_000_000 - size;
}

function isLess(a: readonly number[], b: readonly number[]): boolean {
  const index = a.findIndex((value, position) => value !== b[position]);
  return index >= 0 && a[index]! < b[index]!;
}
