// Goal: pods get VFs from our CNI plugin on a real kernel, traffic goes where its VLAN says, neighbours are told, CHECK sees what is wrong, and DEL
// leaves the host as it was. Method: namespaces stand for pods; the native executable with a daemon behind its socket, and the portable one
// alone, are run as a runtime runs them; iproute2, sysfs, ping and busybox's DHCP server, which know nothing of us, say what became of it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { PciAddress } from '@vfleet/core';
import { LinuxPodLinks } from '@vfleet/hw-linux/pod-links/pod-links.ts';
import { startDaemon } from '../cni/daemon.ts';
import type { CniDaemon } from '../cni/daemon.ts';
import { PORTABLE, SHIM, cannotPing, execute, hostState, makeVfs, pings, removeVfs, succeeded, withPods } from '../cni/pods.ts';
import type { Call, Outcome, Pod } from '../cni/pods.ts';
import { ip, ipJson, machinePfs, pfOf, realHardware, until } from '../support.ts';

const hardware = realHardware();
const podLinks = new LinuxPodLinks(hardware.links);
const pfs = machinePfs();
const folder = mkdtempSync(join(tmpdir(), 'cni-'));
const stateFolder = join(folder, 'state');
after(() => hardware.close());

interface PodLink {
  readonly ifname: string;
  readonly address: string;
  readonly flags: readonly string[];
  readonly altnames?: readonly string[];
}

const vfs: PciAddress[] = [];
let before: unknown;
let daemon: CniDaemon;

const network = (device: PciAddress, more: Readonly<Record<string, unknown>>) => ({ name: 'net', type: 'sriov', deviceID: device, ...more });
const addresses = (number: number) => ({ ipam: { type: 'static', addresses: [{ address: `192.0.2.${number}/24` }, { address: `2001:db8::${number}/64` }], routes: [{ dst: '198.51.100.0/24', gw: '192.0.2.254' }] } });
const native = (call: Call): Promise<Outcome> => execute(existsSync(SHIM) ? [SHIM] : PORTABLE, call, { VFLEET_CNI_SOCKET: daemon.socket });
const alone = (call: Call): Promise<Outcome> => execute(PORTABLE, call, { VFLEET_CNI_SOCKET: '/nowhere', VFLEET_CNI_STATE_FOLDER: stateFolder });
const linkIn = (pod: Pod) => ipJson<readonly PodLink[]>('-n', pod.name, 'link', 'show', 'dev', 'net1')[0]!;

function isAsBefore(): void {
  assert.deepEqual(hostState([...pfs, ...vfs], true), before);
  assert.deepEqual(readdirSync(join(stateFolder, 'vfs')), []);
}

test('VFs of two PFs that hear each other, one with alternative names', async () => {
  const [[one, two], [other]] = (await makeVfs(hardware, 2)) as [[PciAddress, PciAddress], [PciAddress]];
  vfs.push(one, two, other);
  const name = (await pfOf(hardware, pfs[0]!)).vfs[0]!.netdev!.name;
  ip('link', 'property', 'add', 'dev', name, 'altname', 'net1', 'altname', 'the-first-vf-of-the-storage-network');
  before = hostState([...pfs, ...vfs], true);
  daemon = await startDaemon({ hardware, podLinks }, { folder, stateFolder });
});

test('native, with a daemon: two pods of one VLAN reach each other and a third does not; neighbours are told where an address is now', async () => {
  await withPods(['a', 'b', 'c'], async (a, b, c) => {
    const [one, two, other] = vfs as [PciAddress, PciAddress, PciAddress];
    const calls: readonly Call[] = [
      { verb: 'ADD', pod: b!, config: network(other, { vlan: 100, ...addresses(2) }) },
      { verb: 'ADD', pod: a!, config: network(one, { vlan: 100, vlanQoS: 3, spoofchk: 'off', trust: 'on', ...addresses(1) }) },
      { verb: 'ADD', pod: c!, config: network(two, { vlan: 200, ...addresses(3) }) },
    ];
    succeeded(await native(calls[0]!));
    await until('carrier in b', () => linkIn(b!).flags.includes('LOWER_UP'));
    // Somebody who had the addresses before: b believes that they are still there, and does not ask.
    for (const address of ['192.0.2.1', '2001:db8::1']) ip('-n', 'b', 'neigh', 'replace', address, 'lladdr', '02:00:00:00:00:99', 'dev', 'net1', 'nud', 'stale');
    const result = succeeded(await native(calls[1]!));
    const link = linkIn(a!);
    assert.deepEqual(result['interfaces'], [{ name: 'net1', mac: link.address, mtu: 1500, sandbox: a!.netns, pciID: one }]);
    assert.deepEqual(result['ips'], [{ interface: 0, address: '192.0.2.1/24' }, { interface: 0, address: '2001:db8::1/64' }]);
    assert.equal(link.altnames, undefined);
    const known = () => ipJson<readonly { readonly dst: string; readonly lladdr?: string }[]>('-n', 'b', 'neigh', 'show', 'dev', 'net1');
    for (const address of ['192.0.2.1', '2001:db8::1']) await until(`b knows where ${address} is`, () => known().some(({ dst, lladdr }) => dst === address && lladdr === link.address));
    await pings(a!, '192.0.2.2');
    await pings(b!, '2001:db8::1');
    succeeded(await native(calls[2]!));
    cannotPing(c!, '192.0.2.1');
    for (const call of calls) succeeded(await native({ ...call, verb: 'DEL' }));
    isAsBefore();
  });
});

