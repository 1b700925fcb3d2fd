import { equalJson, getOwn, isObject } from '../values/json.ts';

/**
 * The order of a merged list (apimachinery strategicpatch, normalizeElementOrder): items that `wanted` names stand in its
 * order, the rest in the order of `original`; where both were in `original`, that decides how the two interleave.
 */
export function inSpecifiedOrder(items: readonly unknown[], wanted: readonly unknown[], original: readonly unknown[], mergeKey: string | undefined): readonly unknown[] {
  const place = (list: readonly unknown[], item: unknown) => list.findIndex((other) => equalJson(identity(other, mergeKey), identity(item, mergeKey)));
  const named = items.filter((item) => place(wanted, item) >= 0).sort((a, b) => place(wanted, a) - place(wanted, b));
  const rest = items.filter((item) => place(wanted, item) < 0);
  const merged: unknown[] = [];
  let left = 0;
  let right = 0;
  while (left < rest.length && right < named.length) {
    const before = place(original, rest[left]);
    const after = place(original, named[right]);
    if (before >= 0 && after >= 0 && before < after) merged.push(rest[left++]);
    else merged.push(named[right++]);
  }
  return [...merged, ...rest.slice(left), ...named.slice(right)];
}

function identity(item: unknown, mergeKey: string | undefined): unknown {
  return mergeKey !== undefined && isObject(item) ? getOwn(item, mergeKey) : item;
}
