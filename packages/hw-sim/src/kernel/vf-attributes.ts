import type { HardwareStep } from '@vfleet/core';
import { PfFlag, VfFlag } from '../model/columns.ts';
import { isGuid, isMulticast, isZero, parseMac } from '../model/mac.ts';
import { hasCarrier, hasNetdev, isAdminUp } from '../model/netdev.ts';
import type { NodeModel } from '../model/node-model.ts';
import type { Outcome } from '../model/operation.ts';
import type { Support, VfAttributeSupport } from '../personalities/nic-model.ts';
import { announceChange } from './netdevs.ts';

/** Drivers take 4095 too, which stands for no VLAN in 802.1Q (igb_main.c igb_ndo_set_vf_vlan, mlx5 esw/legacy.c, i40e_virtchnl_pf.c). */
const VLAN_MAX = 4095;

export type VfAttributes = Omit<Extract<HardwareStep, { kind: 'setVf' }>, 'kind' | 'pf' | 'vfIndex'>;

/**
 * IFLA_VF_* through the PF's netdev. One request may carry several attributes; the kernel sets them in its own order
 * (net/core/rtnetlink.c do_setvfinfo) and stops at the first refusal, leaving the earlier ones set. Listeners hear of the PF then, when
 * it is up (do_setlink, netdev_state_change): the only message about a VF that no kernel driver has.
 */
export function setVfAttributes(node: NodeModel, pf: number, index: number, wanted: VfAttributes): Promise<Outcome> {
  return node.locked(pf, () => {
    const model = node.modelOf(pf);
    const device = { pf, vf: -1, index: -1 };
    if (!node.isPresent(pf) || !hasNetdev(node, device)) return 'ENODEV';
    return node.afterOn(pf, node.fleet.draw(model.delays.vfAttribute), () => {
      if (!Number.isInteger(index) || index < 0 || index >= node.fleet.pfs.numVfs[pf]!) return outOfRange(node, pf, wanted);
      const support = supportOf(node, pf);
      for (const set of SETTERS) {
        const outcome = set(node, pf, index, wanted, support);
        if (outcome !== 'ok') return outcome;
      }
      if (isAdminUp(node, device)) announceChange(node, device);
      return 'ok';
    });
  });
}

/** Most drivers look at the index first; the attribute that the kernel takes up first decides. */
function outOfRange(node: NodeModel, pf: number, wanted: VfAttributes): Outcome {
  const { spoofCheckWithoutVfs } = node.modelOf(pf);
  const isSpoofCheckFirst = wanted.spoofCheck !== undefined && wanted.mac === undefined && wanted.vlan === undefined && wanted.rates === undefined;
  return isSpoofCheckFirst && node.fleet.pfs.numVfs[pf] === 0 && spoofCheckWithoutVfs !== undefined ? spoofCheckWithoutVfs : 'EINVAL';
}

function supportOf(node: NodeModel, pf: number): VfAttributeSupport {
  const model = node.modelOf(pf);
  if (node.hasFlag(pf, PfFlag.infiniband)) return INFINIBAND;
  if (model.eswitch === 'none' || !node.hasFlag(pf, PfFlag.switchdev)) return model.vfAttributes;
  return { ...model.vfAttributes, ...model.eswitch.attributes };
}

/** IPoIB has link state and GUIDs only (drivers/infiniband/ulp/ipoib/ipoib_main.c, ipoib_netdev_ops_pf). */
const INFINIBAND: VfAttributeSupport = {
  mac: 'EOPNOTSUPP', vlan: 'EOPNOTSUPP', vlan8021ad: 'EOPNOTSUPP', spoofCheck: 'EOPNOTSUPP', trust: 'EOPNOTSUPP', minTxRate: 'EOPNOTSUPP',
  maxTxRate: 'EOPNOTSUPP', linkState: 'ok', guid: 'ok',
};

type Setter = (node: NodeModel, pf: number, index: number, wanted: VfAttributes, support: VfAttributeSupport) => Outcome;

function setFlag(node: NodeModel, vf: number, flag: number, on: boolean): void {
  const { flags } = node.fleet.vfs;
  flags[vf] = on ? flags[vf]! | flag : flags[vf]! & ~flag;
}

const setMac: Setter = (node, pf, index, wanted, support) => {
  if (wanted.mac === undefined) return 'ok';
  const mac = parseMac(wanted.mac);
  if (mac === undefined || isMulticast(mac)) return 'EINVAL';
  if (support.mac !== 'ok') return support.mac;
  const { vfs } = node.fleet;
  const { vf } = node.vfDevice(pf, index);
  vfs.adminMacHigh[vf] = mac.high;
  vfs.adminMacLow[vf] = mac.low;
  if (node.modelOf(pf).macRules.effective === 'immediately' && !isZero(mac) && (vfs.flags[vf]! & VfFlag.netdev) !== 0) {
    vfs.macHigh[vf] = mac.high;
    vfs.macLow[vf] = mac.low;
  }
  return 'ok';
};

