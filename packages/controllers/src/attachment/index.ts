export { createPodNetworks } from './pod-networks.ts';
export type { NodePodNetworks, PodNetworksPorts, PodNetworksSettings } from './pod-networks.ts';
export type { ChainedPlugins, CniResult, PluginCall } from './chained-plugins.ts';
export { formatShort, interfaceNames, parseNetworks } from './selection.ts';
export type { NetworkSelection } from './selection.ts';
export { parseChain } from './plugin-chain.ts';
export type { PluginChain } from './plugin-chain.ts';
export { BUILT_IN_PLUGINS } from './resolve.ts';
export { installedPlugins } from './installed-plugins.ts';
