import type { Files, PodNetworks } from '@vfleet/core';
import type { Simulation } from '../engine/simulation.ts';
import type { FaultName } from '../faults/catalog.ts';
import type { Chance, Strike } from '../faults/chance.ts';
import { faultyFiles } from '../faults/faulty-files.ts';
import { FaultyKube } from '../faults/faulty-kube.ts';
import type { KubeConditions } from '../faults/faulty-kube.ts';
import { faultyRuntime } from '../faults/faulty-runtime.ts';
import type { Hosted, ProcessHost, ProcessId, ProcessPorts } from '../process-host.ts';
import type { WorldNode } from '../world-node.ts';
import { answerOf, guardPorts } from './guarded-ports.ts';
import type { ProcessWatcher, ProcessWrite, WriteFate } from './process.ts';
import { SimProcess } from './process.ts';
import { writtenByNewer } from './other-version.ts';

/** What starts processes and forgets them: the world. */
export interface ProcessStarter {
  startProcess(id: ProcessId): void;
  stopProcess(id: ProcessId): Promise<void>;
  abandonProcess(id: ProcessId): void;
  node(name: string): Pick<WorldNode, 'hardware' | 'files'> | undefined;
}

/** Lets a planted defect, or an embedder, put something of its own between a process and its ports. */
export type PortWrapper = <Ports extends ProcessPorts>(id: ProcessId, ports: Ports) => Ports;

/** Where kubelets keep which pod holds which device (pkg/kubelet/cm/devicemanager). */
const CHECKPOINT_PATH = '/var/lib/kubelet/device-plugins/kubelet_internal_checkpoint';

/** How long a killed process is away at most: what a kubelet's restart back-off costs at first. */
const AWAY_MS = 12_000;
const ANY_WRITE: readonly FaultName[] = ['process.crashBefore', 'process.crashAfter'];
const APPEND: readonly FaultName[] = [...ANY_WRITE, 'process.tornAppend'];
const FATES: Partial<Record<FaultName, WriteFate>> = { 'process.crashBefore': 'before', 'process.crashAfter': 'after', 'process.tornAppend': 'torn' };

/** Stands between the processes of a world and their ports: traces their writes, lets faults strike, kills, pauses and restarts. */
export class Supervisor implements ProcessHost, ProcessWatcher {
  readonly #simulation: Simulation;
  readonly #chance: Chance;
  readonly #conditions: KubeConditions;
  readonly #wrap: PortWrapper;
  readonly #isCalm: boolean;
  readonly #current = new Map<string, SimProcess>();
  readonly #writeListeners: ((process: SimProcess, write: ProcessWrite) => void)[] = [];
  readonly #checkpointListeners: ((place: string, text: string) => void)[] = [];
  #starter: ProcessStarter | undefined;
  #strike: Strike | undefined;

  /** `isCalm`: nothing is to fail in the whole run, so that nothing has to stand in between where it could. */
  constructor(simulation: Simulation, chance: Chance, conditions: KubeConditions, wrap: PortWrapper = (_, ports) => ports, isCalm = false) {
    this.#simulation = simulation;
    this.#chance = chance;
    this.#conditions = conditions;
    this.#isCalm = isCalm;
    this.#wrap = wrap;
  }

  /** The world that this supervisor was given to; to be told before anything can die. */
  superviseFor(starter: ProcessStarter): void {
    this.#starter = starter;
  }

  /** Calls `listener` right before every write of a process. */
  onWrite(listener: (process: SimProcess, write: ProcessWrite) => void): void {
    this.#writeListeners.push(listener);
  }

  /** The living process of that name, `config-daemon/node-a`. */
  process(name: string): SimProcess | undefined {
    const found = this.#current.get(name);
    return found?.alive === true ? found : undefined;
  }

