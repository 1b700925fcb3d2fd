import { isKubeError } from '@vfleet/core';
import { nodesOf, parseFleet } from '@vfleet/hw-sim';
import type { FleetSpec } from '@vfleet/hw-sim';
import type { Simulation } from '../engine/simulation.ts';
import type { Disturber } from '../faults/disturber.ts';
import type { People } from '../faults/people.ts';
import type { Supervisor } from '../process/supervisor.ts';
import { applyObject, resourceOfKind } from '../scenarios/kinds.ts';
import type { Action, Step } from '../scenarios/scenario.ts';
import type { World } from '../world.ts';

export interface Stage {
  readonly simulation: Simulation;
  readonly world: World;
  readonly supervisor: Supervisor;
  readonly disturber: Disturber;
  readonly people: People;
}

/** Sets a timer for every step of a story, counted from now. */
export function scheduleSteps(stage: Stage, steps: readonly Step[]): void {
  // Patches of one object stay in order, also when the object is away for a while.
  const patched = new Map<string, Promise<void>>();
  for (const { atMs, action } of steps) {
    stage.simulation.clock.setTimer(atMs, () => {
      stage.simulation.trace.record('story', action.do, 'node' in action && typeof action.node === 'string' ? action.node : 'name' in action ? action.name : '');
      const key = action.do === 'patch' ? `${action.kind} ${action.namespace} ${action.name}` : undefined;
      const before = key === undefined ? undefined : patched.get(key);
      const done = before === undefined ? carryOut(stage, action) : before.then(() => carryOut(stage, action));
      if (key !== undefined) patched.set(key, done.catch(() => undefined));
      void done.catch((error: unknown) => {
        // Refused: what it is about is gone, or there already. Everything else is a mistake of the scenario.
        if (!isKubeError(error, 'NotFound', 'AlreadyExists', 'Conflict')) throw error;
      });
    });
  }
}

async function carryOut({ simulation, world, supervisor, disturber, people }: Stage, action: Action): Promise<void> {
  switch (action.do) {
    case 'apply':
      for (const object of action.objects) await applyObject(world.kube, object);
      return;
    case 'patch':
      return patchOnceThere({ simulation, world, people }, action);
    case 'delete':
      if (action.kind === 'SriovNetworkNodePolicy') people.abolish(action.name);
      return world.kube.delete(known(action.kind), keyOf(action));
    case 'cordon':
      return people.cordon(action.node);
    case 'uncordon':
      return people.uncordon(action.node);
    case 'reboot':
      await world.node(action.node)?.hardware.host.reboot('as the story has it');
      return;
    case 'powerCycle':
      world.node(action.node)?.hardware.powerCycle();
      return;
    case 'restartKubelet':
      return world.node(action.node)?.restartKubelet();
    case 'addNode':
      for (const spec of nodesOf(fleetSpecOf([action.node]))) await world.addNode(spec);
      return;
    case 'removeNode':
      return world.removeNode(action.node);
    case 'outage':
      return disturber.outage(action.forMs);
    case 'flapLinks':
      for (const node of world.nodes()) for (const { pciAddress } of node.hardware.spec.pfs) node.hardware.flapLink(pciAddress, action.downMs);
      return;
    case 'restart':
      for (const { component, place } of world.processes()) {
        const process = supervisor.process(`${component}/${place}`);
        if (component !== action.component || process === undefined) continue;
        await supervisor.restart(process);
        await simulation.clock.sleep(2000);
      }
  }
}

/** People may have taken the object away for a moment. */
async function patchOnceThere({ simulation, world, people }: Pick<Stage, 'simulation' | 'world' | 'people'>, action: Extract<Action, { do: 'patch' }>): Promise<void> {
  for (;;) {
    try {
      await world.kube.patch(known(action.kind), keyOf(action), { type: 'merge', patch: action.patch });
      return people.decided(action.name, action.patch['spec']);
    } catch (error) {
      if (!isKubeError(error, 'NotFound')) throw error;
      await simulation.clock.sleep(2000);
    }
  }
}

function known(kind: string) {
  const resource = resourceOfKind(kind);
  if (resource === undefined) throw new TypeError(`a scenario names the unknown kind ${kind}`);
  return resource;
}

function keyOf({ namespace, name }: { readonly namespace?: string; readonly name: string }) {
  return { ...(namespace === undefined ? {} : { namespace }), name };
}

export function fleetSpecOf(nodes: readonly Readonly<Record<string, unknown>>[]): FleetSpec {
  const parsed = parseFleet({ nodes });
  if (!parsed.ok) throw new TypeError(parsed.error.map(({ path, cause }) => `${path}: ${cause}`).join('\n'));
  return parsed.value;
}
