/** Names and constants that existing manifests and tools rely on. Group `sriovnetwork.openshift.io/v1` of the Go SR-IOV network operator. */
export const GROUP = 'sriovnetwork.openshift.io';
export const VERSION = 'v1';
export const DEFAULT_OPERATOR_NAMESPACE = 'sriov-network-operator';
export const DEFAULT_RESOURCE_PREFIX = 'openshift.io';

export const nodeAnnotations = {
  /** On Node: what the config daemon asks for: Idle, Drain_Required, Reboot_Required. */
  state: `${GROUP}/state`,
} as const;

export const policyAnnotations = {
  /** On SriovNetworkNodePolicy, "true": what the policy would do is said in its status, and not done. */
  dryRun: `${GROUP}/dry-run`,
} as const;

export const nodeLabels = {
  /** On Node: Enabled when the node has a non-empty resourceList, else Disabled. */
  devicePlugin: `${GROUP}/device-plugin`,
} as const;

export const nodeStateAnnotations = {
  desiredState: `${GROUP}/desired-state`,
  currentState: `${GROUP}/current-state`,
  useExternalDrainer: `${GROUP}/use-external-drainer`,
  keepStateUntil: `${GROUP}/keep-state-until`,
} as const;

export const networkAttachmentAnnotations = {
  /** `Kind.group/namespace/name` of the network that rendered it. */
  ownerRef: `${GROUP}/owner-ref`,
  resourceName: 'k8s.v1.cni.cncf.io/resourceName',
  /** `key=value`: pods that use the network go to nodes with this label. */
  nodeSelector: 'k8s.v1.cni.cncf.io/nodeSelector',
} as const;

export const podAnnotations = {
  networks: 'k8s.v1.cni.cncf.io/networks',
  networkStatus: 'k8s.v1.cni.cncf.io/network-status',
  defaultNetwork: 'v1.multus-cni.io/default-network',
  /** The container that gets the resources of the pod's networks; the first one when absent. */
  resourcesContainer: `${GROUP}/resources-container`,
} as const;

export const podLabels = {
  /** "false": nothing is injected into this pod. */
  injectResources: `${GROUP}/inject-resources`,
} as const;

/** Names of the operator's admission webhooks, as the Go operator has them. */
export const webhookNames = {
  operatorConfiguration: 'sriov-operator-webhook-config',
  operatorService: 'operator-webhook-service',
  injectorConfiguration: 'network-resources-injector-config',
  injectorService: 'network-resources-injector-service',
} as const;

export const networkAnnotations = {
  lastNetworkNamespace: `operator.${GROUP}/last-network-namespace`,
} as const;

export const finalizers = {
  network: `netattdef.finalizers.${GROUP}`,
  poolConfig: `poolconfig.finalizers.${GROUP}`,
  operatorConfig: `operatorconfig.finalizers.${GROUP}`,
} as const;

export const configMaps = {
  /** In the operator namespace, one key a node: the rendered device-plugin configuration. */
  devicePluginConfig: 'device-plugin-config',
  /** In the operator namespace: `name: "vendor pfID vfID"`. */
  supportedNicIds: 'supported-nic-ids',
  /** In the operator namespace: switches of the network resources injector (`config.json`). */
  injectorSwitches: 'nri-control-switches',
  /** In kube-system: what users of the stand-alone device plugin write by hand (`config.json`). */
  standaloneDevicePluginConfig: 'sriovdp-config',
} as const;

export type DrainRequest = 'Idle' | 'Drain_Required' | 'Reboot_Required';
export type DrainProgress = 'Idle' | 'Draining' | 'DrainComplete';
