import { attribute, attributeTable, bytesOf, readU16, text } from './attributes.ts';

/** Generic netlink: families are found by name (include/uapi/linux/genetlink.h). */
export const CONTROL_FAMILY = 16;
export const GENERIC_HEADER_BYTES = 4;
const CONTROL = { getFamily: 3, familyId: 1, familyName: 2 } as const;

/** struct genlmsghdr. */
export function genericHeader(command: number, version = 1): Uint8Array {
  return new Uint8Array([command, version, 0, 0]);
}

export function encodeGetFamily(name: string): Uint8Array {
  return bytesOf(genericHeader(CONTROL.getFamily), attribute(CONTROL.familyName, text(name)));
}

/** The family's number; undefined when the answer has none. */
export function decodeFamily(payload: Uint8Array): number | undefined {
  const id = attributeTable(payload.subarray(GENERIC_HEADER_BYTES)).get(CONTROL.familyId);
  return id === undefined ? undefined : readU16(id);
}
