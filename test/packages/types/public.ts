/** What is public, and with which types. Compiled from the sources in the checkout, and against the declarations of installed packages. */
import type { Operator, createOperator } from '@vfleet/controllers';
import { SimClock, planNode, renderNodeState } from '@vfleet/core';
import type { Clock, Files, Hardware, HardwareError, Host, Inventory, Kube, ListPage, PciAddress, Random, Result, pciAddress } from '@vfleet/core';
import { NodeFiles, RealClock, SystemRandom } from '@vfleet/core/real';
import { createLinuxHardware } from '@vfleet/hw-linux';
import type { Fleet, FleetProblem, FleetSpec, SimulatedNode, createFleet, parseFleet } from '@vfleet/hw-sim';
import { LinuxView } from '@vfleet/hw-sim/linux-view';
import { Informer, nodeStates, pods } from '@vfleet/kube';
import type { Pod, SriovNetworkNodeState } from '@vfleet/kube';
import { kubeFromConfigFile } from '@vfleet/kube/kubeconfig';
import type { ApiServer, Cluster, Storage, createCluster } from '@vfleet/kube-sim';
import type { serve } from '@vfleet/kube-sim/serve';
import type { openDataFile } from '@vfleet/kube-sim/sqlite';
import type { RunReport, Scenario, World, createWorld, findScenario, parseScenario, runSeed } from '@vfleet/sim';

type Same<Left, Right> = (<Type>() => Type extends Left ? 1 : 2) extends <Type>() => Type extends Right ? 1 : 2 ? true : false;
type Awaits<Work extends (...words: never) => unknown> = Awaited<ReturnType<Work>>;

/** Each line compiles only while it is true. */
export const holds: readonly true[] = [
  true satisfies Same<Awaits<Hardware['discover']>, Result<Inventory, HardwareError>>,
  true satisfies Same<Awaits<Hardware['apply']>, Result<void, HardwareError>>,
  true satisfies Same<ReturnType<typeof parseFleet>, Result<FleetSpec, readonly FleetProblem[]>>,
  true satisfies Same<ReturnType<typeof createFleet>, Fleet>,
  true satisfies Same<ReturnType<typeof pciAddress>, PciAddress>,
  true satisfies Same<ReturnType<typeof createCluster>, Cluster>,
  true satisfies Same<Cluster['kube'], Kube>,
  true satisfies Same<Parameters<typeof serve>[0], ApiServer>,
  true satisfies Same<ReturnType<typeof openDataFile>['storage'], Storage>,
  true satisfies Same<ReturnType<typeof createWorld>, World>,
  true satisfies Same<Awaits<typeof runSeed>, RunReport>,
  true satisfies Same<ReturnType<typeof parseScenario>, Result<Scenario, readonly FleetProblem[]>>,
  true satisfies Same<ReturnType<typeof findScenario>, Scenario | undefined>,
  true satisfies Same<ReturnType<typeof createOperator>, Operator>,
];

/** Twins of one port are exchangeable, and results of the API are typed by the resource. */
export const clocks: readonly Clock[] = [new SimClock(), new RealClock()];
export const random: Random = new SystemRandom();
export const files: Files = new NodeFiles(new RealClock(), random);
export const hardwareOf = (node: SimulatedNode): Hardware => node.hardware;
export const hostOf = (node: SimulatedNode): Host => node.host;
export const realHardware: (...ports: Parameters<typeof createLinuxHardware>) => Hardware = createLinuxHardware;
export const viewOf = (node: SimulatedNode): LinuxView => new LinuxView(node);
export const kube: (path: string) => Kube = kubeFromConfigFile;
export const listPods = (client: Kube): Promise<ListPage<Pod>> => client.list(pods);
export const statesOf = (informer: Informer<SriovNetworkNodeState>): readonly SriovNetworkNodeState[] => informer.list();
export const stateInformer = (ports: ConstructorParameters<typeof Informer>[0]): Informer<SriovNetworkNodeState> => new Informer(ports, nodeStates);
export const decisions = { renderNodeState, planNode };
