export { DEFAULT_STATE_FOLDER, SriovCni } from './sriov-cni.ts';
export type { Attachment, Namespaces, SriovAttachRequest, SriovCniPorts, SriovCniSettings } from './sriov-cni.ts';
export { cniCodes } from './failure.ts';
export { parseSriovConfig } from './netconf.ts';
export type { SriovConfig } from './netconf.ts';
export type { Routing } from './routing.ts';
export type { OriginalVf, RecordName, SriovResult, VfOwner, VfRecord } from './vf-record.ts';
export { pfLockPath } from './vf-work.ts';
