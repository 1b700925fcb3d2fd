import type { Clock, PodNetworks } from '@vfleet/core';
import { fail } from '@vfleet/core';
import type { FaultName } from './catalog.ts';
import type { Chance } from './chance.ts';

const ATTACH: readonly FaultName[] = ['node.attachTwice', 'node.attachLost', 'node.killedDuringAttach'];
const DETACH: readonly FaultName[] = ['node.detachTwice', 'node.detachWithoutNetns', 'node.detachWithoutState'];
/** How far an attachment has got at most when its pod is killed. */
const UNDER_WAY_MS = 100;

/** What a runtime's host may lose between two calls. */
export interface RuntimeHost {
  readonly clock: Clock;
  /** The namespace is deleted, and its interfaces go back to the host. */
  loseNetns(netns: string): void;
  /** The record of a sandbox's networks is lost. */
  loseState(containerId: string): Promise<void>;
}

/** A container runtime that repeats its CNI calls, gives up on what succeeded, kills pods in the middle of a call and loses what it had. */
export function faultyRuntime(networks: PodNetworks, chance: Chance, place: string, host: RuntimeHost): PodNetworks {
  return {
    async attach(sandbox) {
      const strike = chance.strike(`${place}/cni-add`, ATTACH);
      if (strike?.fault === 'node.killedDuringAttach') {
        const attaching = networks.attach(sandbox);
        await host.clock.sleep(Math.floor(strike.draw() * UNDER_WAY_MS));
        // Its answer is for nobody: the runtime calls DEL again once ADD has come back.
        await Promise.all([networks.detach(sandbox), attaching]);
        return fail({ code: 11, cause: 'the pod was killed', remedy: 'It is tried again.' });
      }
      const attached = await networks.attach(sandbox);
      if (strike === undefined || !attached.ok) return attached;
      if (strike.fault === 'node.attachTwice') return networks.attach(sandbox);
      // The caller calls DEL, as for every failed ADD.
      return fail({ code: 11, cause: 'the runtime gave up waiting', remedy: 'It is tried again.' });
    },
    async detach(sandbox) {
      const strike = chance.strike(`${place}/cni-del`, DETACH);
      if (strike?.fault === 'node.detachWithoutNetns') host.loseNetns(sandbox.netns);
      if (strike?.fault === 'node.detachWithoutState') await host.loseState(sandbox.containerId);
      const detached = await networks.detach(sandbox);
      return strike?.fault === 'node.detachTwice' ? networks.detach(sandbox) : detached;
    },
  };
}
