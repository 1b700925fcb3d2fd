import { silentLog } from '@vfleet/core';
import type { Clock, Kube, Log, Random } from '@vfleet/core';
import type { AdmissionPlugin } from './admission/admission.ts';
import { definitionLifecycle } from './admission/definition-lifecycle.ts';
import { namespaceLifecycle } from './admission/namespace-lifecycle.ts';
import { taintNodesByCondition } from './admission/node-taint.ts';
import { priority } from './admission/priority.ts';
import { serviceAccount } from './admission/service-account.ts';
import { noWebhooks } from './admission/webhooks/transport.ts';
import type { WebhookTransport } from './admission/webhooks/transport.ts';
import { mutatingWebhooks, validatingWebhooks } from './admission/webhooks/webhooks.ts';
import { defaultTolerationSeconds } from './pods/default-tolerations.ts';
import type { FindKind } from './builtin/decode.ts';
import { builtinResources } from './builtin/kinds.ts';
import { ServiceAllocations } from './builtin/services/allocations.ts';
import { seedNamespaces } from './builtin/seed.ts';
import { InProcessKube } from './client.ts';
import { CrdLifecycle } from './crd/lifecycle.ts';
import { DurableKube } from './storage/durable-kube.ts';
import { Journal } from './storage/journal.ts';
import type { Storage } from './storage/storage.ts';
import { BookmarkTimer } from './store/bookmarks.ts';
import { Store } from './store/store.ts';
import { DeliveryQueue, WatchHub } from './store/watch-hub.ts';
import type { KubeletAccess } from './inside/container-inside.ts';
import type { Core } from './registry/core.ts';
import { apiVersionOf } from './registry/definition.ts';
import type { ResourceDefinition } from './registry/definition.ts';
import { trackOwnership } from './apply/field-ownership.ts';
import { noOwnership } from './registry/ownership.ts';
import { Registry } from './registry/registry.ts';
import type { RequestContext, User } from './registry/request.ts';

export interface ApiServerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log?: Log;
  /**
   * Also what the real server's admission does by default and what controllers beside it must undo or prepare: a pod's
   * service account must exist and its token is mounted, a new node is tainted until the node life cycle controller has
   * seen it ready. Default false.
   */
  readonly fullAdmission?: boolean;
  /** Further admission plug-ins, after the server's own. */
  readonly admission?: readonly AdmissionPlugin[];
  /** False: nobody records which client set which field. Large simulations save time and memory; server-side apply then never conflicts. */
  readonly managedFields?: boolean;
  /** Changes kept per resource for resuming watches and older snapshots; what is older gets 410. Default 10,000. */
  readonly historyLimit?: number;
  /** Keeps objects and their history beyond the life of the process: writes resolve, and answers leave, once they are on disk. By default nothing is kept. */
  readonly storage?: Storage;
}

export interface ClientOptions {
  readonly user?: User;
  /** Name under which managedFields record this client's writes. */
  readonly fieldManager?: string;
}

/** An embedded Kubernetes API server. Nothing in it touches a socket, a file or the wall clock. */
export interface ApiServer {
  /** A client in the same process: results by promises, watch events by microtasks, in order. */
  client(options?: ClientOptions): Kube;
  /** The newest resource version of anything. */
  readonly resourceVersion: string;
  /** Forgets history up to a resource version: older watches and list continuations are answered with 410. */
  compact(resourceVersion?: string): void;
  /** Sets no timers any more, so that the process can end; requests are still answered, but no bookmarks are sent. */
  stop(): void;
  /** Calls admission webhooks through `transport` from now on; until then none can be reached. An edge that serves this server sets its own. */
  reachWebhooksBy(transport: WebhookTransport): void;
  /** Resolves when everything committed so far is kept. Rejects with a StatusError when it cannot be. At once, without a storage. */
  durable(): Promise<void>;
  /** Says how nodes are reached for pods/log and pods/exec. */
  connectKubelets(find: (nodeName: string) => KubeletAccess | undefined): void;
  /** For the edges of this package, which translate a wire protocol to operations. */
  readonly core: Core;
}

export const ADMIN: User = { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] };
const SYSTEM: User = { name: 'system:apiserver', groups: ['system:masters'] };

/** Starts an API server with what its storage has kept, and with the namespaces that every cluster has. Throws StorageError when that cannot be read. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { clock, random, log = silentLog } = options;
  const { storage } = options;
  const journal = storage === undefined ? undefined : new Journal({ clock, log, storage });
  const store = new Store({ historyLimit: options.historyLimit ?? 10_000, ...(journal !== undefined && { journal }) });
  const registry = new Registry();
  const queue = new DeliveryQueue(log);
  const hubs = new Map<string, WatchHub>();
  const hub = (resource: ResourceDefinition): WatchHub => {
    let found = hubs.get(resource.storage);
    if (found === undefined) {
      found = new WatchHub({ names: resource.indexedFields, value: (object, field) => resource.fieldText(object, field) }, queue);
      hubs.set(resource.storage, found);
    }
    return found;
  };
  const bookmarks = new BookmarkTimer(clock, store, () => [...hubs.values()]);
  store.onCommit((collection, change) => {
    hubs.get(collection.name)?.publish(change);
    bookmarks.onCommit();
  });
  const needing = options.fullAdmission === true ? [serviceAccount(store, random), taintNodesByCondition] : [];
  const webhooks = { store, registry, random, transport: noWebhooks };
  const admission = [
    definitionLifecycle(store), namespaceLifecycle(store), ...needing, priority, defaultTolerationSeconds, ...(options.admission ?? []), mutatingWebhooks(webhooks), validatingWebhooks(webhooks),
  ];
  let findKubelet = (_nodeName: string): KubeletAccess | undefined => undefined;
  const core: Core = { clock, random, log, store, registry, admission, ownership: options.managedFields === false ? noOwnership : trackOwnership(clock), hub, kubelet: (nodeName) => findKubelet(nodeName) };
  const definitions = new CrdLifecycle(core, systemContext());
  const findKind: FindKind = (apiVersion, kind) => {
    const found = registry.all().find((resource) => !resource.custom && (resource.kind === kind || resource.listKind === kind) && apiVersionOf(resource) === apiVersion);
    return found === undefined || found.listKind === kind || found.goType === undefined ? found && {} : { goType: found.goType };
  };
  for (const resource of builtinResources(findKind, new ServiceAllocations(store, random))) registry.add(resource);
  if (storage !== undefined) {
    store.load(storage);
    definitions.resume();
  }
  seedNamespaces(core);
  return {
    client: ({ user = ADMIN, fieldManager = 'vfleet' } = {}) => {
      const kube = new InProcessKube(core, { user, fieldManager });
      return storage === undefined ? kube : new DurableKube(kube, store);
    },
    get resourceVersion() {
      return String(store.revision);
    },
    stop: () => {
      bookmarks.stop();
      journal?.stop();
    },
    reachWebhooksBy: (transport) => {
      webhooks.transport = transport;
    },
    durable: async () => store.durable(),
    connectKubelets: (find) => void (findKubelet = find),
    compact: (resourceVersion) => store.compact(resourceVersion === undefined ? store.revision : Number(resourceVersion)),
    core,
  };
}

function systemContext(): RequestContext {
  return { user: SYSTEM, fieldManager: 'kube-apiserver', dryRun: false, fieldValidation: 'Ignore', warn: () => undefined };
}
