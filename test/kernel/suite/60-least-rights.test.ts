// Goal: the daemon does all that it does to a node with the capabilities that the DaemonSet gives, and none of them is too many. Method: a process that has just these,
// which configures emulated NICs, enters a pod's namespace, looks for holders and runs programs of the host; then without one after the other, each of
// which is to cost just the deeds that it is for. All other tests of the machine run with these capabilities, too (machineCapabilities of rig.ts).
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { capabilitiesOf } from '@vfleet/controllers/installation/node-rights.ts';
import type { PciAddress } from '@vfleet/core';
import { makeVfs, removeVfs, withPods } from '../cni/pods.ts';
import { lostWithout } from '../programs/deeds.ts';
import type { Deed } from '../programs/deeds.ts';
import type { Scene } from '../programs/with-rights.ts';
import { withOnly } from '../rig/rig.ts';
import { applied, machinePfs, pfOf, realHardware, until } from '../support.ts';

const PROGRAM = join(import.meta.dirname, '../programs/with-rights.ts');
const NOBODY = 65_534;
const hardware = realHardware();
const [pf] = machinePfs() as [PciAddress];
const given = capabilitiesOf('node', 'always');
after(() => hardware.close());

/** What came of each deed that was not done. */
function failures(scene: Scene, capabilities: readonly string[]): Readonly<Partial<Record<Deed, string>>> {
  spawnSync('modprobe', ['-r', 'dummy']);
  const [program = '', ...words] = [...withOnly(capabilities), process.execPath, '--disable-warning=ExperimentalWarning', PROGRAM, JSON.stringify(scene)];
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return Object.fromEntries(Object.entries(JSON.parse(stdout) as Record<Deed, string>).filter(([, outcome]) => outcome !== 'ok'));
}

test('all of it is done with the capabilities that are given, and none can be spared', async () => {
  const [[vf, held]] = (await makeVfs(hardware, 2)) as [[PciAddress, PciAddress]];
  await applied(hardware, { kind: 'bindDriver', device: held, driver: 'vfio-pci' });
  const { iommuGroup } = (await pfOf(hardware, pf)).vfs[1]!;
  const group = openSync(`/dev/vfio/${iommuGroup}`, 'r+');
  // It ends with its input: nobody here may signal it.
  const holder = spawn('cat', [], { uid: NOBODY, gid: NOBODY, stdio: ['pipe', 'ignore', 'ignore', group] });
  closeSync(group);
  try {
    await withPods(['sixty'], async (pod) => {
      const scene: Scene = { pf, vf, pod: pod!.netns, held, holder: holder.pid!, loopback: Number(readFileSync('/sys/class/net/lo/ifindex', 'utf8')) };
      assert.deepEqual(failures(scene, given), {});
      for (const [name, lost] of Object.entries(lostWithout)) assert.deepEqual(Object.keys(failures(scene, given.filter((one) => one !== name))).sort(), [...lost].sort(), `without ${name}`);
    });
  } finally {
    holder.stdin!.end();
    spawnSync('modprobe', ['-r', 'dummy']);
  }
  await until('the VF is free', async () => (await hardware.apply({ kind: 'setNumVfs', pf, count: 0 })).ok);
  await removeVfs(hardware);
});

test('so have the tests, but for what starts servers and processes of other users', () => {
  const own = readFileSync('/proc/self/status', 'utf8');
  const bounding = BigInt(`0x${/^CapBnd:\s*(\w+)$/m.exec(own)![1]}`);
  // Where the machine is started by another user than root, DAC_OVERRIDE is among them.
  const count = bounding.toString(2).replaceAll('0', '').length - given.length;
  assert.ok(count === 4 || count === 5, `${count} more`);
});
