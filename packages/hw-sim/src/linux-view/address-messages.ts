import { PfFlag } from '../model/columns.ts';
import { devicesWithNetdev, interfaceIndex, isAdminUp, rareFor, rareOf } from '../model/netdev.ts';
import type { Device, NodeModel } from '../model/node-model.ts';
import type { Outcome } from '../model/operation.ts';
import { attr, attrMap, concat, get32, getByte, word32 } from './bytes.ts';
import { formatAddress, formatNetwork, holds, parseNetwork, sameNetwork } from './ip-text.ts';
import type { Network } from './ip-text.ts';
import { deviceOfIndex } from './link-messages.ts';

/** Addresses and routes (include/uapi/linux/if_addr.h, rtnetlink.h). */
const ADDRESS = { address: 1, local: 2 } as const;
const ROUTE = { destination: 1, outInterface: 4, gateway: 5, table: 15 } as const;
const MAIN = 254;
const UNICAST = 1;
const LINK_SCOPE = 253;
const BOOT = 3;
const DHCP = 16;

const familyOf = (bytes: Uint8Array): number => (bytes.length === 4 ? 2 : 10);

function* inNetns(node: NodeModel, netns: string): Generator<Device> {
  for (const device of devicesWithNetdev(node)) if ((rareOf(node, device)?.netns ?? 'host') === netns) yield device;
}

export function addressMessages(node: NodeModel, netns: string): readonly Uint8Array[] {
  return [...inNetns(node, netns)].flatMap((device) =>
    (rareOf(node, device)?.addresses ?? []).map((text) => {
      const { bytes, length } = parseNetwork(text)!;
      return concat(new Uint8Array([familyOf(bytes), length, 0, 0]), word32(interfaceIndex(node, device)), attr(ADDRESS.address, bytes), attr(ADDRESS.local, bytes));
    }),
  );
}

/** RTM_NEWADDR and RTM_DELADDR. */
export function changeAddress(node: NodeModel, netns: string, payload: Uint8Array, add: boolean, replace: boolean): Outcome {
  const device = deviceOfIndex(node, netns, get32(payload, 4));
  if (device === undefined) return 'ENODEV';
  const table = attrMap(payload.subarray(8));
  const bytes = table.get(ADDRESS.local) ?? table.get(ADDRESS.address);
  if (bytes === undefined || (bytes.length !== 4 && bytes.length !== 16)) return 'EINVAL';
  const wanted: Network = { bytes, length: getByte(payload, 1) };
  if (wanted.length > bytes.length * 8) return 'EINVAL';
  const rare = rareFor(node, device);
  const kept = rare.addresses.filter((text) => !sameNetwork(parseNetwork(text)!, wanted));
  const isThere = kept.length < rare.addresses.length;
  if (!add) {
    if (!isThere) return 'EADDRNOTAVAIL';
    rare.addresses = kept;
    return 'ok';
  }
  if (isThere) return replace ? 'ok' : 'EEXIST';
  rare.addresses = [...rare.addresses, formatNetwork(wanted)];
  return 'ok';
}

interface WireRoute {
  readonly destination: Network;
  readonly gateway: Uint8Array | undefined;
}

function routeMessage(node: NodeModel, device: Device, { destination, gateway }: WireRoute, protocol: number): Uint8Array {
  const { bytes, length } = destination;
  return concat(
    new Uint8Array([familyOf(bytes), length, 0, 0, MAIN, protocol, gateway === undefined && bytes.length === 4 ? LINK_SCOPE : 0, UNICAST]), word32(0),
    ...(length === 0 ? [] : [attr(ROUTE.destination, bytes)]), ...(gateway === undefined ? [] : [attr(ROUTE.gateway, gateway)]),
    attr(ROUTE.outInterface, word32(interfaceIndex(node, device))), attr(ROUTE.table, word32(MAIN)),
  );
}

export function routeMessages(node: NodeModel, netns: string): readonly Uint8Array[] {
  const everything: Network = { bytes: new Uint8Array(4), length: 0 };
  return [...inNetns(node, netns)].flatMap((device) => {
    const isDefault = netns === 'host' && device.vf < 0 && node.hasFlag(device.pf, PfFlag.defaultRoute);
    const set = (rareOf(node, device)?.routes ?? []).map(({ dst, gw }) => routeMessage(node, device, { destination: masked(parseNetwork(dst)!), gateway: gw === undefined ? undefined : parseNetwork(gw)!.bytes }, BOOT));
    // The host's own route came from its network configuration.
    return [...(isDefault ? [routeMessage(node, device, { destination: everything, gateway: new Uint8Array([192, 0, 2, 1]) }, DHCP)] : []), ...set];
  });
}

/** RTM_NEWROUTE and RTM_DELROUTE (net/ipv4/fib_semantics.c fib_check_nh): a gateway is looked for before the interface is. */
export function changeRoute(node: NodeModel, netns: string, payload: Uint8Array, add: boolean): Outcome {
  const table = attrMap(payload.subarray(12));
  const index = table.get(ROUTE.outInterface);
  const device = index === undefined ? undefined : deviceOfIndex(node, netns, get32(index));
  if (device === undefined) return 'ENODEV';
  const family = getByte(payload, 0);
  const destination: Network = { bytes: table.get(ROUTE.destination) ?? new Uint8Array(family === 2 ? 4 : 16), length: getByte(payload, 1) };
  const gateway = table.get(ROUTE.gateway);
  const rare = rareFor(node, device);
  const isSame = (route: { readonly dst: string; readonly gw?: string }) => sameNetwork(masked(parseNetwork(route.dst)!), destination) && route.gw === (gateway === undefined ? undefined : formatAddress(gateway));
  if (!add) {
    const kept = rare.routes.filter((route) => !isSame(route));
    if (kept.length === rare.routes.length) return 'ESRCH';
    rare.routes = kept;
    return 'ok';
  }
  const isReachable = gateway === undefined || rare.addresses.some((text) => holds(parseNetwork(text)!, gateway));
  if (!isAdminUp(node, device)) return gateway === undefined ? 'ENETDOWN' : 'ENETUNREACH';
  if (!isReachable) return 'ENETUNREACH';
  rare.routes = [...rare.routes.filter((route) => !isSame(route)), { dst: formatNetwork(destination), ...(gateway === undefined ? {} : { gw: formatAddress(gateway) }) }];
  return 'ok';
}

function masked({ bytes, length }: Network): Network {
  return { bytes: bytes.map((one, at) => one & (0xff << (8 - Math.min(8, Math.max(0, length - at * 8))))), length };
}

