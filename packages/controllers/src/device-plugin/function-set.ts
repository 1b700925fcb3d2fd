import { fail, ok } from '@vfleet/core';
import type { Result } from '@vfleet/core';

/** Functions of one PF: all, PF included, or VFs by index; of subfunctions, by their number. */
export interface FunctionSet {
  /** PF name or PF address, as written. */
  readonly pf: string;
  /** Inclusive; absent: every function of the PF. */
  readonly ranges?: readonly { readonly first: number; readonly last: number }[];
}

const RANGE = /^(\d{1,5})(?:-(\d{1,5}))?$/;

/** An item of `pfNames` or `rootDevices`: `<PF>` or `<PF>#0,2-7,9`. The failure is a sentence. */
export function parseFunctionSet(text: string): Result<FunctionSet, string> {
  const [pf = '', indices, ...rest] = text.split('#');
  if (pf === '') return fail(`"${text}" names no PF`);
  if (rest.length > 0) return fail(`"${text}" has more than one "#"`);
  if (indices === undefined) return ok({ pf });
  const ranges: { first: number; last: number }[] = [];
  for (const part of indices.split(',')) {
    const match = RANGE.exec(part);
    if (match === null) return fail(`"${part}" in "${text}" is no VF index and no range such as "2-7"`);
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last < first) return fail(`range "${part}" in "${text}" ends before it begins`);
    ranges.push({ first, last });
  }
  return ok({ pf, ranges });
}

export function formatFunctionSet(set: FunctionSet): string {
  if (set.ranges === undefined) return set.pf;
  return `${set.pf}#${set.ranges.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`)).join(',')}`;
}

/** Whether the set holds a function; `vfIndex` is undefined for the PF itself, which only a set without indices holds. */
export function holdsFunction(set: FunctionSet, vfIndex: number | undefined): boolean {
  if (set.ranges === undefined) return true;
  return vfIndex !== undefined && set.ranges.some(({ first, last }) => first <= vfIndex && vfIndex <= last);
}
