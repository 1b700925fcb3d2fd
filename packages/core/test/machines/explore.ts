import type { AnyStateMachine, ContextFrom, EventFromLogic } from 'xstate';
import { getShortestPaths } from 'xstate/graph';

/**
 * Every distinct situation that `events` can bring a machine into, with one shortest path of events to each, found by
 * xstate's graph search. Situations are told apart by state and by what `project` keeps of the context (deadlines, for
 * example, would make the search endless).
 */
export function reachable<Machine extends AnyStateMachine>(
  machine: Machine,
  input: unknown,
  events: readonly EventFromLogic<Machine>[],
  project: (context: ContextFrom<Machine>) => unknown,
): { readonly value: string; readonly context: ContextFrom<Machine>; readonly path: readonly EventFromLogic<Machine>[] }[] {
  const paths = getShortestPaths(machine, {
    input: input as never,
    events: events as never,
    serializeState: (state: { readonly value: unknown; readonly context: ContextFrom<Machine> }) => JSON.stringify([state.value, project(state.context)]),
    limit: 200_000,
  } as never);
  return paths.map((path) => {
    const state = path.state as unknown as { readonly value: string; readonly context: ContextFrom<Machine> };
    return {
      value: state.value,
      context: state.context,
      path: path.steps.map((step) => step.event as EventFromLogic<Machine>).filter((event) => event.type !== 'xstate.init'),
    };
  });
}
