import type { KubeObject, NetworkKind, Resource } from '@vfleet/core';
import { configMaps, hasLabels, networkAttachmentAnnotations, parseNetworkOwnerRef } from '@vfleet/core';
import type { ConfigMap, Informer, Node, SriovNetworkNodePolicy } from '@vfleet/kube';
import {
  configMapResource, equalJson, networkAttachmentDefinitions, nodePolicies, nodeStates, nodes, operatorConfigs, ovsNetworks, poolConfigs, sriovIbNetworks, sriovNetworks,
} from '@vfleet/kube';
import type { OperatorContext } from './context.ts';
import { writeKey } from './context.ts';
import type { OperatorControllers } from './controllers.ts';
import { CONFIG_NAME, isDryRun } from './fleet-model.ts';
import { networkIndex } from './informers.ts';
import { networkKey } from './networks/network-key.ts';
import type { StoredNetwork } from './networks/network-key.ts';
import { DEFAULT_POOL } from './pools/pool-ledger.ts';

/** Says which keys each change of the cluster concerns. What one object's event costs does not grow with the fleet, except for policies, pools and the configuration. */
export function wire(context: OperatorContext, controllers: OperatorControllers): void {
  wireNodes(context, controllers);
  wirePolicies(context, controllers);
  wirePools(context, controllers);
  wireConfiguration(context, controllers);
  wireNetworks(context, controllers);
}

function wireNodes(context: OperatorContext, controllers: OperatorControllers): void {
  const { informers, pools, settings } = context;
  const poolsOf = (name: string) => pools.poolsOf(name).filter((pool) => pool !== DEFAULT_POOL);
  const seen = (node: Node) => {
    const { name, labels = {} } = node.metadata;
    const before = poolsOf(name);
    if (pools.setNode(name, labels)) for (const pool of new Set([...before, ...poolsOf(name)])) controllers.pool(pool);
    controllers.drain.refresh(name);
    controllers.node(name);
  };
  informers.nodes.subscribe({
    added: seen,
    // Heartbeats and all else of a Node's status are none of our business.
    updated: (old, node) => {
      const { labels, annotations } = node.metadata;
      if (!equalJson(old.metadata.labels ?? {}, labels ?? {}) || !equalJson(old.spec?.taints ?? [], node.spec?.taints ?? [])) seen(node);
      else if (!equalJson(old.metadata.annotations ?? {}, annotations ?? {}) || old.spec?.unschedulable !== node.spec?.unschedulable) {
        controllers.drain.refresh(node.metadata.name);
        controllers.nodeDrain(node.metadata.name);
      }
      if (context.writes.arrived(writeKey(nodes, undefined, node.metadata.name), node)) controllers.node(node.metadata.name);
    },
    deleted: ({ metadata: { name } }) => {
      const before = poolsOf(name);
      controllers.drain.refresh(name);
      for (const pool of before) controllers.pool(pool);
      controllers.node(name);
    },
  });
  followDeletions(context, informers.nodes, nodes);
  const stateSeen = ({ metadata: { name } }: KubeObject) => {
    controllers.drain.refresh(name);
    controllers.node(name);
  };
  informers.nodeStates.subscribe({
    added: stateSeen,
    updated: (old, state) => {
      if (equalJson(old.metadata.annotations ?? {}, state.metadata.annotations ?? {}) && old.metadata.deletionTimestamp === state.metadata.deletionTimestamp) {
        controllers.nodeState(state.metadata.name);
        // A status that lost the condition of a drain under way is put right by the drain itself, which only waits for its own writes.
        if (context.writes.arrived(writeKey(nodeStates, settings.namespace, state.metadata.name), state)) controllers.nodeDrain(state.metadata.name);
      } else {
        stateSeen(state);
      }
    },
    deleted: (state) => {
      context.writes.forget(writeKey(nodeStates, settings.namespace, state.metadata.name));
      stateSeen(state);
    },
  });
}

function wirePolicies(context: OperatorContext, controllers: OperatorControllers): void {
  const { informers, fleet } = context;
  const changed = (...versions: readonly SriovNetworkNodePolicy[]) => {
    fleet.policiesChanged();
    for (const { metadata } of informers.nodes.values()) {
      if (versions.some((policy) => isDryRun(policy) || hasLabels(policy.spec.nodeSelector, metadata.labels ?? {}))) controllers.nodeState(metadata.name);
    }
    controllers.policy(versions[0]!.metadata.name);
  };
  informers.policies.subscribe({
    added: changed,
    updated: (old, policy) => {
      if (!equalJson(old.spec, policy.spec) || old.metadata.deletionTimestamp !== policy.metadata.deletionTimestamp || isDryRun(old) !== isDryRun(policy)) changed(policy, old);
      else controllers.policy(policy.metadata.name);
    },
    deleted: changed,
  });
  followDeletions(context, informers.policies, nodePolicies);
}

function wirePools(context: OperatorContext, controllers: OperatorControllers): void {
  const { informers, pools } = context;
  const changed = () => {
    const live = informers.pools.list().filter((pool) => pool.metadata.deletionTimestamp === undefined);
    for (const node of pools.setPools(live.map((pool) => ({ name: pool.metadata.name, spec: pool.spec })))) controllers.node(node);
    for (const { metadata } of informers.pools.values()) {
      controllers.pool(metadata.name);
      controllers.drain.wakePool(metadata.name);
    }
    controllers.drain.wakePool(DEFAULT_POOL);
  };
  informers.pools.subscribe({
    added: changed,
    updated: (old, pool) => {
      if (!equalJson(old.spec, pool.spec) || old.metadata.deletionTimestamp !== pool.metadata.deletionTimestamp) changed();
      else controllers.pool(pool.metadata.name);
    },
    deleted: changed,
  });
  followDeletions(context, informers.pools, poolConfigs);
}

