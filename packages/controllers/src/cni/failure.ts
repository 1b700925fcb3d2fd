import type { AttachFailure, FilesError, HardwareError } from '@vfleet/core';
import type { IpamError } from '../ipam/index.ts';

/** Error codes of the CNI specification 1.1.0 §"Error", and those from 100 that are a plugin's own. */
export const cniCodes = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  /** Files and executables: also what a runtime answers when a plugin is not installed. */
  io: 5,
  undecodable: 6,
  invalidConfig: 7,
  tryAgain: 11,
  /** STATUS: ADD cannot be served now. */
  notAvailable: 50,
  /** STATUS: neither can DEL of what runs. */
  limitedConnectivity: 51,
  /** The device is not there, or not usable as it is. */
  device: 100,
  /** The hardware refused a setting. */
  refused: 101,
  /** No address could be had. */
  address: 102,
  /** A check found something other than what was set up. */
  notAsSetUp: 103,
  /** The network does not exist or cannot be read. */
  network: 104,
} as const;

type Failed = { readonly ok: false; readonly error: AttachFailure };

export function failure(code: number, cause: string, remedy: string): Failed {
  return { ok: false, error: { code, cause, remedy } };
}

export function invalidConfig(cause: string): Failed {
  return failure(cniCodes.invalidConfig, cause, 'Correct the network: the SriovNetwork that renders it, or spec.config of the NetworkAttachmentDefinition.');
}

/** Hardware that is busy or slow is asked again by the runtime; what it refuses for good is not. */
export function hardwareFailure(error: HardwareError, doing: string): Failed {
  const passing = error.code === 'busy' || error.code === 'timeout' || error.code === 'blocked' || error.code === 'io';
  const code = passing ? cniCodes.tryAgain : error.code === 'gone' ? cniCodes.device : cniCodes.refused;
  return failure(code, `${doing} of ${error.device} failed: ${error.cause}`, error.remedy);
}

export function filesFailure(error: FilesError): Failed {
  return failure(cniCodes.io, error.cause, 'Make room on, or repair, the file system that holds the state of attachments, then let the pod be set up again.');
}

export function ipamFailure(error: IpamError): Failed {
  switch (error.code) {
    case 'invalidConfig':
      return failure(cniCodes.invalidConfig, error.cause, error.remedy);
    case 'unknownType':
    case 'storage':
      return failure(cniCodes.io, error.cause, error.remedy);
    case 'tryAgain':
      return failure(cniCodes.tryAgain, error.cause, error.remedy);
    case 'delegate':
    case 'exhausted':
    case 'notAvailable':
      return failure(cniCodes.address, error.cause, error.remedy);
    case 'notReserved':
      return failure(cniCodes.notAsSetUp, error.cause, error.remedy);
  }
}
