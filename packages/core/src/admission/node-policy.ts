import type { NodePolicySpec } from '../api/node-policy.ts';
import type { InterfaceStatus } from '../api/node-state.ts';
import { builtInNics, isSupportedNic } from '../domain/supported-nics.ts';
import type { SupportedNic } from '../domain/supported-nics.ts';
import { hasLabels } from '../render/label-selector.ts';
import type { Labels } from '../render/label-selector.ts';
import { isEmptyNicSelector, nicMismatches } from '../render/nic-selection.ts';
import { DEFAULT_PRIORITY, IGNORED_POLICY_NAME } from '../render/policies.ts';
import type { NamedPolicy } from '../render/policies.ts';
import { brokenRanges } from '../render/vf-groups.ts';
import { reviewAgainst } from './policy-pairs.ts';
import { ReviewBuilder } from './review.ts';
import type { Review } from './review.ts';

/** A node as admission sees it. */
export interface AdmissionNode {
  readonly name: string;
  readonly labels: Labels;
  /** `status.interfaces` of its node state; undefined while nothing is discovered. */
  readonly interfaces?: readonly InterfaceStatus[];
}

export interface NodePolicyContext {
  readonly operatorNamespace: string;
  readonly nodes: readonly AdmissionNode[];
  /** The other policies; one of the same name is what is being updated, and is left out. */
  readonly policies: readonly NamedPolicy[];
  /** Entries of `supported-nic-ids`, beside the built-in ones. */
  readonly supportedNics?: readonly SupportedNic[];
  /** NICs that are not on the list are warned of instead of refused. */
  readonly devMode?: boolean;
}

/** What is filled in before a node policy is stored. */
export function defaultNodePolicy(spec: NodePolicySpec): NodePolicySpec {
  const isInfiniBand = spec.linkType?.toLowerCase() === 'ib' && spec.deviceType !== 'vfio-pci';
  return { ...spec, priority: spec.priority ?? DEFAULT_PRIORITY, isRdma: isInfiniBand || (spec.isRdma ?? false) };
}

