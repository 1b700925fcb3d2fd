/**
 * `vfleet host apply -y` that tells its parent of every write it makes, to the kernel or to its state folder, and kills itself with
 * SIGKILL right after one of them: `apply-and-die.ts POLICY STATE_FOLDER`. Which one comes as a message (0: none), so that the program
 * can be loaded while its parent has other things to do.
 */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostCommand } from '@vfleet/cli/verbs/host/command.ts';
import { realHostTools } from '@vfleet/cli/verbs/host/real-host-tools.ts';
import type { Files } from '@vfleet/core';
import { RealClock } from '@vfleet/core/real.ts';
import { RealSysfs, createLinuxHardware } from '@vfleet/hw-linux';
import type { LongWork, LongWrites, Netlink } from '@vfleet/hw-linux';
import { KernelNetlink } from '@vfleet/hw-linux/kernel-thread/kernel-netlink.ts';
import { RTM } from '@vfleet/hw-linux/netlink/link.ts';
import { HelperWrites } from '@vfleet/hw-linux/sysfs/long-writes.ts';

const [policy, stateFolder] = process.argv.slice(2) as [string, string];
const clock = new RealClock();
const netlink = new KernelNetlink();
const helpers = new HelperWrites(clock);
// The sockets and the helper process are there before the order comes.
await helpers.write('/dev/null', '', 600_000).outcome;
await netlink.ask({ kind: 'driverInfo', netns: 'host', name: 'lo' });
const killAt = await new Promise<number>((resolve) => {
  process.once('message', (number) => resolve(Number(number)));
  process.send!('loaded');
});
let points = 0;

/** One place to die at. `reached` holds it back until the kernel is where the test wants it. */
async function point(what: string, reached: () => Promise<void> = async () => {}): Promise<void> {
  const isLast = ++points === killAt;
  if (isLast) await reached();
  await new Promise<void>((resolve) => process.send!(what, undefined, undefined, () => resolve()));
  if (!isLast) return;
  process.kill(process.pid, 'SIGKILL');
  await new Promise(() => {});
}

const baseName = (path: string) => path.slice(path.lastIndexOf('/') + 1);

class TellingSysfs extends RealSysfs {
  override async write(path: string, text: string): ReturnType<RealSysfs['write']> {
    const written = await super.write(path, text);
    await point(`${text.trim() === '' ? 'clear' : 'write'} ${baseName(path)}`);
    return written;
  }
}

class TellingWrites implements LongWrites {
  read(path: string, deadlineMs: number): LongWork<string> {
    return helpers.read(path, deadlineMs);
  }

  write(path: string, text: string, deadlineMs: number): LongWork<void> {
    const firstVf = path.replace(/sriov_numvfs$/, 'virtfn0');
    const hadVfs = existsSync(firstVf);
    const write = helpers.write(path, text, deadlineMs);
    // The kernel is in the middle of it when the first VF has come, or gone.
    const underWay = async () => {
      while (firstVf !== path && existsSync(firstVf) === hadVfs) await sleep(5);
    };
    const outcome = point(`while ${baseName(path)} is written`, underWay).then(() => write.outcome).then(async (result) => {
      await point(`write ${baseName(path)}`);
      return result;
    });
    return { ...write, outcome };
  }
}

class TellingNetlink implements Netlink {
  async ask(request: Parameters<Netlink['ask']>[0]): ReturnType<Netlink['ask']> {
    const answer = await netlink.ask(request);
    // What goes to rtnetlink and asks for nothing is a change.
    if (request.kind === 'netlink' && request.protocol === 'route' && request.request.dump !== true && request.request.type !== RTM.getLink) await point(`rtnetlink message ${request.request.type} of ${request.request.payload.length} bytes`);
    return answer;
  }
}

function telling(files: Files): Files {
  const told = async <Value>(what: string, path: string, work: Promise<Value>): Promise<Value> => {
    const result = await work;
    await point(`${what} ${baseName(path)}`);
    return result;
  };
  return {
    read: (path) => files.read(path),
    list: (folder) => files.list(folder),
    replace: (path, text, options) => told('replace', path, files.replace(path, text, options)),
    create: (path, text, options) => told('create', path, files.create(path, text, options)),
    append: (path, text) => told('append', path, files.append(path, text)),
    remove: (path) => told('remove', path, files.remove(path)),
    withLock: (path, work) => files.withLock(path, async () => {
      await point(`lock ${baseName(path)}`);
      return work();
    }),
  };
}

const terminal = { out: () => {}, err: (text: string) => void process.stderr.write(text), colours: false };
const command = hostCommand({ environment: {}, terminal }, (status) => (process.exitCode = status), async () => {
  const sysfs = new TellingSysfs();
  const hardware = createLinuxHardware({ clock, sysfs, netlink: new TellingNetlink(), longWrites: new TellingWrites() });
  const tools = realHostTools();
  return { ...tools, hardware, sysfs, files: telling(tools.files), clock };
});
await command.parseAsync(['apply', '-y', '-f', policy, '--state-folder', stateFolder], { from: 'user' });
process.exit();
