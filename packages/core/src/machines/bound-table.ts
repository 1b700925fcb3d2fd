import type { AnyStateMachine, AnyStateNode } from 'xstate';
import type { MachineTable } from './table.ts';

type Context = Readonly<Record<string, unknown>>;
type Event = { readonly type: string };
type Asked<Value> = (info: { readonly context: Context; readonly event: Event }, params: unknown) => Value;

/** An action of a machine: it changes the context, or it is an effect that the caller carries out. */
type Action =
  | { readonly kind: 'assign'; readonly assignment: Asked<Context> | Context; readonly params: unknown }
  | { readonly kind: 'effect'; readonly type: string; readonly params: unknown };

export interface TableEffect {
  readonly type: string;
  readonly params: unknown;
}

/** Where a table led to. */
export interface TableStep {
  readonly value: string;
  readonly context: Context;
  readonly effects: readonly TableEffect[];
}

const NOTHING: readonly TableEffect[] = Object.freeze([]);

/** A table together with the functions of the machine that it was made from. */
export class BoundTable {
  readonly #table: MachineTable;
  readonly #states: ReadonlyMap<string, number>;
  readonly #events: ReadonlyMap<string, number>;
  readonly #guards: readonly Asked<boolean>[];
  readonly #actions: readonly Action[];
  readonly #first: (input: unknown) => Context;

  constructor(machine: AnyStateMachine, table: MachineTable) {
    this.#table = table;
    this.#states = new Map(table.states.map((name, index) => [name, index]));
    this.#events = new Map(table.events.map((name, index) => [name, index]));
    this.#guards = table.guards.map((name) => guardOf(machine, name));
    this.#actions = table.actions.map((name) => actionOf(machine, name));
    if (table.states.join() !== Object.keys(machine.root.states).join()) throw new Error(`the table of ${machine.id} is of another machine; run npm run generate`);
    // A machine's context is data, or a function of its input.
    const context = machine.config.context as Context | ((info: { readonly input: unknown }) => Context);
    this.#first = (input) => (typeof context === 'function' ? context({ input }) : context);
  }

  start(input: unknown): TableStep {
    const event = { type: 'xstate.init', input };
    const { start, states } = this.#table;
    return this.#perform(start, 1, start.length, states[start[0]!]!, this.#first(input), event);
  }

  /** Undefined when the state has no transition for the event, or none whose guard holds. */
  advance(value: string, context: Context, event: Event): TableStep | undefined {
    const state = this.#states.get(value);
    if (state === undefined) throw new Error(`there is no state ${value}`);
    const kind = this.#events.get(event.type);
    if (kind === undefined) return undefined;
    const { cells, ways, states, events } = this.#table;
    const cell = state * events.length + kind;
    const end = cells[cell + 1]!;
    for (let at = cells[cell]!; at < end; ) {
      const [guard, target, from] = [ways[at]!, ways[at + 1]!, at + 3];
      const to = from + ways[at + 2]!;
      if (guard === 0 || this.#guards[guard - 1]!({ context, event }, undefined)) return this.#perform(ways, from, to, target === 0 ? value : states[target - 1]!, context, event);
      at = to;
    }
    return undefined;
  }

  /** Carries actions out in order: each sees the context as those before it have left it. */
  #perform(actions: readonly number[], from: number, to: number, value: string, before: Context, event: Event): TableStep {
    let context = before;
    let effects: TableEffect[] | undefined;
    for (let at = from; at < to; at++) {
      const action = this.#actions[actions[at]!]!;
      if (action.kind === 'assign') context = { ...context, ...assigned(action.assignment, context, event, paramsOf(action.params, context, event)) };
      else (effects ??= []).push({ type: action.type, params: paramsOf(action.params, context, event) });
    }
    return { value, context, effects: effects ?? NOTHING };
  }
}

function paramsOf(params: unknown, context: Context, event: Event): unknown {
  return typeof params === 'function' ? (params as (info: { readonly context: Context; readonly event: Event }) => unknown)({ context, event }) : params;
}

function assigned(assignment: Asked<Context> | Context, context: Context, event: Event, params: unknown): Context {
  if (typeof assignment === 'function') return (assignment as Asked<Context>)({ context, event }, params);
  const update: Record<string, unknown> = {};
  for (const key of Object.keys(assignment)) {
    const value = assignment[key];
    update[key] = typeof value === 'function' ? (value as Asked<unknown>)({ context, event }, params) : value;
  }
  return update;
}

function guardOf(machine: AnyStateMachine, name: string): Asked<boolean> {
  const guard: unknown = machine.implementations.guards[name];
  if (typeof guard !== 'function') throw new Error(`the table of ${machine.id} is of another machine: there is no guard ${name}; run npm run generate`);
  return guard as Asked<boolean>;
}

function actionOf(machine: AnyStateMachine, name: string): Action {
  const reference = name in machine.implementations.actions ? name : at(machine.root, name);
  const isNamed = typeof reference === 'object' && reference !== null && 'type' in reference;
  const type = typeof reference === 'string' ? reference : isNamed ? String(reference.type) : undefined;
  const implementation: unknown = type === undefined ? reference : machine.implementations.actions[type];
  if (typeof implementation !== 'function') throw new Error(`the table of ${machine.id} is of another machine: there is no action ${name}; run npm run generate`);
  const params: unknown = isNamed && 'params' in reference ? reference.params : undefined;
  // xstate's assign() answers a function that carries what it was given.
  if ('assignment' in implementation) return { kind: 'assign', assignment: implementation.assignment as Asked<Context> | Context, params };
  return { kind: 'effect', type: type ?? implementation.name, params };
}

/** The action at a place of a machine, `rebooting.on.started.1.actions.0`. */
function at(root: AnyStateNode, place: string): unknown {
  const [state, ...steps] = place.split('.');
  const node = root.states[state!];
  if (node === undefined) return undefined;
  if (steps[0] !== 'on') return (steps[0] === 'entry' ? node.entry : node.exit)[Number(steps[1])];
  return node.transitions.get(steps[1]!)?.[Number(steps[2])]?.actions[Number(steps[4])];
}
