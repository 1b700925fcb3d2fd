import * as s from '../schema.ts';
import type { Static } from '../schema.ts';
import { conditionsSchema } from './conditions.ts';

export const operatorConfigSpecSchema = s.object({
  configDaemonNodeSelector: s.optional(s.map(s.string(), { description: 'Nodes that get a config daemon. Empty: every worker.' })),
  enableInjector: s.optional(s.boolean({ description: 'Run the network resources injector.' })),
  enableOperatorWebhook: s.optional(s.boolean({ description: 'Run the admission webhook of this operator.' })),
  logLevel: s.optional(s.integer({ minimum: 0, maximum: 2, description: '0 info, 1 more, 2 debug.' })),
  disableDrain: s.optional(s.boolean({ description: 'Never drain; changes are made under running pods.' })),
  enableOvsOffload: s.optional(s.boolean({ description: 'Prepare hosts for OVS hardware offload.' })),
  configurationMode: s.optional(s.oneOf(['daemon', 'systemd'], { description: 'Who configures NICs: the daemon alone, or at each boot also systemd units, before the network comes up.' })),
  useCDI: s.optional(s.boolean({ description: 'Hand devices to the runtime by CDI.' })),
  disablePlugins: s.optional(s.array(s.oneOf(['mellanox']), { description: 'Vendor parts not to use.' })),
  featureGates: s.optional(s.map(s.boolean(), { description: 'Feature gates by name; unknown ones are off.' })),
  configDaemonEnvVars: s.optional(s.map(s.string(), { description: 'Environment of the config daemon.' })),
});

export const operatorConfigStatusSchema = s.object({
  injector: s.optional(s.string()),
  operatorWebhook: s.optional(s.string()),
  conditions: s.optional(conditionsSchema),
});

export type OperatorConfigSpec = Static<typeof operatorConfigSpecSchema>;
export type OperatorConfigStatus = Static<typeof operatorConfigStatusSchema>;

/** Feature gates and their defaults; a gate not listed is off. */
export const featureGateDefaults = {
  parallelNicConfig: false,
  resourceInjectorMatchCondition: false,
  metricsExporter: false,
  manageSoftwareBridges: false,
  blockDevicePluginUntilConfigured: true,
  mellanoxFirmwareReset: true,
} as const;

export type FeatureGate = keyof typeof featureGateDefaults;
