import type { AnyStateMachine, ContextFrom, EmittedFrom, EventFromLogic, InputFrom, StateValueFrom } from 'xstate';
import { BoundTable } from './bound-table.ts';
import type { TableStep } from './bound-table.ts';
import { machineTables } from './machine-tables.ts';
import { compileTable } from './table.ts';

/** Where a machine stands, as JSON data: this is what is persisted and resumed, never an xstate snapshot. */
export interface MachineState<Machine extends AnyStateMachine> {
  readonly value: StateValueFrom<Machine>;
  readonly context: ContextFrom<Machine>;
}

/** A machine's effects, declared as functions that do nothing: their names and parameter types are what counts. */
export type EffectDeclarations = Readonly<Record<string, (info: never, params: never) => void>>;

/** One effect as a value, for each of the declarations. */
export type EffectOf<Declarations extends EffectDeclarations> = {
  [Type in keyof Declarations & string]: Parameters<Declarations[Type]> extends [unknown, infer Params]
    ? { readonly type: Type; readonly params: Params }
    : { readonly type: Type; readonly params: undefined };
}[keyof Declarations & string];

/**
 * What the caller has to do because of a transition, in order. A machine states it in its `setup` as `types.emitted`; its other
 * actions are assignments to the context, which ask nothing of the outside.
 */
export type MachineEffect<Machine extends AnyStateMachine> = EmittedFrom<Machine>;

/** One step of a machine. `changed` is false when the state has no transition for the event, and then there are no effects. */
export interface MachineStep<Machine extends AnyStateMachine> {
  readonly state: MachineState<Machine>;
  readonly effects: readonly MachineEffect<Machine>[];
  readonly changed: boolean;
}

const tables = new WeakMap<AnyStateMachine, BoundTable>();

/** The machine's table: the generated one, or one compiled now for a machine that was made elsewhere. */
function tableOf(machine: AnyStateMachine): BoundTable {
  let table = tables.get(machine);
  if (table === undefined) tables.set(machine, (table = new BoundTable(machine, machineTables[machine.id] ?? compileTable(machine))));
  return table;
}

/** The first state and what entering it asks for. */
export function startMachine<Machine extends AnyStateMachine>(machine: Machine, input: InputFrom<Machine>): MachineStep<Machine> {
  return stepOf<Machine>(tableOf(machine).start(input), true);
}

/** The state after `event`, and what to do about it. Pure: same arguments, same answer; nothing is run. */
export function advance<Machine extends AnyStateMachine>(
  machine: Machine,
  state: MachineState<Machine>,
  event: EventFromLogic<Machine>,
): MachineStep<Machine> {
  const next = tableOf(machine).advance(state.value as string, state.context as Readonly<Record<string, unknown>>, event);
  const changed = next !== undefined && (next.value !== state.value || next.context !== state.context || next.effects.length > 0);
  return changed ? stepOf<Machine>(next, true) : { state, effects: [], changed: false };
}

/** The table was made from the machine, and so what it leads to has the machine's types. */
function stepOf<Machine extends AnyStateMachine>({ value, context, effects }: TableStep, changed: boolean): MachineStep<Machine> {
  return { state: { value, context } as MachineState<Machine>, effects: effects as readonly MachineEffect<Machine>[], changed };
}
