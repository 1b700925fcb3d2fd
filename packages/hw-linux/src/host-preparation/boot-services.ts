import type { BootServices } from '@vfleet/core';
import type { HostPreparation } from './host-preparation.ts';

/** Units of systemd that start vfleet on the host by `executable`, with the journal of the daemon that is about to start after them. */
export function bootServices(preparation: Pick<HostPreparation, 'setBootServices'>, executable: readonly string[], stateFolder: string): BootServices {
  return {
    install: () => preparation.setBootServices({ executable, stateFolder }),
    remove: () => preparation.setBootServices(undefined),
  };
}
