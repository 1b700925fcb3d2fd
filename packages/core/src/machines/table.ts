import type { AnyStateMachine, AnyStateNode } from 'xstate';

/**
 * A machine as integers: what the interpreter finds out anew at each event (6 to 26 µs) is found out once, by `npm run generate`.
 * The machine stays the source: guards, assignments and parameters are its own functions, named here by their place.
 */
export interface MachineTable {
  readonly states: readonly string[];
  readonly events: readonly string[];
  readonly guards: readonly string[];
  /** By name, or by place where there is more to it than a name: `rebooting.entry.2`, `rebooting.on.started.1.actions.0`. */
  readonly actions: readonly string[];
  /** The first state, then the actions of entering it. */
  readonly start: readonly number[];
  /** At `state × events + event`, where its candidates begin in `ways`; the last number is the end of all. */
  readonly cells: readonly number[];
  /** One candidate after the other, in the order they are asked: guard + 1 or 0, target + 1 or 0 to stay, how many actions, the actions. */
  readonly ways: readonly number[];
}

/** Compiles a flat machine: states within the root with `on`, `entry` and `exit`. Throws for what a table cannot say. */
export function compileTable(machine: AnyStateMachine): MachineTable {
  const { root } = machine;
  const nodes: readonly AnyStateNode[] = Object.values(root.states);
  requireFlat(root, nodes);
  const states = nodes.map(({ key }) => key);
  const events = [...new Set(nodes.flatMap(({ transitions }) => [...transitions.keys()]))];
  const [guards, actions] = [new Numbering(), new Numbering()];
  const numbered = (list: readonly unknown[], place: string) => list.map((action, index) => actions.of(nameOf(action) ?? `${place}.${index}`));
  const entry = (node: AnyStateNode) => numbered(node.entry, `${node.key}.entry`);
  const cells: number[] = [];
  const ways: number[] = [];
  for (const node of nodes) {
    for (const event of events) {
      cells.push(ways.length);
      for (const [nth, { guard, target, actions: own, reenter }] of (node.transitions.get(event) ?? []).entries()) {
        const next = target?.[0];
        // A transition to its own state stays inside of it unless it says that it reenters.
        const moves = next !== undefined && (next !== node || reenter);
        const done = numbered(own, `${node.key}.on.${event}.${nth}.actions`);
        const all = moves ? [...numbered(node.exit, `${node.key}.exit`), ...done, ...entry(next)] : done;
        ways.push(guard === undefined ? 0 : guards.of(guardName(guard)) + 1, next === undefined ? 0 : states.indexOf(next.key) + 1, all.length, ...all);
      }
    }
  }
  cells.push(ways.length);
  const first = root.initial.target[0]!;
  return { states, events, start: [states.indexOf(first.key), ...entry(first)], cells, ways, guards: guards.names, actions: actions.names };
}

function requireFlat(root: AnyStateNode, nodes: readonly AnyStateNode[]): void {
  const beyond = (node: AnyStateNode) => (node.always?.length ?? 0) > 0 || node.invoke.length > 0 || node.after.length > 0;
  if (root.transitions.size > 0 || root.entry.length > 0 || root.exit.length > 0 || beyond(root)) throw new Error(`${root.machine.id}: the root has transitions or actions of its own`);
  for (const node of nodes) {
    if (node.type !== 'atomic' || beyond(node)) throw new Error(`${node.id} is no plain state: a table has no nested states, delays or invoked actors`);
    if ([...node.transitions.keys()].some((event) => event.includes('*'))) throw new Error(`${node.id} has a wildcard`);
  }
}

class Numbering {
  readonly names: string[] = [];

  of(name: string): number {
    const known = this.names.indexOf(name);
    return known >= 0 ? known : this.names.push(name) - 1;
  }
}

/** Of an action that is a name and nothing else. */
function nameOf(action: unknown): string | undefined {
  if (typeof action === 'string') return action;
  return typeof action === 'object' && action !== null && 'type' in action && typeof action.type === 'string' && !('params' in action) ? action.type : undefined;
}

function guardName(guard: unknown): string {
  if (typeof guard !== 'string') throw new Error('a guard has to be named');
  return guard;
}
