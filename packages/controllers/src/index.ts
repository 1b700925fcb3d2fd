export * from './operator/index.ts';
export * from './config-daemon/index.ts';
export * from './device-plugin/index.ts';
export * from './attachment/index.ts';
export * from './admission/index.ts';
export * from './cni/index.ts';
export { BUILT_IN_IPAM_TYPES, createIpam } from './ipam/index.ts';
export type { AssignedIp, DnsSettings, Ipam, IpamError, IpamErrorCode, IpamOwner, IpamRequest, IpamResult, IpRoute } from './ipam/index.ts';
