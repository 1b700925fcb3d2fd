// Goal: whatever the kernel refuses during ADD, nothing is left of it; whatever it refuses during DEL, the next DEL completes. Method: one ADD and
// one DEL that nobody disturbs tell every change that they make of the kernel; then each of them is refused in turn, by the ports below the
// plugin; iproute2 and sysfs say whether the host is as it was.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SriovCni } from '@vfleet/controllers/cni/index.ts';
import { HostNamespaces } from '@vfleet/cli/host-ports/network-namespaces.ts';
import { pciAddress, silentLog } from '@vfleet/core';
import type { AttachFailure, PciAddress, Result } from '@vfleet/core';
import { NodeFiles, RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createLinuxHardware } from '@vfleet/hw-linux';
import { KernelNetlink } from '@vfleet/hw-linux/kernel-thread/kernel-netlink.ts';
import { LinuxPodLinks } from '@vfleet/hw-linux/pod-links/pod-links.ts';
import { HelperWrites } from '@vfleet/hw-linux/sysfs/long-writes.ts';
import { hostState, makeVfs, removeVfs, withPods } from '../cni/pods.ts';
import type { Pod } from '../cni/pods.ts';
import { TellingSysfs, tellingNetlink, tellingWrites } from '../programs/points.ts';
import { ip, machinePfs, pfOf } from '../support.ts';

const clock = new RealClock();
const folder = mkdtempSync(join(tmpdir(), 'cni-faults-'));
const stateFolder = join(folder, 'state');
const addressFolder = join(folder, 'networks');

/** The changes of the kernel since the last count, and which of them is refused. */
let told: string[] = [];
let refuseAt = -1;
const points = {
  refuses: (what: string) => told.push(what) - 1 === refuseAt,
  passed: async () => {},
};
const netlink = new KernelNetlink();
const hardware = createLinuxHardware({ clock, sysfs: new TellingSysfs(points), netlink: tellingNetlink(points, netlink), longWrites: tellingWrites(points, new HelperWrites(clock)) });
const podLinks = new LinuxPodLinks(hardware.links, async () => 0);
const files = new NodeFiles(clock, new SystemRandom());
after(async () => {
  await hardware.close();
  await netlink.close();
});

const owner = { containerId: 'sandbox', ifname: 'net1' };

async function counted<Value>(at: number, work: () => Promise<Result<Value, AttachFailure>>): Promise<{ readonly done: Result<Value, AttachFailure>; readonly changes: readonly string[] }> {
  told = [];
  refuseAt = at;
  const done = await work();
  refuseAt = -1;
  return { done, changes: told };
}

function attachment(pod: Pod, device: PciAddress) {
  const cni = new SriovCni({ hardware, podLinks, files, clock, log: silentLog, namespaces: new HostNamespaces() }, { stateFolder });
  const ipam = { type: 'host-local', dataDir: addressFolder, ranges: [[{ subnet: '192.0.2.0/24' }], [{ subnet: '2001:db8::/64' }]], routes: [{ dst: '198.51.100.0/24' }] };
  const config = { type: 'sriov', name: 'net', deviceID: device, vlan: 100, vlanQoS: 3, mac: '02:11:22:33:44:55', spoofchk: 'off', trust: 'on', max_tx_rate: 200, mtu: 1400, ipam };
  return {
    add: () => cni.attach({ pod: { namespace: 'default', name: 'pod', uid: 'uid', containerId: owner.containerId, netns: pod.netns }, ifname: owner.ifname, config }),
    del: () => cni.detach(owner),
    stop: () => cni.stop(),
  };
}

/** Without the indexes: the driver makes another interface whenever it is bound. */
const state = (devices: readonly PciAddress[]) => ({ host: hostState(devices), kept: readdirSync(join(stateFolder, 'vfs')), addresses: readdirSync(join(addressFolder, 'net')).filter((name) => /[.:]/.test(name) && !name.startsWith('last_')) });

function assertDone(done: Result<unknown, AttachFailure>, what: string): void {
  assert.ok(done.ok, done.ok ? '' : `${what}: ${done.error.cause}; ${done.error.remedy}`);
}

test('each change of the kernel refused in turn, in ADD and in DEL: no half state', async () => {
  const [vfs] = await makeVfs(hardware, 1);
  const device = pciAddress(vfs![0]!);
  const pf = machinePfs()[0]!;
  ip('link', 'property', 'add', 'dev', (await pfOf(hardware, pf)).vfs[0]!.netdev!.name, 'altname', 'the-first-vf');
  const devices = [...machinePfs(), device];
  await withPods(['a'], async (pod) => {
    const first = attachment(pod!, device);
    const added = await counted(-1, first.add);
    assertDone(added.done, 'ADD');
    const deleted = await counted(-1, first.del);
    assertDone(deleted.done, 'DEL');
    first.stop();
    // Only from here on: igb's PF has seen the VF's own MAC by now.
    const before = state(devices);
    assert.deepEqual([before.kept, before.addresses], [[], []]);
    process.stdout.write(`  ${added.changes.length} changes of the kernel in ADD, ${deleted.changes.length} in DEL\n`);
    assert.ok(added.changes.length >= 12 && deleted.changes.length >= 10, [...added.changes, '', ...deleted.changes].join('\n'));
    for (const [at, what] of added.changes.entries()) {
      const run = attachment(pod!, device);
      const { done } = await counted(at, run.add);
      if (done.ok) assertDone(await run.del(), what);
      run.stop();
      assert.deepEqual(state(devices), before, `change ${at} of ADD (${what}) refused`);
    }
    for (const [at, what] of deleted.changes.entries()) {
      const run = attachment(pod!, device);
      assertDone(await run.add(), what);
      const { done } = await counted(at, run.del);
      run.stop();
      // Another process, as after a restart: it has nothing but the journal.
      const next = attachment(pod!, device);
      if (!done.ok) {
        assert.equal(state(devices).kept.length, 1, `change ${at} of DEL (${what}) refused, and not remembered`);
        assertDone(await next.del(), what);
      }
      next.stop();
      assert.deepEqual(state(devices), before, `change ${at} of DEL (${what}) refused`);
    }
  });
  await removeVfs(hardware);
});
