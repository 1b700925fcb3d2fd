import { isJsonObject, parseJson, parsePciAddress } from '@vfleet/core';
import type { Files, NetworkStatus } from '@vfleet/core';
import { isDefaultRoute } from '../cni/routing.ts';
import { deviceInfoPath, pciDeviceInfo } from '../device-plugin/device-info.ts';
import type { CniResult } from './chained-plugins.ts';
import type { Delegate } from './pod-record.ts';

/**
 * The entry of `k8s.v1.cni.cncf.io/network-status` for one interface, its fields in the order in which Multus marshals them.
 * Addresses keep their prefix length, which the Event about the interface shows; the annotation has them without.
 */
export function networkStatusOf(delegate: Delegate, result: CniResult, deviceInfo: NetworkStatus['device-info']): NetworkStatus {
  // Only an interface inside the pod has a sandbox; a chain may end with one on the host.
  const own = result.interfaces.findLast(({ sandbox }) => sandbox !== undefined && sandbox !== '');
  const gateway = result.routes.flatMap((route) => (isDefaultRoute(route) && route.gw !== undefined ? [route.gw] : []));
  return {
    name: delegate.network,
    ...(own === undefined ? {} : { interface: own.name }),
    ...(result.ips.length === 0 ? {} : { ips: result.ips.map(({ address }) => address) }),
    ...(own?.mac === undefined ? {} : { mac: own.mac }),
    ...(own?.mtu === undefined ? {} : { mtu: own.mtu }),
    ...(delegate.isDefault ? { default: true } : {}),
    dns: { ...result.dns },
    ...(deviceInfo === undefined ? {} : { 'device-info': deviceInfo }),
    ...(gateway.length === 0 ? {} : { gateway }),
  };
}

/** What the device plugin wrote about the device, or else its PCI address; of a device on another bus, nothing. */
export async function deviceInfoFor(files: Files, { deviceId, resourceName }: Delegate): Promise<NetworkStatus['device-info']> {
  if (deviceId === undefined) return undefined;
  const text = resourceName === undefined ? undefined : await files.read(deviceInfoPath(resourceName, deviceId));
  const parsed = text?.ok ? parseJson(text.value) : undefined;
  if (parsed?.ok && isJsonObject(parsed.value)) return parsed.value;
  return parsePciAddress(deviceId).ok ? { ...pciDeviceInfo(deviceId) } : undefined;
}
