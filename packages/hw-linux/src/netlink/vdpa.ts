import { attribute, bytesOf, text } from './attributes.ts';

/** The generic netlink family `vdpa` (include/uapi/linux/vdpa.h). */
const COMMAND = { newDevice: 3, deleteDevice: 4 } as const;
const ATTR = { managementBus: 1, managementDevice: 2, deviceName: 4 } as const;

function header(command: number): Uint8Array {
  return new Uint8Array([command, 1, 0, 0]);
}

/** What makes vDPA devices: a PCI function by its address, or a driver without a device, such as `vduse`, which is on no bus. */
export interface VdpaManagement {
  readonly bus?: string;
  readonly device: string;
}

export function encodeNewVdpa({ bus, device }: VdpaManagement, name: string): Uint8Array {
  const place = bus === undefined ? [] : [attribute(ATTR.managementBus, text(bus))];
  return bytesOf(header(COMMAND.newDevice), ...place, attribute(ATTR.managementDevice, text(device)), attribute(ATTR.deviceName, text(name)));
}

export function encodeDeleteVdpa(name: string): Uint8Array {
  return bytesOf(header(COMMAND.deleteDevice), attribute(ATTR.deviceName, text(name)));
}