test('portable, without a daemon: its pod and one of the daemon reach each other, then the host is as it was', async () => {
  await withPods(['a', 'b'], async (a, b) => {
    const own: Call = { verb: 'ADD', pod: a!, config: network(vfs[0]!, { vlan: 100, ...addresses(1) }) };
    const other: Call = { verb: 'ADD', pod: b!, config: network(vfs[2]!, { vlan: 100, ...addresses(2) }) };
    succeeded(await native(other));
    // Each of its executions costs seconds in the machine.
    succeeded(await alone(own));
    await pings(a!, '192.0.2.2');
    succeeded(await alone({ ...own, verb: 'DEL' }));
    succeeded(await native({ ...other, verb: 'DEL' }));
    isAsBefore();
  });
});

test('CHECK sees, inside of the pod, a name, a MAC, a link, an address, a route and a VLAN that are not as ADD left them', async () => {
  await withPods(['a'], async (a) => {
    const config = network(vfs[1]!, { vlan: 100, ...addresses(1) });
    const prevResult = succeeded(await native({ verb: 'ADD', pod: a!, config }));
    const check = async () => {
      const { status, json } = await native({ verb: 'CHECK', pod: a!, config: { ...config, prevResult } });
      return status === 0 ? 'well' : `${String(json['code'])} ${String(json['msg'])}`;
    };
    assert.equal(await check(), 'well');
    const { address } = linkIn(a!);
    const pf = (await pfOf(hardware, pfs[0]!)).netdev!.name;
    const inPod = (...words: readonly string[]) => void ip('-n', 'a', ...words);
    const mischief: readonly (readonly [RegExp, () => void, () => void])[] = [
      [/^103 .*no address 192\.0\.2\.1\/24.*198\.51\.100\.0\/24/, () => inPod('addr', 'del', '192.0.2.1/24', 'dev', 'net1'), () => {
        inPod('addr', 'add', '192.0.2.1/24', 'dev', 'net1');
        inPod('route', 'add', '198.51.100.0/24', 'via', '192.0.2.254');
      }],
      [/^103 the route to 198\.51\.100\.0\/24 by 192\.0\.2\.254 is gone$/, () => inPod('route', 'del', '198.51.100.0/24'), () => inPod('route', 'add', '198.51.100.0/24', 'via', '192.0.2.254')],
      [/^103 .*MAC 02:00:00:00:00:77/, () => inPod('link', 'set', 'net1', 'address', '02:00:00:00:00:77'), () => inPod('link', 'set', 'net1', 'address', address)],
      [/^103 .*vlan/, () => void ip('link', 'set', pf, 'vf', '1', 'vlan', '7'), () => void ip('link', 'set', pf, 'vf', '1', 'vlan', '100')],
      [/^103 .*called net9 and not net1; net1 is down/, () => {
        inPod('link', 'set', 'net1', 'down');
        inPod('link', 'set', 'net1', 'name', 'net9');
      }, () => {}],
    ];
    for (const [says, spoil, mend] of mischief) {
      spoil();
      assert.match(await check(), says);
      mend();
    }
    succeeded(await native({ verb: 'DEL', pod: a!, config }));
    isAsBefore();
  });
});

