import type { Namespaces } from '@vfleet/controllers/cni/index.ts';
import type { BootServices, Clock, Files, Hardware, Host, Log, Random, VfStatistics } from '@vfleet/core';
import type { NodeHardwareSpec } from '@vfleet/hw-sim';
import type { StandInHardware } from '@vfleet/hw-linux/standin/stand-in-hardware.ts';
import type { PodLinks } from '@vfleet/core/ports/pod-links.ts';
import { CliFailure } from '../../failure.ts';
import { CONFIG_FOLDER } from '../../host-ports/under-way.ts';
import { HostNamespaces } from '../../host-ports/network-namespaces.ts';

/** What simulated NICs without stand-ins are like: a file for each node. */
const SIMULATED_FOLDER = '/var/lib/vfleet/simulated';

/** A node's NICs and what is around them: this machine's, or simulated ones. */
export interface NodeHardware {
  readonly hardware: Hardware;
  readonly host: Host;
  readonly namespaces: Namespaces;
  /** Absent where VFs have no interfaces in pods' namespaces. */
  readonly podLinks?: PodLinks;
  /** Absent where nothing of the host is known that could run at boot. */
  readonly bootServices?: BootServices;
  readonly statistics: VfStatistics;
  /** Why news of the hardware do not arrive any more; undefined while they do. */
  readonly monitorProblem: () => string | undefined;
  readonly close: () => Promise<void>;
}

/**
 * Loads native code, so only where it is needed. `files` are the host's, whose root file system this process sees at `root`;
 * `bootExecutable` are the words that start vfleet there.
 */
export async function realHardware({ clock, files, log }: { readonly clock: Clock; readonly files: Files; readonly log: Log }, root: string, bootExecutable: readonly string[] | undefined): Promise<NodeHardware> {
  if (process.platform !== 'linux') throw new CliFailure(`this is ${process.platform}, and nodes are Linux hosts`, 'Give --fleet for simulated NICs, or try `vfleet up`.');
  const [{ bootServices, createLinuxHardware, preparedHardware, realHost }, { KernelMonitor }, { SharedMonitor }, { WatchedMonitor }, { linuxVfStatistics }, { LinuxPodLinks }, { warmUp }] = await Promise.all([
    import('@vfleet/hw-linux'), import('@vfleet/hw-linux/kernel-thread/kernel-monitor.ts'), import('@vfleet/hw-linux/kernel-thread/shared-monitor.ts'), import('@vfleet/hw-linux/watched-monitor.ts'), import('@vfleet/hw-linux/vf-statistics.ts'),
    import('@vfleet/hw-linux/pod-links/pod-links.ts'), import('@vfleet/hw-linux/warm-up.ts'),
  ]);
  await warmUp(clock);
  const { host, preparation, sysfs } = realHost(files, root);
  const monitor = new WatchedMonitor(new SharedMonitor(new KernelMonitor()));
  const hardware = createLinuxHardware({ clock, sysfs, monitor });
  return {
    hardware: preparedHardware(hardware, preparation, sysfs, log), host, namespaces: new HostNamespaces(), statistics: linuxVfStatistics(sysfs, hardware.links),
    ...(bootExecutable === undefined ? {} : { bootServices: bootServices(preparation, bootExecutable, CONFIG_FOLDER) }), podLinks: new LinuxPodLinks(hardware.links), monitorProblem: () => monitor.problem, close: () => hardware.close(),
  };
}

/**
 * The NICs of one node of a fleet file. Without stand-ins VFs are nothing but what is told of them, and namespaces that they are moved to
 * come into being with the first; how they are is written down, and the next process finds them so.
 */
