import { fail, ok } from '../result.ts';
import type { Result } from '../result.ts';

/** VF indices from `first` to `last`, both included. */
export interface VfRange {
  readonly first: number;
  readonly last: number;
}

/** A PF as a policy names it: `ens1f0`, or `ens1f0#2-5` for some of its VFs only. */
export interface PfNameEntry {
  readonly pfName: string;
  readonly range?: VfRange;
}

/** The failure is a sentence about the text. */
export function parseVfRange(text: string): Result<VfRange, string> {
  const digits = /^(\d{1,5})-(\d{1,5})$/.exec(text);
  if (digits === null) return fail(`"${text}" is no VF range; write the first and the last index, such as "0-3"`);
  const range = { first: Number(digits[1]), last: Number(digits[2]) };
  return range.last < range.first ? fail(`range "${text}" ends before it begins`) : ok(range);
}

export function formatVfRange(range: VfRange): string {
  return `${range.first}-${range.last}`;
}

/** An element of `nicSelector.pfNames`. The failure is a sentence. */
export function parsePfName(text: string): Result<PfNameEntry, string> {
  const hash = text.indexOf('#');
  if (hash < 0) return text === '' ? fail('a PF name is empty') : ok({ pfName: text });
  const pfName = text.slice(0, hash);
  if (pfName === '') return fail(`"${text}" names no PF before "#"`);
  const range = parseVfRange(text.slice(hash + 1));
  return range.ok ? ok({ pfName, range: range.value }) : range;
}

export function rangesOverlap(a: VfRange, b: VfRange): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** Whether every index of `inner` is in one of `outer`, which are united (see {@link uniteRanges}). */
export function rangesCover(outer: readonly VfRange[], inner: VfRange): boolean {
  return outer.some((range) => range.first <= inner.first && inner.last <= range.last);
}

/** The same indices as ascending ranges that neither overlap nor touch. */
export function uniteRanges(ranges: readonly VfRange[]): readonly VfRange[] {
  const united: VfRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.first - b.first || a.last - b.last)) {
    const previous = united.at(-1);
    if (previous !== undefined && range.first <= previous.last + 1) {
      united[united.length - 1] = { first: previous.first, last: Math.max(previous.last, range.last) };
    } else {
      united.push(range);
    }
  }
  return united;
}
