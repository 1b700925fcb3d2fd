import type { Timer } from '@vfleet/core';
import { DEFAULT_OPERATOR_NAMESPACE, isKubeError } from '@vfleet/core';
import { leases } from '@vfleet/kube';
import type { Simulation } from '../engine/simulation.ts';
import type { Supervisor } from '../process/supervisor.ts';
import type { World } from '../world.ts';
import type { WorldNode } from '../world-node.ts';
import type { FaultName } from './catalog.ts';
import type { Chance, Strike } from './chance.ts';
import type { KubeConditions } from './faulty-kube.ts';
import type { People } from './people.ts';
import { PEOPLE } from './people.ts';

const API: readonly FaultName[] = ['kube.outage', 'kube.leaseRefused', 'kube.leaseDeleted'];
const PROCESS: readonly FaultName[] = ['process.pause', 'process.restart', 'process.otherVersion', 'process.clockStep', 'process.clockDrift', 'kube.newerFields'];
const NODE: readonly FaultName[] = ['node.reboot', 'node.powerCycle', 'node.kubeletRestart', 'hardware.pfReset', 'node.namespacesHidden'];
const EVERY_MS = 1000;
/** Longer than the collector of orphans waits between two looks. */
const HIDDEN_MS = 300_000;
const NEWER_MS = 60_000;
/** What replicas of the operator elect their leader by. */
const OPERATOR_LEASE = 'sriov-network-operator';

/** Faults that strike at a time, not at a call: one opportunity a second for the API, every process, every node, and for people. */
export class Disturber {
  readonly #simulation: Simulation;
  readonly #chance: Chance;
  readonly #world: World;
  readonly #supervisor: Supervisor;
  readonly #conditions: KubeConditions;
  readonly #people: People;
  #timer: Timer | undefined;

  constructor(parts: { simulation: Simulation; chance: Chance; world: World; supervisor: Supervisor; conditions: KubeConditions; people: People }) {
    this.#simulation = parts.simulation;
    this.#chance = parts.chance;
    this.#world = parts.world;
    this.#supervisor = parts.supervisor;
    this.#conditions = parts.conditions;
    this.#people = parts.people;
  }