function wireConfiguration(context: OperatorContext, controllers: OperatorControllers): void {
  const { informers, fleet } = context;
  const everyNode = () => {
    const names = new Set<string>();
    for (const { metadata } of informers.nodes.values()) names.add(metadata.name);
    for (const { metadata } of informers.nodeStates.values()) names.add(metadata.name);
    for (const name of names) {
      controllers.drain.refresh(name);
      controllers.node(name);
    }
    for (const { metadata } of informers.policies.values()) controllers.policy(metadata.name);
    controllers.devicePlugin();
  };
  const configChanged = ({ metadata: { name } }: KubeObject) => {
    controllers.config(name);
    if (name === CONFIG_NAME) everyNode();
  };
  informers.configs.subscribe({
    added: configChanged,
    updated: (old, config) => {
      if (!equalJson(old.spec, config.spec) || old.metadata.deletionTimestamp !== config.metadata.deletionTimestamp) configChanged(config);
      else controllers.config(config.metadata.name);
    },
    deleted: configChanged,
  });
  followDeletions(context, informers.configs, operatorConfigs);
  const mapChanged = (map: ConfigMap, data: Readonly<Record<string, string>>) => {
    if (map.metadata.name === configMaps.devicePluginConfig) {
      for (const node of controllers.devicePluginLedger.publish(data)) controllers.nodeState(node);
      controllers.devicePlugin();
    } else if (map.metadata.name === configMaps.supportedNicIds) {
      fleet.supportedNicsChanged();
      everyNode();
      controllers.config(CONFIG_NAME);
    }
  };
  informers.configMaps.subscribe({
    added: (map) => mapChanged(map, map.data ?? {}),
    updated: (_, map) => mapChanged(map, map.data ?? {}),
    deleted: (map) => mapChanged(map, {}),
  });
  followDeletions(context, informers.configMaps, configMapResource);
}

function wireNetworks(context: OperatorContext, controllers: OperatorControllers): void {
  const { informers } = context;
  const kinds: readonly (readonly [NetworkKind, Informer<StoredNetwork>, Resource])[] = [
    ['SriovNetwork', informers.networks.SriovNetwork as Informer<StoredNetwork>, sriovNetworks],
    ['SriovIBNetwork', informers.networks.SriovIBNetwork as Informer<StoredNetwork>, sriovIbNetworks],
    ['OVSNetwork', informers.networks.OVSNetwork as Informer<StoredNetwork>, ovsNetworks],
  ];
  const queue = (kind: NetworkKind, network: StoredNetwork) => controllers.network(networkKey(kind, network.metadata.namespace ?? '', network.metadata.name));
  const queueIndexed = (index: string, value: string) => {
    for (const [kind, informer] of kinds) for (const network of informer.byIndex(index, value)) queue(kind, network);
  };
  for (const [kind, informer, resource] of kinds) {
    informer.subscribe({
      added: (network) => queue(kind, network),
      updated: (_, network) => queue(kind, network),
      deleted: (network) => {
        queue(kind, network);
        // Its name in that namespace is free for another network that wants it.
        queueIndexed(networkIndex.attachment, `${network.spec.networkNamespace || network.metadata.namespace}/${network.metadata.name}`);
      },
    });
    followDeletions(context, informer, resource);
  }
  const attachmentChanged = (attachment: KubeObject) => {
    const owner = parseNetworkOwnerRef(attachment.metadata.annotations?.[networkAttachmentAnnotations.ownerRef] ?? '');
    // An owner that is gone leaves orphans to be collected, but only one of this operator: another may work in the owner's namespace.
    const known = owner !== undefined && kinds.some(([kind, informer]) => kind === owner.kind && informer.get(owner) !== undefined);
    if (owner !== undefined && (known || owner.namespace === context.settings.namespace)) controllers.network(networkKey(owner.kind, owner.namespace, owner.name));
    queueIndexed(networkIndex.attachment, `${attachment.metadata.namespace}/${attachment.metadata.name}`);
  };
  informers.attachments.subscribe({ added: attachmentChanged, updated: (_, attachment) => attachmentChanged(attachment), deleted: attachmentChanged });
  followDeletions(context, informers.attachments, networkAttachmentDefinitions);
  const namespaceChanged = (namespace: KubeObject) => queueIndexed(networkIndex.target, namespace.metadata.name);
  informers.namespaces.subscribe({
    added: namespaceChanged,
    updated: (old, namespace) => {
      if (old.status?.phase !== namespace.status?.phase || old.metadata.deletionTimestamp !== namespace.metadata.deletionTimestamp) namespaceChanged(namespace);
    },
    deleted: namespaceChanged,
  });
}

/** Must come last of a resource's subscriptions only where those read own writes; they do not. */
function followDeletions<Type extends KubeObject>({ writes }: OperatorContext, informer: Informer<Type>, resource: Resource): void {
  informer.subscribe({ deleted: ({ metadata: { namespace, name } }) => writes.forget(writeKey(resource, namespace, name)) });
}

