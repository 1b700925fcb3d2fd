import { initialTransition, transition } from 'xstate';
import type { AnyStateMachine, ContextFrom, EmittedFrom, EventFromLogic, InputFrom, SnapshotFrom, StateValueFrom } from 'xstate';

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

/**
 * A state that remembers the snapshot it was read from, which spares more than half of the next transition. The memory is no part
 * of the value: a state that came from JSON, or was copied, is resolved anew and goes on in the same way.
 */
class RememberedState<Machine extends AnyStateMachine> implements MachineState<Machine> {
  readonly value: StateValueFrom<Machine>;
  readonly context: ContextFrom<Machine>;
  readonly #snapshot: SnapshotFrom<Machine>;

  constructor(snapshot: SnapshotFrom<Machine>) {
    const { value, context } = snapshot as { value: StateValueFrom<Machine>; context: ContextFrom<Machine> };
    this.value = value;
    this.context = context;
    this.#snapshot = snapshot;
  }

  static snapshotOf<Machine extends AnyStateMachine>(machine: Machine, state: MachineState<Machine>): SnapshotFrom<Machine> {
    if (#snapshot in state) return (state as RememberedState<Machine>).#snapshot;
    return machine.resolveState({ value: state.value, context: state.context }) as SnapshotFrom<Machine>;
  }
}

/** The first state and what entering it asks for. */
export function startMachine<Machine extends AnyStateMachine>(machine: Machine, input: InputFrom<Machine>): MachineStep<Machine> {
  const begin = initialTransition as (machine: Machine, input: InputFrom<Machine>) => ReturnType<typeof initialTransition<Machine>>;
  const [snapshot, actions] = begin(machine, input);
  return { state: new RememberedState<Machine>(snapshot), effects: effectsOf<Machine>(actions), changed: true };
}

/** The state after `event`, and what to do about it. Pure: same arguments, same answer; nothing is run. */
export function advance<Machine extends AnyStateMachine>(
  machine: Machine,
  state: MachineState<Machine>,
  event: EventFromLogic<Machine>,
): MachineStep<Machine> {
  const [after, actions] = transition(machine, RememberedState.snapshotOf(machine, state), event);
  const next = new RememberedState<Machine>(after);
  const effects = effectsOf<Machine>(actions);
  const changed = next.value !== state.value || next.context !== state.context || effects.length > 0;
  return { state: changed ? next : state, effects, changed };
}

function effectsOf<Machine extends AnyStateMachine>(actions: readonly { readonly type: string; readonly params?: unknown }[]): MachineEffect<Machine>[] {
  return actions.map(({ type, params }) => ({ type, params }) as MachineEffect<Machine>);
}
