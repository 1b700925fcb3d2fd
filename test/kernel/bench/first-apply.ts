/**
 * One process that looks at the NICs, as `vfleet host apply` does, and then sets VFs for the first time: `first-apply.ts ROUND`. It prints how
 * long each of a few applies took, in milliseconds, as JSON.
 */
import { applied, inventory, machinePfs, realHardware } from '../support.ts';
import { timed } from './figures.ts';
import { batch, settingsOf } from './vf-settings.ts';

const APPLIES = 10;

const round = Number(process.argv[2]);
const hardware = realHardware({ waiting: 'here' });
await inventory(hardware);
const [pf] = machinePfs();
const times: number[] = [];
for (let apply = 0; apply < APPLIES; apply++) {
  const steps = batch(pf!, settingsOf(round + apply));
  times.push(await timed(() => applied(hardware, steps[0]!)));
}
process.stdout.write(JSON.stringify(times));
await hardware.close();