  begin<Ports extends ProcessPorts>(id: ProcessId, ports: Ports): Hosted<Ports> {
    const process = new SimProcess(id, this);
    this.#current.get(process.name)?.kill();
    this.#current.set(process.name, process);
    this.#simulation.trace.record(process.name, 'begin', '');
    return { ports: this.#wrap(id, guardPorts(process, this.#isCalm ? ports : this.#faulty(process, ports))), answer: (work, ifDead) => answerOf(process, work, ifDead) };
  }

  #faulty<Ports extends ProcessPorts>(process: SimProcess, ports: Ports): Ports {
    const { clock } = this.#simulation;
    const kube = new FaultyKube(ports.kube, { clock, chance: this.#chance, conditions: this.#conditions }, process.name);
    return { ...ports, kube, ...(ports.files === undefined ? {} : { files: faultyFiles(ports.files, this.#chance, process.name) }) };
  }

  kill({ component, place }: ProcessId): void {
    this.process(`${component}/${place}`)?.kill();
  }

  /** Calls `listener` with every device checkpoint that a kubelet writes. */
  onCheckpoint(listener: (place: string, text: string) => void): void {
    this.#checkpointListeners.push(listener);
  }

  disk(place: string, files: Files): Files {
    return {
      read: (path) => files.read(path),
      list: (folder) => files.list(folder),
      create: (path, text, options) => files.create(path, text, options),
      append: (path, text) => files.append(path, text),
      remove: (path) => files.remove(path),
      withLock: (path, work) => files.withLock(path, work),
      replace: (path, text, options) => {
        if (path === CHECKPOINT_PATH) for (const listener of this.#checkpointListeners) listener(place, text);
        return files.replace(path, text, options);
      },
    };
  }

  runtime(place: string, networks: PodNetworks): PodNetworks {
    return faultyRuntime(networks, this.#chance, place, {
      clock: this.#simulation.clock,
      loseNetns: (netns) => this.#starter!.node(place)?.hardware.deleteNetns(netns),
      loseState: async (containerId) => void (await this.#starter!.node(place)?.files.remove(`/var/lib/cni/vfleet/pods/${containerId}.json`)),
    });
  }

  fateOf(process: SimProcess, write: ProcessWrite): WriteFate {
    const { verb, what, to } = write;
    this.#simulation.trace.record(process.name, to, `${verb} ${what}`);
    for (const listener of this.#writeListeners) listener(process, write);
    // Events are best effort: a crash there is a crash between two other writes.
    if (what.startsWith('events ')) return 'none';
    this.#strike = this.#chance.strike(`${process.name}/writes`, verb === 'append' ? APPEND : ANY_WRITE);
    return this.#strike === undefined ? 'none' : FATES[this.#strike.fault]!;
  }

  died(process: SimProcess, write: ProcessWrite, fate: WriteFate): void {
    this.#simulation.trace.record(process.name, 'killed', `${fate} ${write.verb} ${write.what}`);
    this.#starter!.abandonProcess(process.id);
    this.#simulation.clock.setTimer(Math.floor((this.#strike?.draw() ?? 0) * AWAY_MS), () => void this.#takePlaceOf(process));
  }

  /** Stands still for a while. */
  pause(process: SimProcess, forMs: number): void {
    this.#simulation.trace.record(process.name, 'paused', `for ${forMs} ms`);
    process.pause();
    this.#simulation.clock.setTimer(forMs, () => {
      if (process.paused) this.#simulation.trace.record(process.name, 'resumed', '');
      process.resume();
    });
  }

  /** Ends in an orderly way and begins anew. */
  async restart(process: SimProcess): Promise<void> {
    this.#simulation.trace.record(process.name, 'restarted', '');
    await this.#starter!.stopProcess(process.id);
    process.kill();
    await this.#takePlaceOf(process);
  }

  /** Ends in an orderly way; what begins anew finds files as a newer version would have left them. */
  async replaceByOtherVersion(process: SimProcess): Promise<void> {
    this.#simulation.trace.record(process.name, 'replaced', 'by another version');
    await this.#starter!.stopProcess(process.id);
    process.kill();
    await process.gone();
    const files = this.#starter!.node(process.id.place)?.files;
    if (files !== undefined) await writtenByNewer(files, process.id.component);
    this.#starter!.startProcess(process.id);
  }

  async #takePlaceOf(process: SimProcess): Promise<void> {
    await process.gone();
    this.#starter!.startProcess(process.id);
  }
}
