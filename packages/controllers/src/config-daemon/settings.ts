import type { BootServices, Clock, Files, Hardware, Host, Kube, Log, LogLevel, Random, SoftwareBridges } from '@vfleet/core';
import { DEFAULT_OPERATOR_NAMESPACE } from '@vfleet/core';
import type { Tracer } from '../tracing/tracer.ts';

export interface ConfigDaemonPorts {
  readonly kube: Kube;
  readonly hardware: Hardware;
  readonly host: Host;
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Without it bridges are not made, and node states that want some say so. */
  readonly bridges?: SoftwareBridges;
  /** Without it configurationMode systemd is refused in words. */
  readonly bootServices?: BootServices;
  /** Where runs are told of in spans; absent: nowhere. */
  readonly tracer?: Tracer;
  /** Told what `logLevel` of the configuration `default` asks to be logged, whenever it changes; undefined where it says nothing. */
  readonly onLogLevel?: (level: LogLevel | undefined) => void;
}

export interface ConfigDaemonSettings {
  readonly nodeName: string;
  /** The operator's namespace, where node states are. */
  readonly namespace?: string;
  /** For the journal, the machine's state and what PFs were like at first. It must survive a reboot. */
  readonly stateFolder?: string;
  /** Hardware events come in bursts: how long after the first one the hardware is looked at. */
  readonly debounceMs?: number;
  /** How often everything is looked at without any event: a net under lost events, not the way that changes are seen. */
  readonly resyncMs?: number;
}

export interface ResolvedDaemonSettings {
  readonly nodeName: string;
  readonly namespace: string;
  readonly stateFolder: string;
  readonly debounceMs: number;
  readonly resyncMs: number;
}

export function resolveDaemonSettings(settings: ConfigDaemonSettings): ResolvedDaemonSettings {
  return {
    nodeName: settings.nodeName,
    namespace: settings.namespace ?? DEFAULT_OPERATOR_NAMESPACE,
    stateFolder: settings.stateFolder ?? '/etc/sriov-operator',
    debounceMs: settings.debounceMs ?? 500,
    resyncMs: settings.resyncMs ?? 3_600_000,
  };
}
