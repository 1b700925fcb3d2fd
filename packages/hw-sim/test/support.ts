import { SeededRandom, SimClock } from '@vfleet/core';
import type { HardwareError, HardwareStep, Inventory, PciAddress, PfObservation, Result, VfObservation } from '@vfleet/core';
import { createFleet, nodesOf, parseFleet } from '@vfleet/hw-sim';
import type { Fleet, FleetOptions, FleetProblem, SimulatedNode } from '@vfleet/hw-sim';

export interface Lab {
  readonly clock: SimClock;
  readonly fleet: Fleet;
  readonly node: SimulatedNode;
  /** Waits for a promise while simulated time passes. */
  wait<Value>(promise: Promise<Value>): Promise<Value>;
  /** Applies a step; answers 'ok', the errno, or the error's code when no system call failed. */
  apply(step: HardwareStep): Promise<string>;
  /** How long a step takes, in simulated milliseconds. */
  duration(step: HardwareStep): Promise<number>;
  pf(index?: number): PfObservation;
  vf(index: number, pf?: number): VfObservation;
}

export interface LabNode {
  readonly personality?: string;
  readonly pfs?: readonly Record<string, unknown>[];
  readonly node?: Record<string, unknown>;
  readonly options?: Partial<FleetOptions>;
  readonly seed?: string;
}

/** A fleet of one node with the given NICs. */
export function lab({ personality = '82576', pfs, node = {}, options = {}, seed = 'lab' }: LabNode = {}): Lab {
  const parsed = parseFleet({ nodes: [{ name: 'node', ...node, pfs: pfs ?? [{ personality, pciAddress: '0000:01:00.0' }] }] });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const clock = new SimClock();
  const fleet = createFleet({ clock, random: new SeededRandom(seed), ...options });
  const [spec] = [...nodesOf(parsed.value)];
  const simulated = fleet.addNode(spec!);
  const wait = async <Value>(promise: Promise<Value>): Promise<Value> => {
    let done = false;
    void promise.finally(() => (done = true));
    await clock.runUntil(() => done, 86_400_000);
    return promise;
  };
  const pf = (index = 0): PfObservation => simulated.inspect().pfs[index]!;
  return {
    clock,
    fleet,
    node: simulated,
    wait,
    apply: async (step) => outcomeOf(await wait(simulated.hardware.apply(step))),
    duration: async (step) => {
      const before = clock.monotonicMs();
      await wait(simulated.hardware.apply(step));
      return clock.monotonicMs() - before;
    },
    pf,
    vf: (index, pfIndex = 0) => pf(pfIndex).vfs[index]!,
  };
}

export function outcomeOf(result: Result<unknown, HardwareError>): string {
  return result.ok ? 'ok' : (result.error.errno ?? result.error.code);
}

export function inventoryOf(result: Result<Inventory, HardwareError>): Inventory {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

export function problemsOf(value: unknown): readonly FleetProblem[] {
  const parsed = parseFleet(value);
  return parsed.ok ? [] : parsed.error;
}

export const PF = '0000:01:00.0' as PciAddress;
