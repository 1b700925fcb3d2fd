export { META_PLUGIN_TYPE, MetaPlugin, isMetaPluginCall } from './meta-plugin.ts';
export type { MetaPluginPorts } from './meta-plugin.ts';
