import type { Hardware, HardwareStep, Log, PciAddress } from '@vfleet/core';
import { ok } from '@vfleet/core';
import { PCI_DRIVERS } from '../sysfs/paths.ts';
import type { Sysfs } from '../sysfs/sysfs.ts';
import type { HostPreparation } from './host-preparation.ts';
import { readVfAddresses } from './udev-pfs.ts';

/**
 * Hardware whose host is made ready step by step: before VFs come, udev and NetworkManager are told whose they are, and before a device is
 * bound its driver is loaded. What the host refuses is told to the log; the step itself then says what became of it.
 */
export function preparedHardware(hardware: Hardware, preparation: Pick<HostPreparation, 'loadModules' | 'setRules'>, sysfs: Sysfs, log: Log): Hardware {
  return {
    discover: () => hardware.discover(),
    lookAtVf: (device) => hardware.lookAtVf(device),
    watch: (listener) => hardware.watch(listener),
    async apply(step) {
      const done = await prepare(preparation, sysfs, step);
      if (!done.ok) log.warn('The host could not be made ready for a step.', { step: step.kind, cause: done.error.cause, remedy: done.error.remedy });
      return hardware.apply(step);
    },
  };
}

async function prepare(preparation: Pick<HostPreparation, 'loadModules' | 'setRules'>, sysfs: Sysfs, step: HardwareStep): ReturnType<HostPreparation['loadModules']> {
  if (step.kind === 'setNumVfs') return setRules(preparation, sysfs, step.pf, step.count);
  return step.kind === 'bindDriver' && step.driver !== 'default' ? loadDriver(preparation, sysfs, step.driver) : ok(undefined);
}

async function setRules(preparation: Pick<HostPreparation, 'setRules'>, sysfs: Sysfs, pf: PciAddress, count: number): ReturnType<HostPreparation['setRules']> {
  return preparation.setRules(pf, count > 0 ? { pciAddress: pf, name: '', vfAddresses: await readVfAddresses(sysfs, pf, count) } : undefined);
}

/** Names of drivers and modules agree for those that take any device. */
async function loadDriver(preparation: Pick<HostPreparation, 'loadModules'>, sysfs: Sysfs, driver: string): ReturnType<HostPreparation['loadModules']> {
  return (await sysfs.exists(`${PCI_DRIVERS}/${driver}`)) ? ok(undefined) : preparation.loadModules([driver]);
}
