// Goal: the production config daemon configures real NICs. Method: a policy is rendered against the inventory, as the operator does;
// the daemon, with an embedded API server, the real clock and the Linux backend, brings the node to Succeeded, and sysfs agrees.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { after, test } from 'node:test';
import { createConfigDaemon } from '@vfleet/controllers/config-daemon/index.ts';
import type { ConfigDaemon } from '@vfleet/controllers/config-daemon/index.ts';
import { BOOT_CONFIGURATION_FILE, BOOT_PHASES, BOOT_RESULT_FILE, DEFAULT_OPERATOR_NAMESPACE, SeededRandom, ok, renderNodeState, silentLog, toInterfaceStatus } from '@vfleet/core';
import type { NodePolicySpec, PciAddress } from '@vfleet/core';
import { NodeFiles, RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { HostPreparation, RealSysfs, bootServices, createLinuxHost } from '@vfleet/hw-linux';
import { installCrds, namespaces, nodeStates, nodes, operatorConfigs } from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim';
import { applied, hostVerb, inventory, machinePfs, pfOf, realHardware, until } from '../support.ts';

const NODE = 'machine';
const STATE_FOLDER = '/etc/sriov-operator';
const key = { name: NODE, namespace: DEFAULT_OPERATOR_NAMESPACE };
const clock = new RealClock();
const random = new SeededRandom('kernel');
const hardware = realHardware();
const server = createApiServer({ clock, random: random.stream('api') });
const kube = server.client();
const files = new NodeFiles(clock, new SystemRandom());
/** The machine has no systemd that could be told of the units. */
const preparation = new HostPreparation({ files, sysfs: new RealSysfs(), commands: { find: async () => undefined, run: async () => ok('') } });
let daemon = newDaemon();
const [pf] = machinePfs() as [PciAddress];

after(async () => {
  await daemon.stop();
  await hardware.close();
});

function newDaemon(): ConfigDaemon {
  return createConfigDaemon(
    { kube: server.client({ fieldManager: 'config-daemon' }), hardware, host: createLinuxHost(), files, clock, random: random.stream('daemon'), log: silentLog, bootServices: bootServices(preparation, ['/usr/bin/vfleet'], STATE_FOLDER) },
    { nodeName: NODE, stateFolder: STATE_FOLDER },
  );
}

async function wants(policies: readonly { readonly name: string; readonly spec: NodePolicySpec }[]): Promise<void> {
  const { spec } = renderNodeState({ policies, interfaces: toInterfaceStatus(await inventory(hardware)) });
  assert.ok(spec !== undefined);
  const { metadata, ...state } = await kube.get(nodeStates, key);
  await kube.update(nodeStates, { ...state, metadata, spec });
}

async function succeeded(): Promise<void> {
  let last = '';
  await until('the node state is Succeeded', async () => {
    const state = await kube.get(nodeStates, key);
    const ready = state.status?.conditions?.find(({ type }) => type === 'Ready');
    last = `${state.status?.syncStatus} ${state.status?.lastSyncError ?? ''}`;
    assert.notEqual(state.status?.syncStatus, 'Failed', last);
    return state.status?.syncStatus === 'Succeeded' && ready?.observedGeneration === state.metadata.generation;
  });
}

const policy = (spec: Partial<NodePolicySpec>): NodePolicySpec => ({ resourceName: 'net', nodeSelector: {}, numVfs: 4, nicSelector: { rootDevices: [pf] }, ...spec });

test('two policies on one PF: four VFs, two of them for DPDK, MTU 9000', async () => {
  const installed = await installCrds({ kube, clock, random, log: silentLog });
  assert.ok(installed.ok);
  await kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: DEFAULT_OPERATOR_NAMESPACE } });
  await kube.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: NODE } });
  // There is no operator to drain anything, and nothing to be drained.
  await kube.create(operatorConfigs, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovOperatorConfig', metadata: { name: 'default', namespace: DEFAULT_OPERATOR_NAMESPACE }, spec: { disableDrain: true } });
  await kube.create(nodeStates, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodeState', metadata: { ...key }, spec: {} });
  const name = (await pfOf(hardware, pf)).netdev!.name;
  daemon.start();
  await wants([
    { name: 'kernel', spec: policy({ resourceName: 'net', mtu: 9000, nicSelector: { pfNames: [`${name}#0-1`] } }) },
    { name: 'dpdk', spec: policy({ resourceName: 'dpdk', mtu: 9000, deviceType: 'vfio-pci', nicSelector: { pfNames: [`${name}#2-3`] } }) },
  ]);
  await succeeded();
  const vfs = readdirSync(`/sys/bus/pci/devices/${pf}`).filter((entry) => entry.startsWith('virtfn')).sort();
  assert.deepEqual(vfs.map((entry) => readlinkSync(`/sys/bus/pci/devices/${pf}/${entry}/driver`).split('/').at(-1)), ['igbvf', 'igbvf', 'vfio-pci', 'vfio-pci']);
  assert.equal(readFileSync(`/sys/class/net/${name}/mtu`, 'utf8').trim(), '9000');
  const seen = await pfOf(hardware, pf);
  assert.deepEqual(seen.vfs.slice(0, 2).map((vf) => [vf.netdev?.mtu, vf.netdev?.mac === vf.settings.mac]), [[9000, true], [9000, true]]);
  assert.equal(seen.netdev?.adminState, 'up');
});

