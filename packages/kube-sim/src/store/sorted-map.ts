/**
 * A persistent sorted map from text to values: every change returns a new map that shares all untouched parts with the old
 * one, so that a list can go on reading the state it began with while writers move on. A B-tree whose nodes are never
 * changed once built; keys order by UTF-16 code unit, which for the ASCII names of Kubernetes is etcd's byte order.
 */
export interface SortedMap<Value> {
  readonly size: number;
  readonly root: Branch<Value>;
}

interface Leaf<Value> {
  readonly keys: readonly string[];
  readonly values: readonly Value[];
  readonly children?: undefined;
}

interface Inner<Value> {
  /** The smallest key below each child. */
  readonly keys: readonly string[];
  readonly children: readonly Branch<Value>[];
}

type Branch<Value> = Leaf<Value> | Inner<Value>;

/** Entries in a node before it splits. Wide enough for short trees, narrow enough for cheap copies. */
const MAX_ENTRIES = 64;

const EMPTY: SortedMap<never> = { size: 0, root: { keys: [], values: [] } };

export function emptySortedMap<Value>(): SortedMap<Value> {
  return EMPTY;
}

/** Index of the first key that is not less than `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the child in which `key` is or would be. */
function childIndex(keys: readonly string[], key: string): number {
  const index = lowerBound(keys, key);
  return index < keys.length && keys[index] === key ? index : Math.max(0, index - 1);
}

export function sortedGet<Value>(map: SortedMap<Value>, key: string): Value | undefined {
  let node = map.root;
  while (node.children !== undefined) {
    if (node.children.length === 0) return undefined;
    node = node.children[childIndex(node.keys, key)]!;
  }
  const index = lowerBound(node.keys, key);
  return node.keys[index] === key ? node.values[index] : undefined;
}

export function sortedSet<Value>(map: SortedMap<Value>, key: string, value: Value): SortedMap<Value> {
  const grown = { by: 0 };
  const parts = insert(map.root, key, value, grown);
  const root: Branch<Value> = parts.length === 1 ? parts[0]! : { keys: parts.map((part) => part.keys[0]!), children: parts };
  return { size: map.size + grown.by, root };
}

export function sortedDelete<Value>(map: SortedMap<Value>, key: string): SortedMap<Value> {
  const root = remove(map.root, key);
  if (root === map.root) return map;
  if (root === undefined) return EMPTY;
  // A chain of single children above one node would only cost steps.
  let top = root;
  while (top.children !== undefined && top.children.length === 1) top = top.children[0]!;
  return { size: map.size - 1, root: top };
}

function insert<Value>(node: Branch<Value>, key: string, value: Value, grown: { by: number }): readonly Branch<Value>[] {
  if (node.children === undefined) {
    const index = lowerBound(node.keys, key);
    if (node.keys[index] === key) return [{ keys: node.keys, values: node.values.with(index, value) }];
    grown.by = 1;
    return splitLeaf(inserted(node.keys, index, key), inserted(node.values, index, value));
  }
  const at = childIndex(node.keys, key);
  const parts = insert(node.children[at]!, key, value, grown);
  const children = replaced(node.children, at, parts);
  const keys = replaced(node.keys, at, parts.map((part) => part.keys[0]!));
  if (children.length <= MAX_ENTRIES) return [{ keys, children }];
  const half = splitPoint(children.length, at);
  return [
    { keys: keys.slice(0, half), children: children.slice(0, half) },
    { keys: keys.slice(half), children: children.slice(half) },
  ];
}

function splitLeaf<Value>(keys: readonly string[], values: readonly Value[]): readonly Leaf<Value>[] {
  if (keys.length <= MAX_ENTRIES) return [{ keys, values }];
  const half = keys.length >> 1;
  return [
    { keys: keys.slice(0, half), values: values.slice(0, half) },
    { keys: keys.slice(half), values: values.slice(half) },
  ];
}

function splitPoint(length: number, changedAt: number): number {
  // Names are often made in ascending order: then the right part stays small and the left one full.
  return changedAt >= length - 2 ? length - (MAX_ENTRIES >> 2) : length >> 1;
}

function remove<Value>(node: Branch<Value>, key: string): Branch<Value> | undefined {
  if (node.children === undefined) {
    const index = lowerBound(node.keys, key);
    if (node.keys[index] !== key) return node;
    if (node.keys.length === 1) return undefined;
    return { keys: removed(node.keys, index), values: removed(node.values, index) };
  }
  if (node.children.length === 0) return node;
  const at = childIndex(node.keys, key);
  const child = remove(node.children[at]!, key);
  if (child === node.children[at]) return node;
  if (child === undefined) {
    if (node.children.length === 1) return undefined;
    return { keys: removed(node.keys, at), children: removed(node.children, at) };
  }
  return mergedWithNeighbour(node, at, child);
}

/** Puts a shrunken child back, joined with its left neighbour when both fit well into one node. */
function mergedWithNeighbour<Value>(node: Inner<Value>, at: number, child: Branch<Value>): Branch<Value> {
  const left = at > 0 ? node.children[at - 1]! : undefined;
  if (left !== undefined && left.keys.length + child.keys.length <= MAX_ENTRIES >> 1) {
    const joined = join(left, child);
    if (joined !== undefined) {
      return { keys: removed(node.keys, at), children: removed(node.children, at).with(at - 1, joined) };
    }
  }
  return { keys: node.keys.with(at, child.keys[0]!), children: node.children.with(at, child) };
}

function join<Value>(left: Branch<Value>, right: Branch<Value>): Branch<Value> | undefined {
  const keys = [...left.keys, ...right.keys];
  if (left.children === undefined && right.children === undefined) return { keys, values: [...left.values, ...right.values] };
  if (left.children !== undefined && right.children !== undefined) return { keys, children: [...left.children, ...right.children] };
  return undefined;
}

function inserted<Item>(items: readonly Item[], index: number, item: Item): Item[] {
  const copy = items.slice();
  copy.splice(index, 0, item);
  return copy;
}

function replaced<Item>(items: readonly Item[], index: number, by: readonly Item[]): readonly Item[] {
  if (by.length === 1) return items[index] === by[0] ? items : items.with(index, by[0]!);
  const copy = items.slice();
  copy.splice(index, 1, ...by);
  return copy;
}

function removed<Item>(items: readonly Item[], index: number): Item[] {
  const copy = items.slice();
  copy.splice(index, 1);
  return copy;
}

/**
 * Visits entries with `from` ≤ key < `to` in order until `visit` returns false. `to` undefined means to the end.
 * Returns false when the visit was stopped.
 */
export function sortedVisit<Value>(
  map: SortedMap<Value>, from: string, to: string | undefined, visit: (key: string, value: Value) => boolean,
): boolean {
  return visitBranch(map.root, from, to, visit);
}

function visitBranch<Value>(
  node: Branch<Value>, from: string, to: string | undefined, visit: (key: string, value: Value) => boolean,
): boolean {
  if (node.children === undefined) {
    for (let index = lowerBound(node.keys, from); index < node.keys.length; index++) {
      const key = node.keys[index]!;
      if (to !== undefined && key >= to) return true;
      if (!visit(key, node.values[index]!)) return false;
    }
    return true;
  }
  for (let index = childIndex(node.keys, from); index < node.children.length; index++) {
    if (to !== undefined && node.keys[index]! >= to) return true;
    if (!visitBranch(node.children[index]!, from, to, visit)) return false;
  }
  return true;
}