test('a MAC for the pod, which igbvf takes when it is bound anew; another pod of the same PF and VLAN cannot have the same one', async () => {
  await withPods(['a', 'b'], async (a, b) => {
    const mac = '02:11:22:33:44:55';
    const call: Call = { verb: 'ADD', pod: a!, config: network(vfs[0]!, { vlan: 100, mac }) };
    succeeded(await native(call));
    assert.equal(linkIn(a!).address, mac);
    const refused = await native({ verb: 'ADD', pod: b!, config: network(vfs[1]!, { vlan: 100, mac }) });
    assert.equal(refused.status, 1);
    assert.deepEqual([refused.json['code'], refused.json['msg']], [11, `VF ${vfs[0]} of pod default/a (net1) has the MAC ${mac} already`]);
    succeeded(await native({ ...call, verb: 'DEL' }));
  });
  // The driver's interface is another one, with another index.
  const withoutIndexes = (state: unknown) => JSON.parse(JSON.stringify(state, (key, value: unknown) => (key === 'ifindex' ? undefined : value))) as unknown;
  assert.deepEqual(withoutIndexes(hostState([...pfs, ...vfs], true)), withoutIndexes(before));
  before = hostState([...pfs, ...vfs], true);
});

test('dhcp: the plugin of the CNI project asks a server behind another VF, and gives the address back', async () => {
  await withPods(['a', 'b'], async (a, b) => {
    const server: Call = { verb: 'ADD', pod: b!, config: network(vfs[2]!, { vlan: 100, ...addresses(2) }) };
    succeeded(await native(server));
    const settings = join(folder, 'udhcpd.conf');
    const leases = join(folder, 'leases');
    writeFileSync(leases, '');
    writeFileSync(settings, `interface net1\nstart 192.0.2.100\nend 192.0.2.110\nlease_file ${leases}\noption subnet 255.255.255.0\noption router 192.0.2.2\n`);
    mkdirSync('/run/cni', { recursive: true });
    const children = [spawn('/usr/lib/cni/dhcp', ['daemon'], { stdio: 'ignore' }), spawn('ip', ['netns', 'exec', 'b', 'busybox', 'udhcpd', '-f', '-S', settings], { stdio: 'ignore' })];
    try {
      await until('the dhcp daemon listens', () => existsSync('/run/cni/dhcp.sock'));
      await until('carrier of the server', () => linkIn(b!).flags.includes('LOWER_UP'));
      const call: Call = { verb: 'ADD', pod: a!, config: network(vfs[0]!, { vlan: 100, ipam: { type: 'dhcp' } }) };
      const result = succeeded(await native(call));
      const [address] = result['ips'] as readonly { readonly address: string; readonly gateway?: string }[];
      assert.match(address!.address, /^192\.0\.2\.1(?:0\d|10)\/24$/);
      assert.equal(address!.gateway, '192.0.2.2');
      assert.match(ip('-n', 'a', '-o', 'addr', 'show', 'dev', 'net1'), new RegExp(address!.address.replaceAll('.', '\\.')));
      await pings(a!, '192.0.2.2');
      succeeded(await native({ ...call, verb: 'DEL' }));
    } finally {
      for (const child of children) child.kill('SIGKILL');
    }
    succeeded(await native({ ...server, verb: 'DEL' }));
    isAsBefore();
  });
});

test('GC takes back what the runtime does not know any more and leaves the rest; STATUS is well', async () => {
  await withPods(['a', 'b'], async (a, b) => {
    const [kept, gone]: readonly Call[] = [{ verb: 'ADD', pod: a!, config: network(vfs[0]!, { vlan: 100, ...addresses(1) }) }, { verb: 'ADD', pod: b!, config: network(vfs[1]!, { vlan: 100, ...addresses(2) }) }];
    for (const call of [kept!, gone!]) succeeded(await native(call));
    assert.deepEqual(succeeded(await native({ verb: 'STATUS', pod: a!, config: network(vfs[0]!, {}) })), {});
    const valid = [{ containerID: 'sandbox-a', ifname: 'net1' }];
    succeeded(await native({ verb: 'GC', pod: a!, config: { name: 'net', type: 'sriov', 'cni.dev/valid-attachments': valid, 'cni.dev/attachments': valid } }));
    assert.equal(linkIn(a!).ifname, 'net1');
    assert.equal((await pfOf(hardware, pfs[0]!)).vfs[1]!.netdev?.adminState, 'down');
    succeeded(await native({ ...kept!, verb: 'DEL' }));
    isAsBefore();
  });
});

test('the VFs go', async () => {
  await daemon.close();
  await removeVfs(hardware);
});