test('another number of VFs goes by way of 0, and without policies the PF is as at first', async () => {
  await wants([{ name: 'kernel', spec: policy({ numVfs: 2 }) }]);
  await succeeded();
  assert.deepEqual((await pfOf(hardware, pf)).vfs.map(({ driver }) => driver), ['igbvf', 'igbvf']);
  await wants([]);
  await succeeded();
  const seen = await pfOf(hardware, pf);
  assert.deepEqual([seen.numVfs, seen.netdev?.mtu], [0, 1500]);
});

test('configurationMode systemd: what the units run makes of the daemon’s files what the daemon had made, and the next daemon tells of it', async () => {
  const config = { name: 'default', namespace: DEFAULT_OPERATOR_NAMESPACE };
  const setMode = (configurationMode: 'daemon' | 'systemd') => kube.patch(operatorConfigs, config, { type: 'merge', patch: { spec: { configurationMode } } });
  await setMode('systemd');
  await wants([{ name: 'dpdk', spec: policy({ numVfs: 2, mtu: 4000, deviceType: 'vfio-pci' }) }]);
  await succeeded();
  await until('the units are there', () => existsSync('/etc/systemd/system/vfleet-pre-network.service') && existsSync(BOOT_CONFIGURATION_FILE));
  const state = async () => {
    const seen = await pfOf(hardware, pf);
    return [seen.numVfs, seen.netdev?.mtu, seen.netdev?.adminState, seen.vfs.map(({ driver }) => driver)];
  };
  const before = await state();
  assert.deepEqual(before, [2, 4000, 'up', ['vfio-pci', 'vfio-pci']]);
  await daemon.stop();
  // What a boot leaves of it.
  await applied(hardware, { kind: 'setNumVfs', pf, count: 0 });
  await applied(hardware, { kind: 'setLink', device: pf, netns: 'host', up: false });
  await applied(hardware, { kind: 'setMtu', device: pf, netns: 'host', mtu: 1500 });
  for (const phase of BOOT_PHASES) {
    const unit = readFileSync(`/etc/systemd/system/vfleet-${phase}.service`, 'utf8');
    const words = /^ExecStart=\/usr\/bin\/vfleet host (.*)$/m.exec(unit)![1]!.split(' ');
    const { status, said } = await hostVerb(hardware, ...words);
    assert.equal(status, 0, said);
  }
  assert.deepEqual(await state(), before);
  assert.match(readFileSync(BOOT_RESULT_FILE, 'utf8'), new RegExp(`^syncStatus: Succeeded\nlastSyncError: ""\nbootId: "${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}"\n$`));
  daemon = newDaemon();
  daemon.start();
  await until('the boot is told of', async () => (await kube.get(nodeStates, key)).status?.conditions?.some(({ type, status }) => type === 'ConfiguredAtBoot' && status === 'True') === true);
  await succeeded();
  assert.deepEqual(await state(), before);
  await setMode('daemon');
  await until('nothing of it is left', () => !existsSync('/etc/systemd/system/vfleet-pre-network.service') && !existsSync(BOOT_CONFIGURATION_FILE));
  await wants([]);
  await succeeded();
});
