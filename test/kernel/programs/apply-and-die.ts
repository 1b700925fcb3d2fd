/**
 * `vfleet host apply -y` that tells its parent of every write it makes, to the kernel or to its state folder, and kills itself with
 * SIGKILL right after one of them: `apply-and-die.ts POLICY STATE_FOLDER`. Which one comes as a message (0: none), so that the program
 * can be loaded while its parent has other things to do.
 */
import { hostCommand } from '@vfleet/cli/verbs/host/command.ts';
import { realHostTools } from '@vfleet/cli/verbs/host/real-host-tools.ts';
import { RealClock } from '@vfleet/core/real.ts';
import { createLinuxHardware } from '@vfleet/hw-linux';
import { KernelNetlink } from '@vfleet/hw-linux/kernel-thread/kernel-netlink.ts';
import { HelperWrites } from '@vfleet/hw-linux/sysfs/long-writes.ts';
import { DeadlyPoints, TellingSysfs, tellingFiles, tellingNetlink, tellingWrites } from './points.ts';

const [policy, stateFolder] = process.argv.slice(2) as [string, string];
const clock = new RealClock();
// As `vfleet host` waits for the kernel.
const netlink = new KernelNetlink('here');
const helpers = new HelperWrites(clock);
// The sockets and the helper process are there before the order comes.
await helpers.write('/dev/null', '', 600_000).outcome;
await netlink.ask({ kind: 'driverInfo', netns: 'host', name: 'lo' });
const killAt = await new Promise<number>((resolve) => {
  process.once('message', (number) => resolve(Number(number)));
  process.send!('loaded');
});
const points = new DeadlyPoints(killAt);

const terminal = { out: () => {}, err: (text: string) => void process.stderr.write(text), colours: false };
const command = hostCommand({ environment: {}, terminal }, (status) => (process.exitCode = status), async () => {
  const sysfs = new TellingSysfs(points);
  const hardware = createLinuxHardware({ clock, sysfs, netlink: tellingNetlink(points, netlink), longWrites: tellingWrites(points, helpers) });
  const tools = realHostTools();
  return { ...tools, hardware, sysfs, files: tellingFiles(points, tools.files), clock };
});
await command.parseAsync(['apply', '-y', '-f', policy, '--state-folder', stateFolder], { from: 'user' });
process.exit();
