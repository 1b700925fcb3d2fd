import type { DrainBlockedReason } from '@vfleet/controllers/operator/drain/drain.ts';
import type { PolicyReason } from '@vfleet/controllers/operator/policies/policy-verdict.ts';

/** What a reason means to whoever reads it, and what to do. */
export interface Reason {
  readonly says: string;
  /** Absent where nothing is to be done. */
  readonly todo?: string;
}

type Reasons<Name extends string = string> = Readonly<Record<Name, Reason>>;

const policy: Reasons<PolicyReason> = {
  PolicyReady: { says: 'Every NIC that it selects is configured.' },
  PolicyIgnored: { says: 'A policy named `default` counts for nothing.', todo: 'Give it another name.' },
  DryRun: { says: 'It is annotated `sriovnetwork.openshift.io/dry-run: "true"`: `status.preview` and the message say what it would do, and nothing of it is done.', todo: 'Take the annotation off to have it applied.' },
  NoOperatorConfig: { says: 'There is no SriovOperatorConfig `default`: nothing is rendered.', todo: 'Create it.' },
  EmptyNicSelector: { says: '`nicSelector` is empty, and selects nothing.', todo: 'Set vendor, deviceID, rootDevices, pfNames or netFilter.' },
  MalformedRange: { says: 'A range of VFs in `pfNames` cannot be read. What was configured stays.', todo: 'Write `NAME#first-last`.' },
  RangeBeyondNumVfs: { says: 'A range of VFs ends beyond `numVfs`. What was configured stays.', todo: 'Raise `numVfs`, or end the range earlier.' },
  NoNodeSelected: { says: 'No node that runs a config daemon has the labels.', todo: 'Compare `nodeSelector` with the labels of the nodes, and with `configDaemonNodeSelector`.' },
  AwaitingDiscovery: { says: 'Nodes are selected, and their daemons have told of no NIC yet.', todo: 'If it lasts, look at the daemon\'s pods of these nodes.' },
  NoInterfaceSelected: { says: 'No NIC of the selected nodes matches; the message says for each why.', todo: 'Correct `nicSelector` by what the message says.' },
  Displaced: { says: 'Policies that come first took all VFs that it selects.', todo: 'Use ranges of VFs that do not meet, or another priority.' },
  BridgeNotPossible: { says: 'The bridge that it asks for cannot be on these NICs.', todo: 'Use `eSwitchMode: switchdev` on NICs that have it, and the gate `manageSoftwareBridges`.' },
  MoreVfsThanTotal: { says: 'A NIC has fewer VFs in all than `numVfs`.', todo: 'Lower `numVfs`, or raise the NIC\'s total in its firmware.' },
  NodesFailed: { says: 'Nodes could not be configured; the message names them with the cause.', todo: '`vfleet explain node NAME`; [errors.md](errors.md) has the causes.' },
  NodesInProgress: { says: 'Not every node is configured yet.', todo: 'If it lasts, `vfleet explain node NAME` says what the node waits for.' },
};

const drain: Reasons<DrainBlockedReason> = {
  NotBlocked: { says: 'Nothing holds the drain any more.' },
  PodDisruptionBudget: { says: 'A PodDisruptionBudget forbids an eviction; the message names it.', todo: 'Wait until its pods are healthy, add replicas, or change the budget.' },
  PodsRemain: { says: 'Pods were evicted and have not gone.', todo: 'Look at their finalizers and grace periods.' },
  PoolAtCapacity: { says: 'As many nodes of the pool are drained as it allows.', todo: 'Wait, or raise `maxUnavailable` of the pool.' },
  NodeInTwoPools: { says: 'The node is selected by two pools, and is not drained.', todo: 'Make the selectors disjoint.' },
  InvalidMaxUnavailable: { says: '`maxUnavailable` of the pool cannot be read; no node of it is drained.', todo: 'Write a number or a percentage.' },
};