export async function simulatedHardware(ports: { readonly clock: Clock; readonly random: Random; readonly log: Log; readonly files: Files }, path: string, nodeName: string, standIns: 'none' | 'interfaces'): Promise<NodeHardware> {
  const [{ createFleet, nodesOf }, { simulatedVfStatistics }, { loadFleet }] = await Promise.all([import('@vfleet/hw-sim'), import('@vfleet/hw-sim/vf-statistics.ts'), import('../up/fleet.ts')]);
  const spec = nodeOf([...nodesOf(loadFleet({ fleet: path }))], path, nodeName);
  const node = createFleet({ ...ports, interfaces: standIns === 'none' ? 'simulated' : 'real' }).addNode(spec);
  const around = { host: node.host, statistics: simulatedVfStatistics(node), monitorProblem: () => undefined };
  if (standIns === 'none') {
    const [{ RememberedHardware }, { SimNamespaces }] = await Promise.all([import('@vfleet/hw-sim/remembered-hardware.ts'), import('@vfleet/hw-sim/namespaces.ts')]);
    const hardware = await RememberedHardware.open(node.hardware, ports, `${SIMULATED_FOLDER}/${spec.name}.jsonl`);
    node.onReboot((phase) => void (phase === 'down' ? hardware.forget() : undefined));
    return { ...around, hardware, namespaces: new SimNamespaces(node), close: async () => undefined };
  }
  const hardware = await standInHardware(node.hardware, spec.name, ports.log);
  const { LinuxPodLinks } = await import('@vfleet/hw-linux/pod-links/pod-links.ts');
  return { ...around, hardware, namespaces: new HostNamespaces(), podLinks: new LinuxPodLinks(hardware.links), close: () => hardware.close() };
}

function nodeOf(specs: readonly NodeHardwareSpec[], path: string, nodeName: string): NodeHardwareSpec {
  const spec = specs.find(({ name }) => name === nodeName) ?? (specs.length === 1 ? specs[0] : undefined);
  if (spec === undefined) throw new CliFailure(`${path} has no node ${nodeName}`, `Give --node-name with one of ${specs.slice(0, 5).map(({ name }) => name).join(', ')}.`);
  return spec;
}

/** What `--stand-ins` has left on this machine. Gives the exit status. */
export async function removeStandIns(ports: { readonly clock: Clock; readonly random: Random; readonly log: Log }, { fleet }: { readonly fleet?: string }, nodeName: string): Promise<number> {
  if (fleet === undefined) throw new CliFailure('--remove-stand-ins needs --fleet', 'Give the fleet file that they were made by.');
  const [{ createFleet, nodesOf }, { loadFleet }] = await Promise.all([import('@vfleet/hw-sim'), import('../up/fleet.ts')]);
  const spec = nodeOf([...nodesOf(loadFleet({ fleet }))], fleet, nodeName);
  const hardware = await newStandIns(createFleet(ports).addNode(spec).hardware, spec.name, ports.log);
  const removed = await hardware.removeAll();
  await hardware.close();
  if (!removed.ok) throw new CliFailure(`the stand-ins of ${spec.name} cannot be removed: ${removed.error.cause}`, removed.error.remedy);
  return 0;
}

/** VFs that are interfaces of this machine, with those that an earlier process of the node left. Needs the right to make interfaces. */
async function standInHardware(simulated: Hardware, node: string, log: Log): Promise<StandInHardware> {
  const hardware = await newStandIns(simulated, node, log);
  const adopted = await hardware.adopt();
  if (adopted.ok) return hardware;
  await hardware.close();
  throw new CliFailure(`the stand-ins of ${node} cannot be had: ${adopted.error.cause}`, adopted.error.remedy);
}

async function newStandIns(simulated: Hardware, node: string, log: Log): Promise<StandInHardware> {
  if (process.platform !== 'linux') throw new CliFailure(`this is ${process.platform}, and stand-ins are interfaces of Linux`, 'Leave out --stand-ins.');
  const { createStandInHardware } = await import('@vfleet/hw-linux/standin/stand-in-hardware.ts');
  return createStandInHardware({ simulated, log }, { node });
}
