/**
 * The CNI plugin's work that tells its parent of every write it makes, to the kernel or to files, and kills itself with SIGKILL right after one
 * of them: `cni-and-die.ts FOLDER STATE_FOLDER`. As a message comes an order: which place is the last (0: none), and a call to be carried
 * out as the portable executable does without a daemon; without a call it is the daemon, behind its socket in FOLDER.
 */
import { answerAlone } from '@vfleet/cli/cni/stand-alone.ts';
import type { RawCall } from '@vfleet/controllers/cni/spec/call.ts';
import { NodeFiles, RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createLinuxHardware } from '@vfleet/hw-linux';
import { KernelNetlink } from '@vfleet/hw-linux/kernel-thread/kernel-netlink.ts';
import { LinuxPodLinks } from '@vfleet/hw-linux/pod-links/pod-links.ts';
import { HelperWrites } from '@vfleet/hw-linux/sysfs/long-writes.ts';
import { startDaemon } from '../cni/daemon.ts';
import { DeadlyPoints, TellingSysfs, tellingFiles, tellingNetlink, tellingWrites } from './points.ts';

export interface Order {
  readonly killAt: number;
  readonly alone?: RawCall;
}

const [folder, stateFolder] = process.argv.slice(2) as [string, string];
const clock = new RealClock();
const netlink = new KernelNetlink();
const helpers = new HelperWrites(clock);
// Threads, sockets and the helper process are there before the order comes.
await helpers.write('/dev/null', '', 600_000).outcome;
for (const netns of ['host', '/proc/self/ns/net']) await netlink.ask({ kind: 'driverInfo', netns, name: 'lo' });
const order = await new Promise<Order>((resolve) => {
  process.once('message', (message) => resolve(message as Order));
  process.send!('loaded');
});
const points = new DeadlyPoints(order.killAt);
const hardware = createLinuxHardware({ clock, sysfs: new TellingSysfs(points), netlink: tellingNetlink(points, netlink), longWrites: tellingWrites(points, helpers) });
const files = tellingFiles(points, new NodeFiles(clock, new SystemRandom()));
// Announcements go out when the link is ready, which is no place in the order of things.
const podLinks = new LinuxPodLinks(hardware.links, async () => 0);

if (order.alone === undefined) {
  await startDaemon({ hardware, podLinks, files }, { folder, stateFolder });
  process.send!('listening');
} else {
  const { status } = await answerAlone(order.alone, stateFolder, { clock, files, hardware, podLinks });
  process.exit(status);
}
