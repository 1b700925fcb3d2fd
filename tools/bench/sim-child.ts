/** One measurement of the simulator's benchmark, by its words; prints SimFigures as JSON. */
import { SeededRandom, SimClock, silentLog } from '@vfleet/core';
import { createFleet, fleetOf, nodesOf } from '@vfleet/hw-sim';
import { nodes as nodeKind } from '@vfleet/kube';
import { createCluster } from '@vfleet/kube-sim';
import type { Scenario } from '@vfleet/sim';
import { Simulation, crashPoints, createWorld, findScenario, runCrash, runScenario, runSeed } from '@vfleet/sim';
import { drainedRollout } from './sim-drained.ts';
import { allocations, pods } from './sim-pods.ts';
import { cpuSeconds, peakMb } from './sim-figures.ts';
import type { SimFigures } from './sim.ts';

/** Nodes with one PF each, all their VFs made: the columns alone. */
async function hardware(count: number): Promise<SimFigures> {
  const startMs = performance.now();
  const clock = new SimClock();
  const fleet = createFleet({ clock, random: new SeededRandom(1), delayFactor: 0 });
  for (const spec of nodesOf(fleetOf({ nodes: count, personality: 'E810-CQDA2', pfsPerNode: 1 }))) {
    const node = fleet.addNode(spec);
    await node.hardware.apply({ kind: 'setNumVfs', pf: spec.pfs[0]!.pciAddress, count: 128 });
  }
  return { nodes: fleet.counts().nodes, VFs: fleet.counts().vfs, 'build s': (performance.now() - startMs) / 1000, 'peak MB': peakMb() };
}

/** Links of every node that go up and down every ten seconds, for an hour, with somebody who listens. */
async function links(count: number): Promise<SimFigures> {
  const simulation = new Simulation(1);
  const fleet = createFleet({ clock: simulation.clock, random: simulation.random('hardware'), delayFactor: 1 });
  let events = 0;
  for (const spec of nodesOf(fleetOf({ nodes: count, personality: 'E810-CQDA2', pfsPerNode: 1 }))) {
    const node = fleet.addNode(spec);
    node.hardware.watch(() => void events++);
    const flap = () => {
      node.flapLink(spec.pfs[0]!.pciAddress, 1000);
      simulation.clock.setTimer(10_000, flap);
    };
    simulation.clock.setTimer(0, flap);
  }
  const startMs = performance.now();
  await simulation.run(3_600_000);
  const wallMs = performance.now() - startMs;
  return { nodes: count, 'virtual s': 3600, 'hardware events': events, 'wall s': wallMs / 1000, '× real time': 3_600_000 / wallMs };
}

/** A scale scenario; with `again` twice, the second run showing that the hash is the same. */
async function rollout(name: string, again: boolean): Promise<SimFigures> {
  const scenario = named(name);
  const startedAt = cpuSeconds();
  const report = await runScenario(scenario, 1, { wallClock: () => performance.now() });
  const took = cpuSeconds() - startedAt;
  const second = again ? await runScenario(scenario, 1) : undefined;
  return {
    'wall s': report.wallMs / 1000, 'CPU s': took, 'virtual s': report.virtualMs / 1000, '× real time': report.virtualMs / report.wallMs, events: report.events, 'converged after virtual s': (report.convergedAfterMs ?? -1) / 1000,
    violations: report.violations.length, hash: report.traceHash, ...(second === undefined ? {} : { 'same hash': second.traceHash === report.traceHash ? 'yes' : 'NO' }), 'peak MB': peakMb(),
  };
}

/** Node objects through the API server, as a load generator makes them; and nodes with kubelet, config daemon, device plugin and attachment. */
async function nodes(count: number): Promise<SimFigures> {
  const simulation = new Simulation(1);
  const ports = { clock: simulation.clock, random: simulation.random('world'), log: silentLog };
  const { kube } = createCluster({ ...ports, events: false });
  const objectsAt = cpuSeconds();
  for (let index = 0; index < 20_000; index++) await kube.create(nodeKind, { apiVersion: 'v1', kind: 'Node', metadata: { name: `object-${index}` } });
  const objects = cpuSeconds() - objectsAt;
  const world = createWorld(ports, fleetOf({ nodes: count, personality: 'E810-CQDA2', pfsPerNode: 1 }), { events: false });
  const startedAt = cpuSeconds();
  await simulation.drive(world.start());
  const took = cpuSeconds() - startedAt;
  return { 'Node objects/CPU s': 20_000 / objects, 'whole nodes': count, 'CPU s': took, 'whole nodes/CPU s': count / took, 'peak MB': peakMb() };
}

/** After as many again, which the compiler needs. */
async function seeds(count: number): Promise<SimFigures> {
  const scenario = named('first-rollout');
  let virtualMs = 0;
  let failures = 0;
  let startedAt = 0;
  for (let seed = 1; seed <= 2 * count; seed++) {
    if (seed === count + 1) [startedAt, virtualMs] = [cpuSeconds(), 0];
    const report = await runSeed(scenario, String(seed));
    virtualMs += report.virtualMs;
    failures += report.violations.length > 0 ? 1 : 0;
  }
  const took = cpuSeconds() - startedAt;
  return { seeds: count, 'CPU s': took, 'seeds/h/core': (count / took) * 3600, '× real time': virtualMs / 1000 / took, failures };
}

/** A crash before and after every write of a node's processes, one run each. */
async function crashes(countMax: number): Promise<SimFigures> {
  const scenario = named('first-rollout');
  const points = (await crashPoints(scenario, '1', (name) => !name.startsWith('operator/'))).slice(0, countMax);
  const startedAt = cpuSeconds();
  let failures = 0;
  for (const point of points) failures += (await runCrash(scenario, '1', point)).violations.length > 0 ? 1 : 0;
  const took = cpuSeconds() - startedAt;
  return { 'crash points': points.length, 'CPU s': took, 'runs/h/core': (points.length / took) * 3600, failures };
}

function named(name: string): Scenario {
  const scenario = findScenario(name);
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  return scenario;
}

const [task, word, more] = process.argv.slice(2) as [string, string, string | undefined];
const tasks: Readonly<Record<string, () => Promise<SimFigures>>> = {
  hardware: () => hardware(Number(word)), links: () => links(Number(word)), rollout: () => rollout(word, more === 'again'), drained: () => drainedRollout(word), nodes: () => nodes(Number(word)), pods: () => pods(Number(word)), allocations: () => allocations(Number(word)),
  seeds: () => seeds(Number(word)), crashes: () => crashes(Number(word)),
};
process.stdout.write(JSON.stringify(await tasks[task]!()));
process.exit(0);
