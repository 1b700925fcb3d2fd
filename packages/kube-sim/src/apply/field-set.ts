/**
 * A set of fields in the form of metav1.FieldsV1: `f:name` for a field, `k:{"name":"x"}` for a list item by its keys, `v:"x"`
 * for an item of a set. An empty node is a member; a node with more below it is a member when it also has `.`. Sets are
 * frozen, and operations share what they do not change.
 */
export interface FieldSet {
  readonly [element: string]: FieldSet;
}

const SELF = '.';
/** A member with nothing below it; also the empty set, where a set is asked for. */
export const LEAF: FieldSet = Object.freeze({});
export const EMPTY_SET = LEAF;

export function isEmptySet(set: FieldSet): boolean {
  for (const _ in set) return false;
  return true;
}

function isMember(node: FieldSet | undefined): boolean {
  return node !== undefined && (Object.hasOwn(node, SELF) || isEmptySet(node));
}

/** The set below an element. */
export function below(set: FieldSet, element: string): FieldSet {
  const node = ownNode(set, element);
  if (node === undefined || !Object.hasOwn(node, SELF)) return node ?? EMPTY_SET;
  const { [SELF]: _self, ...children } = node;
  return children;
}

export function hasMember(set: FieldSet, element: string): boolean {
  return isMember(ownNode(set, element));
}

function ownNode(set: FieldSet, element: string): FieldSet | undefined {
  return Object.hasOwn(set, element) ? set[element] : undefined;
}

/** The node for an element that is or is not a member and has `children` below it; undefined for neither. */
function nodeOf(member: boolean, children: FieldSet): FieldSet | undefined {
  if (isEmptySet(children)) return member ? LEAF : undefined;
  return member ? Object.freeze({ [SELF]: LEAF, ...children }) : Object.freeze(children);
}

function combine(a: FieldSet, b: FieldSet, elements: readonly string[], node: (element: string) => FieldSet | undefined): FieldSet {
  const result: Record<string, FieldSet> = {};
  let isA = Object.isFrozen(a);
  let isB = Object.isFrozen(b);
  for (const element of elements) {
    const made = node(element);
    isA &&= made === ownNode(a, element);
    isB &&= made === ownNode(b, element);
    if (made !== undefined) result[element] = made;
  }
  const size = Object.keys(result).length;
  if (isA && size === Object.keys(a).length) return a;
  if (isB && size === Object.keys(b).length) return b;
  return Object.freeze(result);
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmptySet(b)) return a;
  if (isEmptySet(a)) return b;
  // Nearly every write is of fields that its manager has already.
  if (isWithin(b, a)) return a;
  if (isWithin(a, b)) return b;
  return combine(a, b, [...new Set([...Object.keys(a), ...Object.keys(b)])], (element) => {
    const left = ownNode(a, element);
    const right = ownNode(b, element);
    if (left === undefined || left === right) return right;
    if (right === undefined) return left;
    const children = union(below(a, element), below(b, element));
    const member = isMember(left) || isMember(right);
    return sameNode(left, member, children) ? left : sameNode(right, member, children) ? right : nodeOf(member, children);
  });
}

function sharesElement(a: FieldSet, b: FieldSet): boolean {
  for (const element in b) if (Object.hasOwn(a, element)) return true;
  return false;
}

/** Whether every member of `part` is one of `whole`. */
function isWithin(part: FieldSet, whole: FieldSet): boolean {
  for (const element in part) {
    if (element === SELF) continue;
    const [inner, outer] = [part[element]!, ownNode(whole, element)];
    if (inner === outer) continue;
    if (outer === undefined || (isMember(inner) && !isMember(outer)) || !isWithin(inner, outer)) return false;
  }
  return true;
}

function sameNode(node: FieldSet, member: boolean, children: FieldSet): boolean {
  if (isMember(node) !== member) return false;
  const keys = Object.keys(children);
  return keys.length === Object.keys(node).length - (Object.hasOwn(node, SELF) ? 1 : 0) && keys.every((key) => node[key] === children[key]);
}

/** Members of `a` that are no members of `b`. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (!sharesElement(a, b)) return a;
  return combine(a, EMPTY_SET, Object.keys(a), (element) => {
    const left = a[element]!;
    if (!Object.hasOwn(b, element)) return left;
    const children = difference(below(a, element), below(b, element));
    const member = isMember(left) && !isMember(b[element]);
    return sameNode(left, member, children) ? left : nodeOf(member, children);
  });
}

/** Like {@link difference}, but a member of `b` takes away all that is below it too. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  if (!sharesElement(a, b)) return a;
  return combine(a, EMPTY_SET, Object.keys(a), (element) => {
    const left = a[element]!;
    if (!Object.hasOwn(b, element)) return left;
    if (isMember(b[element])) return undefined;
    const children = recursiveDifference(below(a, element), below(b, element));
    return sameNode(left, isMember(left), children) ? left : nodeOf(isMember(left), children);
  });
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, b, Object.keys(a).filter((element) => Object.hasOwn(b, element)), (element) => {
    return nodeOf(isMember(a[element]) && isMember(b[element]), intersection(below(a, element), below(b, element)));
  });
}

/** The set of one path. */
export function setOfPath(path: readonly string[]): FieldSet {
  return path.reduceRight<FieldSet>((node, element) => Object.freeze({ [element]: node }), LEAF);
}

/** Calls `visit` with the path of every member, in the order of the elements. */
export function forEachMember(set: FieldSet, visit: (path: readonly string[]) => void, prefix: readonly string[] = []): void {
  const elements = Object.keys(set).filter((element) => element !== SELF).sort();
  // Members before what is below other elements, as the Go sets are walked.
  for (const element of elements) if (hasMember(set, element)) visit([...prefix, element]);
  for (const element of elements) forEachMember(below(set, element), visit, [...prefix, element]);
}

export function hasPath(set: FieldSet, path: readonly string[]): boolean {
  const last = path.at(-1);
  if (last === undefined) return false;
  return hasMember(path.slice(0, -1).reduce((inner, element) => below(inner, element), set), last);
}

/** A path as messages have it: `.spec.containers[name="a"].image`. */
export function pathText(path: readonly string[]): string {
  return path.map(elementText).join('');
}

function elementText(element: string): string {
  const content = element.slice(2);
  if (element.startsWith('f:')) return `.${content}`;
  if (element.startsWith('v:')) return `[=${content}]`;
  if (element.startsWith('k:')) {
    const keys = JSON.parse(content) as Readonly<Record<string, unknown>>;
    return `[${Object.keys(keys).sort().map((key) => `${key}=${JSON.stringify(keys[key])}`).join(',')}]`;
  }
  return `[${content}]`;
}

/** Collects paths into a set. */
export class FieldSetBuilder {
  readonly #root: MutableNode = { member: false, children: new Map() };

  insert(path: readonly string[]): void {
    let node = this.#root;
    for (const element of path) {
      let child = node.children.get(element);
      if (child === undefined) {
        child = { member: false, children: new Map() };
        node.children.set(element, child);
      }
      node = child;
    }
    node.member = true;
  }

  build(): FieldSet {
    return buildChildren(this.#root);
  }
}

interface MutableNode {
  member: boolean;
  readonly children: Map<string, MutableNode>;
}

function buildChildren({ children }: MutableNode): FieldSet {
  const result: Record<string, FieldSet> = {};
  for (const [element, child] of children) {
    const built = nodeOf(child.member, buildChildren(child));
    if (built !== undefined) result[element] = built;
  }
  return Object.freeze(result);
}
