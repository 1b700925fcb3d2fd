import type { DevicePlugin, DevicePluginRegistry, KubeObject } from '@vfleet/core';
import { DEFAULT_OPERATOR_NAMESPACE as namespace, GROUP, MemFiles, podAnnotations, silentLog } from '@vfleet/core';
import { fleetOf } from '@vfleet/hw-sim';
import type { Pod } from '@vfleet/kube';
import { nodePolicies, pods as podKind, sriovNetworks } from '@vfleet/kube';
import { DeviceManager } from '@vfleet/kube-sim/kubelet/device-manager.ts';
import { Simulation, createWorld } from '@vfleet/sim';
import type { Hosted, ProcessHost, ProcessId, ProcessPorts, World } from '@vfleet/sim';
import { cpuSeconds, peakMb } from './sim-figures.ts';
import type { SimFigures } from './sim.ts';

/** VFs of a node, all of one resource. */
const PER_NODE = 100;
const RESOURCE = 'openshift.io/fast';

/** Nodes whose VFs are there and advertised, without a pod: the embedded cluster with the production controllers, under virtual time. */
async function readyWorld(vfs: number, processes?: ProcessHost): Promise<{ readonly simulation: Simulation; readonly world: World }> {
  const simulation = new Simulation(1);
  const ports = { clock: simulation.clock, random: simulation.random('world'), log: silentLog };
  const world = createWorld(ports, fleetOf({ nodes: vfs / PER_NODE, personality: 'E810-CQDA2', pfsPerNode: 1 }), { events: false, managedFields: false, ...(processes === undefined ? {} : { processes }) });
  await simulation.drive(world.start());
  const pfName = world.nodes()[0]!.hardware.inspect().pfs[0]!.netdev!.name;
  await simulation.drive((async () => {
    await world.kube.create(nodePolicies, {
      apiVersion: `${GROUP}/v1`, kind: 'SriovNetworkNodePolicy', metadata: { name: 'fast', namespace },
      spec: { resourceName: 'fast', nodeSelector: {}, priority: 50, numVfs: PER_NODE, nicSelector: { pfNames: [pfName] }, deviceType: 'netdevice' },
    });
    await world.kube.create(sriovNetworks, {
      apiVersion: `${GROUP}/v1`, kind: 'SriovNetwork', metadata: { name: 'net', namespace },
      spec: { resourceName: 'fast', networkNamespace: 'default', ipam: JSON.stringify({ type: 'host-local', subnet: '10.20.0.0/16' }) },
    });
  })());
  await simulation.run(120_000);
  return { simulation, world };
}

function podOf(name: string): Pod {
  return {
    apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', annotations: { [podAnnotations.networks]: 'net' } },
    spec: { containers: [{ name: 'app', image: 'app:1', resources: { requests: { [RESOURCE]: '1' }, limits: { [RESOURCE]: '1' } } }] },
  };
}

/** Pods that each get a VF, from the request to Running: admission, scheduling, allocation, sandbox, attachment, address, status. */
export async function pods(count: number): Promise<SimFigures> {
  const { simulation, world } = await readyWorld(count);
  const running = new Set<string>();
  world.apiServer.core.store.onCommit((collection, { key, object }) => {
    if (collection.name === 'pods' && isRunning(object)) running.add(key);
  });
  const [startedAt, startMs] = [cpuSeconds(), performance.now()];
  await simulation.drive((async () => {
    for (let index = 0; index < count; index++) await world.kube.create(podKind, podOf(`pod-${index}`));
  })());
  const created = cpuSeconds() - startedAt;
  const isDone = await simulation.until(() => running.size === count, 600_000);
  const took = cpuSeconds() - startedAt;
  if (!isDone) throw new Error(`only ${running.size} of ${count} pods run`);
  return { pods: count, 'CPU s': took, 'wall s': (performance.now() - startMs) / 1000, 'pods/CPU s': count / took, 'creations/CPU s': count / created, 'peak MB': peakMb() };
}

/** The collection holds pods. */
function isRunning(object: KubeObject): boolean {
  return (object as unknown as Pod).status?.phase === 'Running';
}

/**
 * Allocation as kubelet does it for a container: choosing a VF, asking the device plugin which it prefers and for what is handed over, and
 * writing the checkpoint. Both are the world's own code, without the pod around it.
 */
export async function allocations(count: number): Promise<SimFigures> {
  const offered: DevicePlugin[] = [];
  const listen = <Ports extends ProcessPorts>(_: ProcessId, ports: Ports): Hosted<Ports> => {
    const { registry } = ports;
    const noted: DevicePluginRegistry | undefined = registry && { register: (plugin) => {
      offered.push(plugin);
      return registry.register(plugin);
    } };
    return { ports: noted === undefined ? ports : { ...ports, registry: noted }, answer: (work) => work };
  };
  await readyWorld(20 * PER_NODE, { begin: listen });
  const round = async () => {
    for (const plugin of offered) {
      const manager = new DeviceManager(new MemFiles(), silentLog, 'none', () => undefined);
      manager.register(plugin);
      await manager.start();
      for (let index = 0; index < PER_NODE; index++) {
        const pod = podOf(`pod-${index}`);
        const allocated = await manager.allocate({ ...pod, metadata: { ...pod.metadata, uid: `uid-${index}` } });
        if (!allocated.ok) throw new Error(allocated.error.message);
      }
    }
  };
  await round();
  const startedAt = cpuSeconds();
  const rounds = Math.ceil(count / (offered.length * PER_NODE));
  for (let done = 0; done < rounds; done++) await round();
  const took = cpuSeconds() - startedAt;
  const made = rounds * offered.length * PER_NODE;
  return { allocations: made, 'CPU s': took, 'allocations/CPU s': made / took };
}
