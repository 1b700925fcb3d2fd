import { SeededRandom, SimClock, isKubeError, silentLog } from '@vfleet/core';
import type { Kube, KubeObject, ObjectKey, Patch, Resource } from '@vfleet/core';
import { createAdmission, createOperator } from '@vfleet/controllers';
import type { Admission } from '@vfleet/controllers';
import * as api from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim';
import { Draw } from '../draw.ts';
import { mutated } from '../values.ts';
import { NAMESPACE, drawAnnotations, drawConfigMapData, drawCustomResource } from './objects.ts';

const RESOURCES: Readonly<Record<string, Resource>> = {
  sriovnetworknodepolicies: api.nodePolicies, sriovnetworkpoolconfigs: api.poolConfigs, sriovnetworks: api.sriovNetworks, sriovibnetworks: api.sriovIbNetworks, ovsnetworks: api.ovsNetworks, sriovoperatorconfigs: api.operatorConfigs,
};
const CONFIG_MAPS: readonly string[] = ['supported-nic-ids', 'nri-control-switches', 'device-plugin-config'];
const NODES: readonly string[] = ['worker-0', 'worker-1'];

/** A cluster in simulated time with an operator and admission, into which anything may be written. */
export interface FuzzedFleet {
  readonly admission: Admission;
  /** What the operator threw that is no answer of the API. */
  readonly bugs: string[];
  /** Writes one thing; whether the API server took it. */
  disturb(seed: string, index: number): Promise<boolean>;
  /** How much the operator has written so far, Events left out. */
  readonly written: number;
  /** Lets the operator come to rest. Gives what it still writes long after: nothing, when all is well. */
  rest(): Promise<readonly string[]>;
}

export async function startFleet(seed: string): Promise<FuzzedFleet> {
  const clock = new SimClock();
  const random = new SeededRandom(seed);
  const server = createApiServer({ clock, random, managedFields: false });
  const admin = server.client();
  const installed = await api.installCrds({ kube: admin, clock, random, log: silentLog });
  if (!installed.ok) throw new Error(installed.error.cause);
  for (const name of [NAMESPACE, 'later']) await admin.create(api.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  for (const name of NODES) await admin.create(api.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { rack: 'a' } } });
  const writes: string[] = [];
  let earlier = 0;
  const bugs: string[] = [];
  const kube = noting(server.client({ fieldManager: 'operator' }), writes);
  const operator = createOperator({ kube, clock, random, log: silentLog }, { namespace: NAMESPACE, identity: 'fuzz', leaderElection: false, staleNodeStateDelayMinutes: 0 }, { onBug: (error, key) => bugs.push(`${key}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`) });
  const admission = createAdmission({ kube: server.client(), clock, random, log: silentLog }, { namespace: NAMESPACE });
  operator.start();
  admission.start();
  await clock.run(60_000);
  for (const name of NODES) await admin.patch(api.nodeStates, { namespace: NAMESPACE, name }, { type: 'merge', patch: { status: statusOf() } }, { subresource: 'status' });
  await clock.run(60_000);
  return {
    admission, bugs,
    get written() {
      return earlier + writes.length;
    },
    disturb: async (text, index) => {
      const draw = new Draw(`${text}/object/${index}`);
      try {
        await disturbance(draw, admin);
        return true;
      } catch (error) {
        if (!isKubeError(error)) throw error;
        return false;
      } finally {
        // Sometimes one thing after the other, sometimes at once.
        if (draw.once(3)) await clock.run(draw.integer(2_000));
      }
    },
    rest: async () => {
      await clock.run(600_000);
      earlier += writes.splice(0).length;
      await clock.run(600_000);
      return [...writes];
    },
  };
}

function statusOf() {
  const nic = (name: string, pciAddress: string) => ({ name, pciAddress, vendor: '8086', deviceID: '1592', driver: 'ice', totalvfs: 64, numVfs: 0, mtu: 1500, linkType: 'ETH', eSwitchMode: 'legacy' });
  return { interfaces: [nic('ens1f0', '0000:81:00.0'), nic('ens1f1', '0000:81:00.1')], syncStatus: 'Succeeded' };
}

async function disturbance(draw: Draw, admin: Kube): Promise<void> {
  const merge = (patch: Readonly<Record<string, unknown>>): Patch => ({ type: 'merge', patch });
  switch (draw.integer(10)) {
    case 0: return void (await admin.patch(api.nodes, { name: draw.from(NODES) }, merge({ metadata: { annotations: drawAnnotations(draw), labels: { rack: draw.from(['a', 'b', null]) } }, spec: { unschedulable: draw.from([true, null]) } })));
    case 1: return void (await admin.patch(api.nodeStates, { namespace: NAMESPACE, name: draw.from(NODES) }, merge({ metadata: { annotations: drawAnnotations(draw) } })));
    case 2: return void (await admin.patch(api.nodeStates, { namespace: NAMESPACE, name: draw.from(NODES) }, merge({ status: draw.once(3) ? statusOf() : (mutated(draw, statusOf()) as object) }), { subresource: 'status' }));
    case 3: return void (await put(admin, api.configMapResource, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: NAMESPACE, name: draw.from(CONFIG_MAPS) }, data: drawConfigMapData(draw) } as KubeObject));
    case 4: return void (await put(admin, api.networkAttachmentDefinitions, { apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition', metadata: { namespace: draw.from(['default', 'later', NAMESPACE]), name: draw.from(['a', 'blue']), annotations: drawAnnotations(draw) }, spec: { config: draw.from(Object.values(drawConfigMapData(draw)).concat('')) } } as KubeObject));
    case 5: {
      const { plural, object } = drawCustomResource(draw, 0);
      return admin.delete(RESOURCES[plural]!, object.metadata);
    }
    default: {
      const { plural, object } = drawCustomResource(draw, draw.once(3) ? 2 : 0);
      return void (await put(admin, RESOURCES[plural]!, object as unknown as KubeObject));
    }
  }
}

/** As a person who edits: the object is made, or takes the place of the one that is there. */
async function put(admin: Kube, resource: Resource, object: KubeObject): Promise<KubeObject> {
  try {
    return await admin.create(resource, object);
  } catch (error) {
    if (!isKubeError(error, 'AlreadyExists')) throw error;
    const { metadata } = await admin.get(resource, object.metadata);
    return admin.update(resource, { ...object, metadata: { ...object.metadata, ...(metadata.resourceVersion === undefined ? {} : { resourceVersion: metadata.resourceVersion }), ...(metadata.finalizers === undefined ? {} : { finalizers: metadata.finalizers }) } });
  }
}

/** The same API; writes are noted, but for Events. */
function noting(kube: Kube, writes: string[]): Kube {
  const note = (verb: string, { plural }: Resource, { namespace = '', name }: ObjectKey) => void (plural === 'events' ? undefined : writes.push(`${verb} ${plural} ${namespace}/${name}`));
  return {
    get: (resource, key) => kube.get(resource, key), list: (resource, options) => kube.list(resource, options), watch: (resource, options, sink) => kube.watch(resource, options, sink), bind: (key, node) => kube.bind(key, node),
    create: (resource, object, options) => (note('create', resource, object.metadata), kube.create(resource, object, options)),
    update: (resource, object, options) => (note('update', resource, object.metadata), kube.update(resource, object, options)),
    patch: (resource, key, patch, options) => (note('patch', resource, key), kube.patch(resource, key, patch, options)),
    delete: (resource, key, options) => (note('delete', resource, key), kube.delete(resource, key, options)),
    evict: (key, options) => (note('evict', api.pods, key), kube.evict(key, options)),
  };
}
