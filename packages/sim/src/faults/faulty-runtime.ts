import type { PodNetworks } from '@vfleet/core';
import { fail } from '@vfleet/core';
import type { FaultName } from './catalog.ts';
import type { Chance } from './chance.ts';

const ATTACH: readonly FaultName[] = ['node.attachTwice', 'node.attachLost'];
const DETACH: readonly FaultName[] = ['node.detachTwice'];

/** A container runtime that repeats its CNI calls and gives up on what succeeded. */
export function faultyRuntime(networks: PodNetworks, chance: Chance, place: string): PodNetworks {
  return {
    async attach(sandbox) {
      const strike = chance.strike(`${place}/cni-add`, ATTACH);
      const attached = await networks.attach(sandbox);
      if (strike === undefined || !attached.ok) return attached;
      if (strike.fault === 'node.attachTwice') return networks.attach(sandbox);
      // The caller calls DEL, as for every failed ADD.
      return fail({ code: 11, cause: 'the runtime gave up waiting', remedy: 'It is tried again.' });
    },
    async detach(sandbox) {
      const strike = chance.strike(`${place}/cni-del`, DETACH);
      const detached = await networks.detach(sandbox);
      return strike === undefined ? detached : networks.detach(sandbox);
    },
  };
}