const setVlan: Setter = (node, pf, index, wanted, support) => {
  if (wanted.vlan === undefined) return 'ok';
  const { id, qos, protocol } = wanted.vlan;
  if (protocol === '802.1ad' && support.vlan8021ad !== 'ok') return support.vlan8021ad;
  // Clearing what cannot be set is no error, so that libvirt and CNI plugins can always reset (mlx5 esw/legacy.c says so).
  if (support.vlan !== 'ok' && id !== 0) return support.vlan;
  if (!Number.isInteger(id) || id < 0 || id > VLAN_MAX || !Number.isInteger(qos) || qos < 0 || qos > 7) return 'EINVAL';
  const { vfs } = node.fleet;
  const { vf } = node.vfDevice(pf, index);
  vfs.vlan[vf] = id;
  vfs.vlanQos[vf] = qos;
  setFlag(node, vf, VfFlag.vlan8021ad, protocol === '802.1ad');
  return 'ok';
};

const setRates: Setter = (node, pf, index, wanted, support) => {
  if (wanted.rates === undefined) return 'ok';
  const { minTxMbps, maxTxMbps } = wanted.rates;
  const valid = [minTxMbps, maxTxMbps].every((rate) => Number.isInteger(rate) && rate >= 0 && rate <= 0x7fffffff);
  if (!valid || (maxTxMbps !== 0 && minTxMbps > maxTxMbps)) return 'EINVAL';
  if (support.maxTxRate !== 'ok') return support.maxTxRate;
  if (minTxMbps !== 0 && support.minTxRate !== 'ok') return support.minTxRate;
  const model = node.modelOf(pf);
  const carrier = hasCarrier(node, { pf, vf: -1, index: -1 });
  if (model.ratesNeedCarrier === true && !carrier) return 'EINVAL';
  if (maxTxMbps > 0) {
    const linkMbps = carrier ? model.linkSpeedMbps : 0;
    const above: Support = maxTxMbps > linkMbps && node.hasPort(pf) ? model.maxTxRateAboveLink : 'ok';
    if (above !== 'ok') return above;
  }
  const { vf } = node.vfDevice(pf, index);
  node.fleet.vfs.minTxRateMbps[vf] = minTxMbps;
  node.fleet.vfs.maxTxRateMbps[vf] = maxTxMbps;
  return 'ok';
};

const setSpoofCheck: Setter = (node, pf, index, wanted, support) => {
  if (wanted.spoofCheck === undefined) return 'ok';
  if (support.spoofCheck !== 'ok') return support.spoofCheck;
  setFlag(node, node.vfDevice(pf, index).vf, VfFlag.spoofCheck, wanted.spoofCheck);
  return 'ok';
};

const setLinkState: Setter = (node, pf, index, wanted, support) => {
  if (wanted.linkState === undefined) return 'ok';
  if (support.linkState !== 'ok') return support.linkState;
  const device = node.vfDevice(pf, index);
  const before = hasCarrier(node, device);
  setFlag(node, device.vf, VfFlag.linkEnable, wanted.linkState === 'enable');
  setFlag(node, device.vf, VfFlag.linkDisable, wanted.linkState === 'disable');
  const carrier = hasCarrier(node, device);
  if (carrier !== before && node.hasListeners) node.emit({ action: 'link', subsystem: 'rtnetlink', device: node.vfAddress(pf, index), carrier });
  return 'ok';
};

const setTrust: Setter = (node, pf, index, wanted, support) => {
  if (wanted.trust === undefined) return 'ok';
  if (support.trust !== 'ok') return support.trust;
  setFlag(node, node.vfDevice(pf, index).vf, VfFlag.trust, wanted.trust);
  return 'ok';
};

const setGuids: Setter = (node, pf, index, wanted, support) => {
  if (wanted.nodeGuid === undefined && wanted.portGuid === undefined) return 'ok';
  if (support.guid !== 'ok') return support.guid;
  if ([wanted.nodeGuid, wanted.portGuid].some((guid) => guid !== undefined && !isGuid(guid))) return 'EINVAL';
  const rare = node.fleet.rareVf(node.vfDevice(pf, index).vf);
  if (wanted.nodeGuid !== undefined) rare.nodeGuid = wanted.nodeGuid.toLowerCase();
  if (wanted.portGuid !== undefined) rare.portGuid = wanted.portGuid.toLowerCase();
  return 'ok';
};

/** In the order of do_setvfinfo. */
const SETTERS: readonly Setter[] = [setMac, setVlan, setRates, setSpoofCheck, setLinkState, setTrust, setGuids];
