/**
 * One process that looks at the NICs, as `vfleet host apply` does, and then sets VFs for the first time: `first-apply.ts ROUND host`; or as the
 * daemon does: `first-apply.ts ROUND daemon`. It prints how long each of a few applies took, in milliseconds, as JSON.
 */
import { RealClock } from '@vfleet/core/real.ts';
import { warmUp } from '@vfleet/hw-linux/warm-up.ts';
import { inventory, machinePfs, realHardware } from '../support.ts';
import { batch, settingsOf } from './vf-settings.ts';

const APPLIES = 30;

const round = Number(process.argv[2]);
const isDaemon = process.argv[3] === 'daemon';
if (isDaemon) await warmUp(new RealClock());
const hardware = realHardware({ waiting: isDaemon ? 'aside' : 'here' });
await inventory(hardware);
const [pf] = machinePfs();
const times: number[] = [];
for (let apply = 0; apply < APPLIES; apply++) {
  const steps = batch(pf!, settingsOf(round + apply));
  const began = performance.now();
  const result = await hardware.apply(steps[0]!);
  times.push(performance.now() - began);
  if (!result.ok) throw new Error(result.error.cause);
}
process.stdout.write(JSON.stringify(times));
await hardware.close();
