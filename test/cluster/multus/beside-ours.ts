import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NetworkStatus } from '@vfleet/core';
import { podAnnotations } from '@vfleet/core';
import * as api from '@vfleet/kube';
import { networkStatusText } from '@vfleet/kube/helpers/network-status.ts';
import type { DeliveredCluster } from '../images/delivered-cluster.ts';
import { networkStatus, runProgram } from '../kubelet/node-cluster.ts';
import { callPlugin } from './plugin-call.ts';
import type { PluginConfig } from './plugin-call.ts';

/** What a pod asks for by its annotations. */
export interface Wish {
  readonly what: string;
  readonly networks?: string;
  readonly defaultNetwork?: string;
}

/** What came of it: the annotation and the pod's interfaces, or that it was refused and what it left behind all the same. */
export type Outcome =
  | { readonly kind: 'refused'; readonly said: string; readonly inPod: InPod }
  | { readonly kind: 'attached'; readonly text: string; readonly status: readonly NetworkStatus[]; readonly inPod: InPod };

interface InPod {
  readonly links: readonly { readonly name: string; readonly mac: string; readonly mtu: number; readonly isUp: boolean; readonly addresses: readonly string[] }[];
  readonly routes: readonly string[];
}

const NAMESPACE = 'beside-ours';

/**
 * Makes the networks of a pod that runs already, once more in a namespace beside it: by one of the two that stand in front of the cluster's network. The pod has
 * devices and no networks of its own yet, so that its VFs are free.
 */
export async function attachOnceMore(cluster: DeliveredCluster, podName: string, config: PluginConfig, { networks, defaultNetwork }: Wish): Promise<Outcome> {
  const reference = { namespace: 'default', name: podName };
  const annotations = { [podAnnotations.networks]: networks ?? null, [podAnnotations.defaultNetwork]: defaultNetwork ?? null, [podAnnotations.networkStatus]: null };
  const pod = await cluster.kube.patch(api.pods, reference, { type: 'merge', patch: { metadata: { annotations } } });
  const attachment = { containerId: `by-${config.type}`, netns: `/run/netns/${NAMESPACE}`, pod: { ...reference, uid: pod.metadata.uid! } };
  const call = (command: 'ADD' | 'CHECK' | 'DEL', more: object = {}) => callPlugin(cluster.node.cniBin, command, { ...config, ...more }, attachment);
  await runProgram('ip', ['netns', 'add', NAMESPACE]);
  const added = await call('ADD');
  const given = added.ok ? { prevResult: added.result } : {};
  // Multus looks at the cluster's network only, and not at what stands in its place.
  const checked = added.ok && defaultNetwork === undefined ? await call('CHECK', given) : undefined;
  const inPod = await lookInto();
  const now = await cluster.kube.get(api.pods, reference);
  const deleted = await call('DEL', given);
  await runProgram('ip', ['netns', 'delete', NAMESPACE]);
  for (const answer of [checked, deleted]) if (answer?.ok === false) throw new Error(`${config.type} answers: ${answer.said}`);
  return added.ok ? { kind: 'attached', text: now.metadata.annotations?.[podAnnotations.networkStatus] ?? '', status: networkStatus(now), inPod } : { kind: 'refused', said: added.said, inPod };
}

async function lookInto(): Promise<InPod> {
  const ask = async <Value>(...words: readonly string[]) => JSON.parse(await runProgram('ip', ['-netns', NAMESPACE, '-json', ...words])) as readonly Value[];
  const links = await ask<{ ifname: string; address: string; mtu: number; flags: readonly string[]; addr_info: readonly { local: string; prefixlen: number; scope: string }[] }>('address');
  const routes = await ask<{ dst: string; gateway?: string; dev: string }>('route');
  return {
    links: links.filter(({ ifname }) => ifname !== 'lo').map(({ ifname: name, address: mac, mtu, flags, addr_info }) => ({
      name, mac, mtu, isUp: flags.includes('UP'), addresses: addr_info.filter(({ scope }) => scope === 'global').map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    })).toSorted((a, b) => a.name.localeCompare(b.name, 'en')),
    routes: routes.map(({ dst, gateway, dev }) => `${dst} ${gateway ?? 'directly'} ${dev}`).toSorted(),
  };
}

/** The two in front of the same network: Multus as its installation has configured it, and ours as `vfleet cni install --cluster-network=wrap` would. */
export async function bothInFront(cluster: DeliveredCluster): Promise<{ readonly multus: PluginConfig; readonly ours: PluginConfig }> {
  const list = JSON.parse(await readFile(join(cluster.node.cniConf, '00-multus.conflist'), 'utf8')) as { readonly cniVersion: string; readonly name: string; readonly plugins: readonly [{ readonly type: string; readonly delegates: object }] };
  const [plugin] = list.plugins;
  const { cniVersion, name } = list;
  return { multus: { ...plugin, cniVersion, name }, ours: { cniVersion, name, type: 'vfleet', delegates: plugin.delegates } };
}

/**
 * The outcome without what is known to differ and what is different each time. Free to differ are the numbers of addresses that nobody has asked for, which VF a network has, and with it the MAC.
 * Known to differ:
 * - `mtu`: ours tells it of every VF, Multus of those whose network is of CNI 1.1 or newer, which has it in the result.
 * - `device-info` of a default network: Multus tells that of further networks only.
 * - `gateway` of the cluster's network: ours is that of the address where its default route names none, Multus writes "<nil>".
 */
export function comparable(outcome: Outcome, asked: string): object {
  if (outcome.kind === 'refused') return { kind: outcome.kind, left: outcome.inPod };
  const free = (text: string) => (asked.includes(text.replace(/\/\d+$/, '')) ? text : text.replace(/^((?:\d+\.){3})\d+/, '$1x').replace(/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/, 'a MAC'));
  const status = outcome.status.map(({ mtu: _mtu, gateway, ips, mac, 'device-info': info, ...rest }) => ({
    ...rest, ...(ips === undefined ? {} : { ips: ips.map(free) }), ...(mac === undefined ? {} : { mac: free(mac) }),
    ...(info === undefined || rest.default === true ? {} : { 'device-info': { ...info, pci: Object.keys(info['pci'] as object) } }), ...(gateway === undefined || rest.name === 'cluster' ? {} : { gateway }),
  }));
  const { links, routes } = outcome.inPod;
  return { kind: outcome.kind, status, links: links.map((link) => ({ ...link, mac: free(link.mac), addresses: link.addresses.map(free) })), routes: routes.map((route) => route.split(' ').map(free).join(' ')) };
}

/** Whether the text is exactly what our own writer makes of its content: order of fields, spaces, escapes. */
export function isOurText({ text, status }: Extract<Outcome, { kind: 'attached' }>): boolean {
  return networkStatusText(status).replaceAll('<', '\\u003c').replaceAll('>', '\\u003e') === text;
}
