import { createPluginRunner } from '@vfleet/controllers/cni/edge/real-plugin-runner.ts';
import { DEFAULT_STATE_FOLDER, SriovCni } from '@vfleet/controllers/cni/index.ts';
import { noDaemonAnswer } from '@vfleet/controllers/cni/answered-calls.ts';
import { CniCalls } from '@vfleet/controllers/cni/calls.ts';
import type { CniAnswer } from '@vfleet/controllers/cni/calls.ts';
import type { RawCall } from '@vfleet/controllers/cni/spec/call.ts';
import { isMetaPluginCall } from '@vfleet/controllers/meta-plugin/index.ts';
import { silentLog } from '@vfleet/core';
import { NodeFiles, RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createLinuxHardware } from '@vfleet/hw-linux';
import { hostNamespaces } from '../host-ports/network-namespaces.ts';
import { isUnderWay } from '../host-ports/under-way.ts';

/** Carries a call out in this process: the same attachment, journals and locks as the daemon's, so that either may finish what the other began. */
export async function answerAlone(call: RawCall, stateFolder: string = DEFAULT_STATE_FOLDER): Promise<CniAnswer> {
  // It reads pods and what the kubelet gave them, for which it takes the daemon's credentials.
  if (isMetaPluginCall(call)) return noDaemonAnswer(call);
  const clock = new RealClock();
  const hardware = createLinuxHardware({ clock });
  const files = new NodeFiles(clock, new SystemRandom());
  const cni = new SriovCni({ hardware, files, clock, log: silentLog, namespaces: hostNamespaces, plugins: createPluginRunner({ clock }) }, { stateFolder, isUnderWay: (pf) => isUnderWay(files, pf) });
  try {
    return await new CniCalls({ cni, hardware, files, log: silentLog }, { stateFolder }).handle(call);
  } finally {
    // What could not be taken back is journalled: the next call for it goes on.
    cni.stop();
    await hardware.close();
  }
}
