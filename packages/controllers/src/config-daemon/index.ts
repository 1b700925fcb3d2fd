export { createConfigDaemon } from './daemon.ts';
export type { ConfigDaemon, ConfigDaemonView } from './daemon.ts';
export { parseBootConfiguration } from './boot-files.ts';
export { runBootPhase } from './boot-run.ts';
export type { BootFailure, BootRunPorts } from './boot-run.ts';
export type { ConfigDaemonPorts, ConfigDaemonSettings } from './settings.ts';
