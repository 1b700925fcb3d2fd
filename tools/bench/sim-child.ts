/** One measurement of the simulator's benchmark, by its words; prints SimFigures as JSON. */
import { SeededRandom, SimClock, silentLog } from '@vfleet/core';
import { createFleet, fleetOf, nodesOf } from '@vfleet/hw-sim';
import { nodes as nodeKind } from '@vfleet/kube';
import { createCluster } from '@vfleet/kube-sim';
import type { Scenario } from '@vfleet/sim';
import { Simulation, crashPoints, createWorld, findScenario, runCrash, runScenario, runSeed } from '@vfleet/sim';
import type { SimFigures } from './sim.ts';

const seconds = (fromMs: number) => (performance.now() - fromMs) / 1000;
/** Of this process, which other load on the machine does not lengthen. */
const cpuSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const peakMb = () => process.resourceUsage().maxRSS / 1024;

/** Nodes with one PF each, all their VFs made: the columns alone. */
async function hardware(count: number): Promise<SimFigures> {
  const startMs = performance.now();
  const clock = new SimClock();
  const fleet = createFleet({ clock, random: new SeededRandom(1), delayFactor: 0 });
  for (const spec of nodesOf(fleetOf({ nodes: count, personality: 'E810-CQDA2', pfsPerNode: 1 }))) {
    const node = fleet.addNode(spec);
    await node.hardware.apply({ kind: 'setNumVfs', pf: spec.pfs[0]!.pciAddress, count: 128 });
  }
  return { nodes: fleet.counts().nodes, VFs: fleet.counts().vfs, 'build s': seconds(startMs), 'peak MB': peakMb() };
}

/** A scale scenario twice: the second run shows that the hash is the same. */
async function rollout(name: string): Promise<SimFigures> {
  const scenario = named(name);
  const report = await runScenario(scenario, 1, { wallClock: () => performance.now() });
  const again = name.endsWith('0000') ? undefined : await runScenario(scenario, 1);
  return {
    'wall s': report.wallMs / 1000, 'CPU s of both runs': cpuSeconds(), 'virtual s': report.virtualMs / 1000, '× real time': report.virtualMs / report.wallMs, events: report.events, 'converged after virtual s': (report.convergedAfterMs ?? -1) / 1000,
    violations: report.violations.length, hash: report.traceHash, ...(again === undefined ? {} : { 'same hash': again.traceHash === report.traceHash ? 'yes' : 'NO' }), 'peak MB': peakMb(),
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

/** Pods that each get a VF: device allocation, attachment, address, status. */
async function pods(count: number): Promise<SimFigures> {
  const base = named('first-rollout');
  const perNode = 100;
  const scenario: Scenario = {
    ...base, name: 'pods', fleet: { nodes: [{ ...base.fleet.nodes[0]!, count: count / perNode }] },
    objects: base.objects.map((object) => (object.kind === 'SriovNetworkNodePolicy' ? { ...object, spec: { ...(object as unknown as { spec: object }).spec, numVfs: perNode } } : object)),
    workloads: [{ ...base.workloads![0]!, count }], quietMs: 0, expectations: [],
  };
  const before = cpuSeconds();
  const report = await runScenario(scenario, 1, { wholeObjects: false });
  const took = cpuSeconds() - before;
  return { pods: count, 'CPU s in all': took, 'pods/CPU s': count / took, violations: report.violations.length, 'peak MB': peakMb() };
}

async function seeds(count: number): Promise<SimFigures> {
  const scenario = named('first-rollout');
  await runSeed(scenario, '1');
  const startedAt = cpuSeconds();
  let virtualMs = 0;
  let failures = 0;
  for (let seed = 1; seed <= count; seed++) {
    const report = await runSeed(scenario, String(seed));
    virtualMs += report.virtualMs;
    failures += report.violations.length > 0 ? 1 : 0;
  }
  const took = cpuSeconds() - startedAt;
  return { seeds: count, 'CPU s': took, 'seeds/h/core': (count / took) * 3600, '× real time': virtualMs / 1000 / took, failures };
}

async function crashes(count: number): Promise<SimFigures> {
  const scenario = named('first-rollout');
  const points = (await crashPoints(scenario, '1', (name) => !name.startsWith('operator/'))).slice(0, count);
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

const [task, word] = process.argv.slice(2) as [string, string];
const tasks: Readonly<Record<string, () => Promise<SimFigures>>> = {
  hardware: () => hardware(Number(word)), rollout: () => rollout(word), nodes: () => nodes(Number(word)), pods: () => pods(Number(word)), seeds: () => seeds(Number(word)), crashes: () => crashes(Number(word)),
};
process.stdout.write(JSON.stringify(await tasks[task]!()));
process.exit(0);
