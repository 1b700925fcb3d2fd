import type { AnyStateMachine, AnyStateNode } from 'xstate';

/**
 * A machine as a Mermaid state diagram (`stateDiagram-v2`), generated from its definition: one arrow a transition, labelled
 * `event [guard] / effects`. Context assignments are left out, since they ask nothing of the outside. The order is the
 * definition's, so that the text changes only when the machine does.
 */
export function machineToMermaid(machine: AnyStateMachine): string {
  const lines = ['stateDiagram-v2'];
  const root = machine.root;
  const initial = root.initial.target[0];
  if (initial !== undefined) lines.push(`  [*] --> ${initial.key}`);
  for (const state of Object.values(root.states)) {
    const entered = effectNames(machine, state.entry);
    // A first description stands for the name, so the name has to be said when there is more to say.
    if (entered.length === 0) lines.push(`  ${state.key}`);
    else lines.push(`  ${state.key} : ${state.key}`, `  ${state.key} : entry / ${entered.join(', ')}`);
  }
  for (const state of Object.values(root.states)) lines.push(...arrows(machine, state));
  return `${lines.join('\n')}\n`;
}

function arrows(machine: AnyStateMachine, state: AnyStateNode): string[] {
  const lines: string[] = [];
  for (const [event, transitions] of state.transitions) {
    for (const transition of transitions) {
      const effects = effectNames(machine, transition.actions);
      const inner = transition.target === undefined;
      // A transition that stays and asks for nothing only takes a note; drawing it would bury the others.
      if (inner && effects.length === 0) continue;
      const target = transition.target?.[0]?.key ?? state.key;
      const guard = transition.guard === undefined ? '' : ` [${nameOf(transition.guard)}]`;
      lines.push(`  ${state.key} --> ${target} : ${event}${guard}${effects.length > 0 ? ` / ${effects.join(', ')}` : ''}`);
    }
  }
  return lines;
}

/** Names of the effects among `actions`: everything that is not one of xstate's own actions. */
function effectNames(machine: AnyStateMachine, actions: readonly unknown[]): string[] {
  const names: string[] = [];
  for (const action of actions) {
    const name = nameOf(action);
    const implementation: unknown = name === undefined ? undefined : machine.implementations.actions[name];
    if (name !== undefined && implementation !== undefined && !isBuiltIn(implementation)) names.push(name);
  }
  return names;
}

function nameOf(reference: unknown): string | undefined {
  if (typeof reference === 'string') return reference;
  if (typeof reference === 'object' && reference !== null && 'type' in reference && typeof reference.type === 'string') return reference.type;
  return undefined;
}

function isBuiltIn(implementation: unknown): boolean {
  return typeof implementation === 'function' && 'type' in implementation && String(implementation.type).startsWith('xstate.');
}
