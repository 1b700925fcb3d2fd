import { createPluginRunner } from '@vfleet/controllers/cni/edge/real-plugin-runner.ts';
import { DEFAULT_STATE_FOLDER, SriovCni } from '@vfleet/controllers/cni/index.ts';
import { noDaemonAnswer } from '@vfleet/controllers/cni/answered-calls.ts';
import { CniCalls } from '@vfleet/controllers/cni/calls.ts';
import type { CniAnswer } from '@vfleet/controllers/cni/calls.ts';
import type { RawCall } from '@vfleet/controllers/cni/spec/call.ts';
import { isMetaPluginCall } from '@vfleet/controllers/meta-plugin/index.ts';
import { silentLog } from '@vfleet/core';
import type { Clock, Files, Hardware } from '@vfleet/core';
import type { PodLinks } from '@vfleet/core/ports/pod-links.ts';
import { NodeFiles, RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createLinuxHardware } from '@vfleet/hw-linux';
import { LinuxPodLinks } from '@vfleet/hw-linux/pod-links/pod-links.ts';
import { RuntimeNamespaces } from '../host-ports/network-namespaces.ts';
import { isUnderWay } from '../host-ports/under-way.ts';

/** Neighbours are told of a new address only while its link comes up this fast: a runtime waits for this process. The daemon takes its time. */
const ANNOUNCEMENT_WAIT_MS = 200;

/** What the process works on. */
export interface StandAloneParts {
  readonly clock: Clock;
  readonly files: Files;
  readonly hardware: Hardware & { close(): Promise<void> };
  readonly podLinks: PodLinks;
}

function realParts(): StandAloneParts {
  const clock = new RealClock();
  const hardware = createLinuxHardware({ clock });
  return { clock, hardware, files: new NodeFiles(clock, new SystemRandom()), podLinks: new LinuxPodLinks(hardware.links) };
}

/** Carries a call out in this process: the same attachment, journals and locks as the daemon's, so that either may finish what the other began. */
export async function answerAlone(call: RawCall, stateFolder: string = DEFAULT_STATE_FOLDER, given?: StandAloneParts): Promise<CniAnswer> {
  // It reads pods and what the kubelet gave them, for which it takes the daemon's credentials.
  if (isMetaPluginCall(call)) return noDaemonAnswer(call);
  const parts = given ?? realParts();
  const { clock, hardware, files } = parts;
  const cni = new SriovCni({ ...parts, log: silentLog, namespaces: new RuntimeNamespaces(), plugins: createPluginRunner({ clock }) }, { stateFolder, isUnderWay: (pf) => isUnderWay(files, pf) });
  try {
    const answer = await new CniCalls({ cni, hardware, files, log: silentLog }, { stateFolder }).handle(call);
    await cni.announced(ANNOUNCEMENT_WAIT_MS);
    return answer;
  } finally {
    // What could not be taken back is journalled: the next call for it goes on.
    cni.stop();
    await hardware.close();
  }
}
