import { drainDesired, drainProgress, drainRequested } from './cluster-view.ts';
import type { Oracle } from './oracle.ts';

export const rebootPermission: Oracle = {
  name: 'reboot-permission',
  property: 'A config daemon reboots its node only after the operator has granted it, unless draining is disabled.',
  watch({ view, violated }) {
    return {
      write({ id }, { to, verb }) {
        if (to !== 'host' || verb !== 'reboot' || view.operatorConfig()?.disableDrain === true) return;
        const state = view.nodeState(id.place);
        if (drainProgress(state) === 'DrainComplete' && drainDesired(state) === 'Reboot_Required') return;
        violated([`node/${id.place}`], `rebooted with desired-state ${drainDesired(state)}, current-state ${drainProgress(state)}, asked for ${drainRequested(view.node(id.place))}`);
      },
    };
  },
};
