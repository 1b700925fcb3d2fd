import { attribute, bytesOf, text } from './attributes.ts';

/** The generic netlink family `vdpa` (include/uapi/linux/vdpa.h). */
const COMMAND = { newDevice: 3, deleteDevice: 4 } as const;
const ATTR = { managementBus: 1, managementDevice: 2, deviceName: 4 } as const;

function header(command: number): Uint8Array {
  return new Uint8Array([command, 1, 0, 0]);
}

export function encodeNewVdpa(address: string, name: string): Uint8Array {
  return bytesOf(header(COMMAND.newDevice), attribute(ATTR.managementBus, text('pci')), attribute(ATTR.managementDevice, text(address)), attribute(ATTR.deviceName, text(name)));
}

export function encodeDeleteVdpa(name: string): Uint8Array {
  return bytesOf(header(COMMAND.deleteDevice), attribute(ATTR.deviceName, text(name)));
}
