import type { Simulation } from '../engine/simulation.ts';
import type { TraceEntry } from '../engine/trace.ts';
import type { SimProcess, ProcessWrite } from '../process/process.ts';
import type { Change } from '../process/store-types.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Holdings } from './holdings.ts';
import type { World } from '../world.ts';

/** A property that did not hold. */
export interface Violation {
  /** The oracle's name. */
  readonly oracle: string;
  readonly property: string;
  /** Virtual milliseconds since the run began. */
  readonly atMs: number;
  /** What it is about: `node/node-a`, `pod/default/p`. */
  readonly objects: readonly string[];
  readonly says: string;
  /** The last events that led there, those about the objects first in mind. */
  readonly trace: readonly TraceEntry[];
}

/** What oracles see. They only look: nothing they do reaches the simulation. */
export interface OracleContext {
  readonly simulation: Simulation;
  readonly world: World;
  readonly view: ClusterView;
  readonly holdings: Holdings;
  /** Nodes that an administrator has cordoned and not uncordoned. */
  readonly cordonedByPeople: ReadonlySet<string>;
  violated(objects: readonly string[], says: string): void;
}

/** What an oracle wants to be asked. All but `atRest` are called while the change happens, so they are cheap. */
export interface OracleChecks {
  /** After a change of the API was committed; `collection` as in `pods`, `sriovnetworknodestates.sriovnetwork.openshift.io`. */
  commit?(collection: string, change: Change): void;
  /** Right before a process writes. */
  write?(process: SimProcess, write: ProcessWrite): void;
  /** A kubelet has written which pod holds which device. */
  checkpoint?(node: string): void;
  /** Everything has converged and fallen silent. */
  atRest?(): Promise<void> | void;
}

/** One property of the system. */
export interface Judgement {
  readonly name: string;
  /** In one sentence. */
  readonly property: string;
}

/** One property of the system, with the code that watches over it. */
export interface Oracle extends Judgement {
  /** Also asked when the system has not come to rest in the time that it had: what it tells of does not pass. */
  readonly lasting?: true;
  watch(context: OracleContext): OracleChecks;
}
