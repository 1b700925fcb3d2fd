import type { Files, HardwareError, Host, Result } from '@vfleet/core';
import { fail, hardwareError, ok } from '@vfleet/core';
import { HostPreparation } from '../host-preparation/host-preparation.ts';
import { RealHostCommands } from '../host-preparation/real-host-commands.ts';
import { RealSysfs } from '../sysfs/real-sysfs.ts';
import type { Sysfs } from '../sysfs/sysfs.ts';
import { createLinuxHost } from './linux-host.ts';

/** This machine around its NICs. */
export interface RealHost {
  readonly host: Host;
  readonly preparation: HostPreparation;
  readonly sysfs: Sysfs;
}

/** `files` are those of the host's root file system; `root` is where that is, for a process that has another one: programs are run in there. */
export function realHost(files: Files, root = ''): RealHost {
  const below = root === '/' ? '' : root.replace(/\/+$/, '');
  const sysfs = new RealSysfs();
  const commands = new RealHostCommands(below);
  const preparation = new HostPreparation({ files, sysfs, commands });
  const reboot = async (reason: string): Promise<Result<void, HardwareError>> => {
    const done = await commands.run({ program: 'systemctl', words: ['reboot'] });
    return done.ok ? ok(undefined) : fail(hardwareError({ operation: 'reboot', failure: 'EIO', device: 'host', detail: `${reason}; ${done.error.says}` }));
  };
  return { host: createLinuxHost({ sysfs, bootLoader: preparation, reboot }), preparation, sysfs };
}
