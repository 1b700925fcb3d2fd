// Goal: pods get VFs from our CNI plugin on a real kernel, traffic goes where its VLAN says, and DEL leaves the host as it was. Method:
// two namespaces stand for pods; the native executable with a daemon behind its socket, and the portable one alone, are run as a runtime runs
// them; iproute2, sysfs and ping, which know nothing of us, say what became of it.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { PciAddress } from '@vfleet/core';
import { PORTABLE, SHIM, cannotPing, execute, hostState, makeVfs, pings, removeVfs, succeeded, withPods } from '../cni/pods.ts';
import type { Call, Outcome } from '../cni/pods.ts';
import { startDaemon } from '../cni/daemon.ts';
import { ipJson, machinePfs, realHardware } from '../support.ts';

const hardware = realHardware();
const pfs = machinePfs();
const folder = mkdtempSync(join(tmpdir(), 'cni-'));
const stateFolder = join(folder, 'state');
after(() => hardware.close());

interface PodLink {
  readonly ifname: string;
  readonly address: string;
  readonly mtu: number;
  readonly altnames?: readonly string[];
}

const network = (device: PciAddress, more: Readonly<Record<string, unknown>>) => ({ name: 'net', type: 'sriov', deviceID: device, ...more });
const addresses = (number: number) => ({ ipam: { type: 'static', addresses: [{ address: `192.0.2.${number}/24` }, { address: `2001:db8::${number}/64` }], routes: [{ dst: '198.51.100.0/24', gw: '192.0.2.254' }] } });

for (const form of ['native', 'portable'] as const) {
  test(`two pods reach each other over VFs with a VLAN and a third with another one does not, then the host is as it was: ${form}`, async () => {
    const [[one, two], [other]] = (await makeVfs(hardware, 2)) as [[PciAddress, PciAddress], [PciAddress]];
    const devices = [...pfs, one, two, other];
    const before = hostState(devices, true);
    const daemon = form === 'native' ? await startDaemon(hardware, { folder, stateFolder }) : undefined;
    const command = form === 'native' && existsSync(SHIM) ? [SHIM] : PORTABLE;
    const run = (call: Call): Promise<Outcome> => execute(command, call, { VFLEET_CNI_SOCKET: daemon?.socket ?? '/nowhere', VFLEET_CNI_STATE_FOLDER: stateFolder });
    await withPods(['a', 'b', 'c'], async (a, b, c) => {
      const calls: readonly Call[] = [
        { verb: 'ADD', pod: a!, config: network(one, { vlan: 100, vlanQoS: 3, spoofchk: 'off', trust: 'on', ...addresses(1) }) },
        { verb: 'ADD', pod: b!, config: network(other, { vlan: 100, ...addresses(2) }) },
        // Each execution of the portable one costs seconds in the machine.
        ...(form === 'native' ? [{ verb: 'ADD', pod: c!, config: network(two, { vlan: 200, ...addresses(3) }) } as const] : []),
      ];
      const results = [];
      for (const call of calls) results.push(succeeded(await run(call)));
      assert.deepEqual(results[0]!['ips'], [{ interface: 0, address: '192.0.2.1/24' }, { interface: 0, address: '2001:db8::1/64' }]);
      const [link] = ipJson<readonly PodLink[]>('-n', 'a', 'link', 'show', 'dev', 'net1');
      assert.deepEqual(results[0]!['interfaces'], [{ name: 'net1', mac: link!.address, mtu: 1500, sandbox: a!.netns, pciID: one }]);
      await pings(a!, '192.0.2.2');
      await pings(b!, '2001:db8::1');
      if (form === 'native') cannotPing(c!, '192.0.2.1');
      for (const call of calls.toReversed()) succeeded(await run({ ...call, verb: 'DEL' }));
      assert.deepEqual(hostState(devices, true), before);
      assert.deepEqual(readdirSync(join(stateFolder, 'vfs')), []);
    });
    await daemon?.close();
    await removeVfs(hardware);
  });
}