const RESOURCE_NAME = /^[a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?$/;
const RESOURCE_NAME_LENGTH_MAX = 63;
const NET_FILTER = /^(openstack|aws)\/NetworkID\s*:\s*\S+$/;
const MELLANOX = '15b3';
/** Mellanox firmware can be set to more VFs than it offers now, up to this. */
const MELLANOX_VFS_MAX = 128;

/** Whether a node policy may be stored. What is accepted here can be rendered. */
export function reviewNodePolicy(policy: NamedPolicy & { readonly namespace: string }, context: NodePolicyContext): Review {
  const review = new ReviewBuilder();
  if (policy.namespace !== context.operatorNamespace) {
    review.warn('otherNamespace', 'metadata.namespace', `policies outside the namespace ${context.operatorNamespace} have no effect`, `create the policy in ${context.operatorNamespace}`);
  }
  if (policy.name === IGNORED_POLICY_NAME) review.warn('ignoredName', 'metadata.name', `a policy named "${IGNORED_POLICY_NAME}" has no effect`, 'give it another name');
  reviewStatic(review, policy);
  reviewSupported(review, policy.spec, context);
  // Reasons per node say nothing more about a policy that is wrong by itself.
  if (!review.isRejected) {
    reviewNodes(review, policy, context);
    reviewAgainst(review, policy, context);
  }
  return review.build();
}

function reviewStatic(review: ReviewBuilder, policy: NamedPolicy): void {
  const { spec } = policy;
  if (!RESOURCE_NAME.test(spec.resourceName) || spec.resourceName.length > RESOURCE_NAME_LENGTH_MAX) {
    review.reject('resourceName', 'spec.resourceName', `"${spec.resourceName}" is no resource name`, `use 1 to ${RESOURCE_NAME_LENGTH_MAX} letters, digits, "-" and "_", with a letter or digit at both ends`);
  }
  if (isEmptyNicSelector(spec.nicSelector)) {
    review.reject('emptyNicSelector', 'spec.nicSelector', 'the selector is empty and would match nothing', 'set vendor, deviceID, rootDevices, pfNames or netFilter');
  }
  for (const broken of brokenRanges(policy)) {
    review.reject('range', `spec.nicSelector.pfNames[${spec.nicSelector.pfNames?.indexOf(broken.selector) ?? 0}]`, broken.cause, broken.remedy);
  }
  reviewNetFilter(review, spec);
  if (spec.deviceType === 'vfio-pci' && spec.isRdma) review.reject('rdmaWithVfio', 'spec.isRdma', 'RDMA devices need the kernel driver, which vfio-pci replaces', 'set isRdma to false, or deviceType to netdevice');
  const isSwitchdev = spec.eSwitchMode === 'switchdev';
  const isEthernet = spec.linkType === undefined || spec.linkType.toLowerCase() === 'eth';
  if (isSwitchdev && !isEthernet) review.reject('switchdevNotEthernet', 'spec.linkType', 'switchdev needs an Ethernet link', 'set linkType to eth, or eSwitchMode to legacy');
  if (spec.vdpaType && (!isSwitchdev || (spec.deviceType ?? 'netdevice') !== 'netdevice')) {
    review.reject('vdpa', 'spec.vdpaType', 'vDPA devices need eSwitchMode switchdev and deviceType netdevice', 'set both, or remove vdpaType');
  }
  if (spec.bridge?.ovs !== undefined && (!isSwitchdev || spec.externallyManaged)) {
    review.reject('bridge', 'spec.bridge', 'a bridge needs eSwitchMode switchdev and a PF that is not externally managed', 'set eSwitchMode to switchdev and remove externallyManaged, or remove bridge');
  }
}

function reviewNetFilter(review: ReviewBuilder, spec: NodePolicySpec): void {
  const { netFilter, vendor, deviceID, pfNames, rootDevices } = spec.nicSelector;
  if (!netFilter) return;
  const field = 'spec.nicSelector.netFilter';
  if (!NET_FILTER.test(netFilter.trim())) review.reject('netFilter', field, `"${netFilter}" is no network filter`, 'write openstack/NetworkID:<uuid> or aws/NetworkID:<id>');
  const others = [vendor && 'vendor', deviceID && 'deviceID', pfNames?.length && 'pfNames', rootDevices?.length && 'rootDevices'].filter((name) => typeof name === 'string' && name !== '');
  if (others.length > 0) review.reject('netFilter', field, `netFilter stands alone, but ${others.join(' and ')} is set as well`, `remove netFilter or ${others.join(' and ')}`);
  const excluded = [spec.eSwitchMode && 'eSwitchMode', spec.bridge?.ovs && 'bridge', spec.linkType?.toLowerCase() === 'ib' && 'linkType ib'].filter((name) => typeof name === 'string');
  if (excluded.length > 0) review.reject('netFilter', field, `virtual NICs have no ${excluded.join(', ')}`, `remove ${excluded.join(', ')}`);
}

/** The selector's own ids against the list of supported NICs. */
function reviewSupported(review: ReviewBuilder, spec: NodePolicySpec, context: NodePolicyContext): void {
  const { vendor, deviceID } = spec.nicSelector;
  const nics = knownNics(context);
  const say = (field: string, cause: string) => {
    const remedy = 'add the NIC to the ConfigMap supported-nic-ids as "vendor pfID vfID", if it can do SR-IOV';
    if (context.devMode) review.warn('unsupportedNic', field, cause, remedy);
    else review.reject('unsupportedNic', field, cause, remedy);
  };
  if (vendor && !nics.some((nic) => nic.vendor === vendor.toLowerCase())) say('spec.nicSelector.vendor', `vendor ${vendor} is not on the list of supported NICs`);
  else if (deviceID && !nics.some((nic) => (!vendor || nic.vendor === vendor.toLowerCase()) && (nic.pfDeviceId === deviceID.toLowerCase() || (vendor && nic.pfDeviceId === undefined)))) {
    say('spec.nicSelector.deviceID', `device ${vendor ? `${vendor}:` : ''}${deviceID} is not on the list of supported NICs`);
  }
}

function knownNics(context: NodePolicyContext): readonly SupportedNic[] {
  return [...(context.supportedNics ?? []), ...builtInNics];
}

function reviewNodes(review: ReviewBuilder, policy: NamedPolicy, context: NodePolicyContext): void {
  const { spec } = policy;
  const nodes = context.nodes.filter((node) => hasLabels(spec.nodeSelector, node.labels));
  if (nodes.length === 0) {
    review.reject('noNodeMatches', 'spec.nodeSelector', `no node has the labels ${JSON.stringify(spec.nodeSelector)}`, 'correct nodeSelector, or label a node first');
    return;
  }
  const reasons: string[] = [];
  let matched = 0;
  for (const node of nodes) {
    for (const nic of node.interfaces ?? []) {
      const mismatches = mismatchesOf(spec, nic, context);
      if (mismatches.length > 0) {
        reasons.push(`node ${node.name}, ${nic.name ?? nic.pciAddress}: ${mismatches.join(' and ')}`);
        continue;
      }
      matched++;
      reviewNic(review, spec, node, nic);
    }
  }
  if (matched > 0) return;
  const shown = reasons.slice(0, 10).join('; ') + (reasons.length > 10 ? `; and ${reasons.length - 10} more` : '');
  const unknown = nodes.filter((node) => node.interfaces === undefined || node.interfaces.length === 0).map((node) => node.name);
  if (unknown.length > 0) {
    const elsewhere = reasons.length === 0 ? '' : `; elsewhere no NIC is selected: ${shown}`;
    review.warn('undiscovered', 'spec.nicSelector', `the NICs of ${unknown.slice(0, 5).join(', ')} are not known yet${elsewhere}`, 'watch the condition Ready of the policy');
    return;
  }
  review.reject('noNicMatches', 'spec.nicSelector', `no NIC is selected: ${shown}`, 'correct nicSelector');
}

function mismatchesOf(spec: NodePolicySpec, nic: InterfaceStatus, context: NodePolicyContext): readonly string[] {
  const mismatches = nicMismatches(spec.nicSelector, nic).map((mismatch) => mismatch.text);
  // Virtual platforms hand out NICs of any make.
  if (mismatches.length > 0 || context.devMode || spec.nicSelector.netFilter) return mismatches;
  return isSupportedNic(knownNics(context), nic.vendor ?? '', nic.deviceID ?? '') ? [] : [`${nic.vendor}:${nic.deviceID} is not on the list of supported NICs`];
}

function reviewNic(review: ReviewBuilder, spec: NodePolicySpec, node: AdmissionNode, nic: InterfaceStatus): void {
  const where = `node ${node.name}, ${nic.name ?? nic.pciAddress}`;
  if (spec.numVfs === 0) review.reject('numVfsZero', 'spec.numVfs', 'numVfs is 0', 'set numVfs to 1 or more, or delete the policy');
  const isMellanox = nic.vendor?.toLowerCase() === MELLANOX;
  const most = isMellanox ? MELLANOX_VFS_MAX : (nic.totalvfs ?? 0);
  if (!spec.externallyManaged && !spec.nicSelector.netFilter && spec.numVfs > most) {
    review.reject('moreVfsThanTotal', 'spec.numVfs', `${where} can have ${most} VFs, not ${spec.numVfs}`, `set numVfs to ${most} or less`);
  }
  if (spec.vdpaType && !isMellanox) review.reject('vdpaNotMellanox', 'spec.vdpaType', `${where} is no Mellanox NIC, and has no vDPA`, 'remove vdpaType, or select Mellanox NICs only');
  if (spec.externallyManaged) reviewExternallyManaged(review, spec, where, nic);
}

function reviewExternallyManaged(review: ReviewBuilder, spec: NodePolicySpec, where: string, nic: InterfaceStatus): void {
  const reject = (field: string, cause: string) => review.reject('externallyManaged', field, `${where} is externally managed, and ${cause}`, 'change the PF first, or the policy');
  if (spec.numVfs > (nic.numVfs ?? 0)) reject('spec.numVfs', `has ${nic.numVfs ?? 0} VFs, not ${spec.numVfs}`);
  if (spec.mtu !== undefined && nic.mtu !== undefined && spec.mtu > nic.mtu) reject('spec.mtu', `has an MTU of ${nic.mtu}, less than ${spec.mtu}`);
  if (spec.linkType !== undefined && nic.linkType !== undefined && spec.linkType.toLowerCase() !== nic.linkType.toLowerCase()) reject('spec.linkType', `has the link type ${nic.linkType}`);
}