  start(): void {
    this.#timer = this.#simulation.clock.setTimer(EVERY_MS, () => {
      this.#tick();
      this.start();
    });
  }

  /** Faults cease: what is paused goes on, the API answers, people set right what they did. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#chance.active = false;
    this.#conditions.endOutage();
    this.#conditions.leasesRefused = false;
    this.#conditions.newerFields.clear();
    for (const { component, place } of this.#world.processes()) this.#supervisor.process(`${component}/${place}`)?.resume();
    for (const node of this.#world.nodes()) if (node.namespacesHidden) await this.#hideNamespaces(node, false);
    await this.#people.makeUp();
  }

  /** The API is away for a while. */
  outage(forMs: number): void {
    this.#simulation.trace.record('api', 'outage', `for ${forMs} ms`);
    this.#conditions.beginOutage();
    this.#simulation.clock.setTimer(forMs, () => this.#conditions.endOutage());
  }

  #tick(): void {
    const chance = this.#chance;
    const api = chance.strike('api', API);
    if (api !== undefined) this.#disturbApi(api);
    for (const { component, place } of this.#world.processes()) {
      const name = `${component}/${place}`;
      const strike = chance.strike(name, PROCESS);
      if (strike !== undefined) this.#disturbProcess(name, strike);
    }
    for (const node of this.#world.nodes()) {
      const strike = chance.strike(node.name, NODE);
      if (strike !== undefined) this.#disturbNode(node.name, strike);
    }
    const people = chance.strike('people', PEOPLE);
    if (people !== undefined) void this.#people.act(people);
  }

  #disturbApi(strike: Strike): void {
    const forMs = 1000 + Math.floor(strike.draw() * (strike.fault === 'kube.outage' ? 60_000 : 40_000));
    if (strike.fault === 'kube.outage') return this.outage(forMs);
    if (strike.fault === 'kube.leaseDeleted') return void this.#deleteLease();
    this.#simulation.trace.record('api', 'leases refused', `for ${forMs} ms`);
    this.#conditions.leasesRefused = true;
    this.#simulation.clock.setTimer(forMs, () => {
      this.#conditions.leasesRefused = false;
    });
  }

  async #deleteLease(): Promise<void> {
    this.#simulation.trace.record('api', 'lease deleted', OPERATOR_LEASE);
    await this.#world.kube.delete(leases, { namespace: DEFAULT_OPERATOR_NAMESPACE, name: OPERATOR_LEASE }).catch((error: unknown) => {
      if (!isKubeError(error, 'NotFound')) throw error;
    });
  }

  #disturbProcess(name: string, strike: Strike): void {
    const process = this.#supervisor.process(name);
    if (process === undefined) return;
    if (strike.fault === 'process.pause') this.#supervisor.pause(process, Math.floor(strike.draw() * 40_000));
    else if (strike.fault === 'process.restart') void this.#supervisor.restart(process);
    else if (strike.fault === 'process.otherVersion') void this.#supervisor.replaceByOtherVersion(process);
    else if (strike.fault === 'kube.newerFields') this.#showNewerFields(name);
    else if (strike.fault === 'process.clockDrift') {
      process.drift = { rate: (strike.draw() - 0.5) / 10, sinceMs: this.#simulation.clock.monotonicMs() };
      this.#simulation.trace.record(name, 'clock drifts', `by ${(process.drift.rate * 100).toFixed(2)} %`);
    } else {
      process.wallOffsetMs += Math.floor((strike.draw() - 0.5) * 600_000);
      this.#simulation.trace.record(name, 'clock set', `${process.wallOffsetMs} ms ahead`);
    }
  }

  #showNewerFields(name: string): void {
    this.#simulation.trace.record(name, 'newer fields', `for ${NEWER_MS} ms`);
    this.#conditions.newerFields.add(name);
    this.#simulation.clock.setTimer(NEWER_MS, () => void this.#conditions.newerFields.delete(name));
  }

  #hideForAWhile(node: WorldNode, forMs: number): void {
    void this.#hideNamespaces(node, true);
    this.#simulation.clock.setTimer(forMs, () => {
      if (node.namespacesHidden) void this.#hideNamespaces(node, false);
    });
  }

  /** Mounts change with the container: its process begins anew. */
  async #hideNamespaces(node: WorldNode, hidden: boolean): Promise<void> {
    this.#simulation.trace.record(node.name, hidden ? 'namespaces hidden' : 'namespaces shown', '');
    node.namespacesHidden = hidden;
    const process = this.#supervisor.process(`attachment/${node.name}`);
    if (process !== undefined) await this.#supervisor.restart(process);
  }

  #disturbNode(name: string, strike: Strike): void {
    const node = this.#world.node(name);
    if (node === undefined || !node.hardware.up) return;
    this.#simulation.trace.record(name, strike.fault, '');
    if (strike.fault === 'node.powerCycle') node.hardware.powerCycle();
    else if (strike.fault === 'node.reboot') void node.hardware.host.reboot('somebody else');
    else if (strike.fault === 'hardware.pfReset') void resetOne(node, strike);
    else if (strike.fault === 'node.namespacesHidden') this.#hideForAWhile(node, Math.floor(strike.draw() * HIDDEN_MS));
    else void node.restartKubelet();
  }
}

async function resetOne({ hardware }: WorldNode, strike: Strike): Promise<void> {
  const pf = hardware.spec.pfs[Math.floor(strike.draw() * hardware.spec.pfs.length)];
  if (pf !== undefined) await hardware.sysfs.writeDevice(pf.pciAddress, 'reset', '1');
}