/** Reasons of conditions, by kind and type. */
export const conditions: readonly { readonly kind: string; readonly type: string; readonly reasons: Reasons }[] = [
  { kind: 'SriovNetworkNodePolicy', type: 'Ready', reasons: policy },
  {
    kind: 'SriovNetworkNodeState', type: 'Ready', reasons: {
      Configured: { says: 'The NICs are as the node state wants them.' },
      Applying: { says: 'The daemon carries the plan out that the message tells.' },
      WaitingForDrain: { says: 'Pods use VFs that must go; the operator drains the node.', todo: 'See the condition `DrainBlocked` when it lasts.' },
      Rebooting: { says: 'The change takes a reboot, which is under way.' },
      ConfigurationFailed: { says: 'A step failed; it is tried again, slower each time.', todo: 'The message has the cause and what to do; [errors.md](errors.md) has all of them.' },
    },
  },
  { kind: 'SriovNetworkNodeState', type: 'DrainBlocked', reasons: drain },
  {
    kind: 'SriovNetworkNodeState', type: 'ConfiguredAtBoot', reasons: {
      NotSinceBoot: { says: 'The services at boot configure the NICs from the next boot on.' },
      Configuring: { says: 'The service before the network is done, the one after it is not.' },
      Configured: { says: 'The services configured the NICs at this boot.' },
      ConfigurationFailed: { says: 'The services failed at this boot; the daemon goes on.', todo: '`journalctl -u vfleet-pre-network -u vfleet-post-network` on the node.' },
    },
  },
  {
    kind: 'SriovNetwork, SriovIBNetwork, OVSNetwork', type: 'Ready', reasons: {
      NetworkReady: { says: 'Its NetworkAttachmentDefinition is in place.' },
      NamespaceNotFound: { says: 'The namespace that it is wanted in is not there.', todo: 'Create it; the network follows by itself.' },
      NetworkAttachmentDefinitionInvalid: { says: 'It cannot be rendered, or the name is somebody else\'s.', todo: 'Correct the field that the message names, or rename the network.' },
      NetworkAttachmentDefinitionNotFound: { says: 'The definition is being deleted, or the API server refused it.', todo: 'Read the message; where the kind is missing, install Multus\' CRD (`deploy/crds/optional`).' },
    },
  },
  {
    kind: 'SriovNetworkPoolConfig', type: 'Ready', reasons: {
      PoolReady: { says: 'It is in force; the message has its size and its limit.' },
      OffloadNotSupported: { says: '`ovsHardwareOffloadConfig` needs machine config pools, which there are none of.', todo: 'Leave it out; use `enableOvsOffload`.' },
      InvalidNodeSelector: { says: '`nodeSelector` cannot be read; the pool selects no nodes.', todo: 'Correct it.' },
      InvalidMaxUnavailable: { says: '`maxUnavailable` cannot be read; no node of the pool is drained.', todo: 'Write a number or a percentage.' },
      NodeInTwoPools: { says: 'Nodes are in two pools, and are not drained.', todo: 'Make the selectors disjoint.' },
    },
  },
  {
    kind: 'SriovOperatorConfig', type: 'Ready', reasons: {
      OperatorConfigReady: { says: 'It is in force.' },
      UnsupportedConfiguration: { says: 'Only the one named `default` counts.', todo: 'Move the settings there.' },
      OperatorConfigSyncFailed: { says: 'A ConfigMap that follows from it cannot be read or written.', todo: 'The message names it and the cause.' },
    },
  },
];

/** Reasons of Events that are no reasons of conditions, by what they are about. */
export const events: readonly { readonly about: string; readonly reasons: Reasons }[] = [
  {
    about: 'SriovNetworkNodeState', reasons: {
      SpecRendered: { says: 'The operator wrote its spec, from the policies that are named.' },
      DrainRequested: { says: 'The daemon asks for the node to be drained; the message says why.' },
      RebootRequested: { says: 'The daemon asks for a drain of all pods and a reboot.' },
      DrainBlocked: { says: 'The drain waits; the reason is that of the condition.' },
      BootConfigurationFailed: { says: 'The services at boot failed.', todo: 'As with the condition `ConfiguredAtBoot`.' },
    },
  },
  {
    about: 'Node', reasons: {
      DrainStarted: { says: 'It is cordoned, and pods are evicted.' },
      Drained: { says: 'Nothing that had to go is left on it.' },
      DrainEnded: { says: 'It takes pods again, unless somebody else had cordoned it.' },
      DrainFailed: { says: 'An eviction failed for another reason than a budget.', todo: 'The message has it; the drain goes on trying.' },
    },
  },
  {
    about: 'Pod', reasons: {
      SriovEvicted: { says: 'It was evicted for a change of the NICs of its node.' },
      AddedInterface: { says: 'A network was attached, with interface and addresses (written where there is no Multus).' },
      NoNetworkFound: { says: 'A network that it names is not there.', todo: 'Correct the annotation, or create the network.' },
      NetworkRequestIgnored: { says: 'It asks for a MAC, addresses or the like that the network does not take from pods.', todo: 'Add the capability to the network.' },
    },
  },
  {
    about: 'SriovNetwork, SriovIBNetwork, OVSNetwork', reasons: {
      NetworkAttachmentDefinitionCreated: { says: 'Its definition was made.' },
      NetworkAttachmentDefinitionUpdated: { says: 'Its definition was brought up to date.' },
      NetworkAttachmentDefinitionAdopted: { says: 'A definition without an owner was taken over.' },
    },
  },
  { about: 'SriovOperatorConfig', reasons: { OperatorConfigDeleted: { says: 'Nothing is configured, drained or cleaned up until there is one again.', todo: 'Create one named `default`.' } } },
  {
    about: 'ConfigMap', reasons: {
      InvalidDevicePluginConfig: { says: 'The configuration of device plugins has entries that cannot be used.', todo: 'Correct the path that the message names.' },
      DoubtfulDevicePluginConfig: { says: 'It has entries that are ignored.', todo: 'See the message.' },
    },
  },
];
