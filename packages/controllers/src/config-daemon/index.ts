export { createConfigDaemon } from './daemon.ts';
export type { ConfigDaemon, ConfigDaemonView } from './daemon.ts';
export type { ConfigDaemonPorts, ConfigDaemonSettings } from './settings.ts';
