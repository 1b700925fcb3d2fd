// Goal: `vfleet host` configures a machine. Method: the executable itself for plan, apply and reset; sysfs and the inventory tell what
// became of it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { PciAddress } from '@vfleet/core';
import { machinePfs, pfOf, realHardware } from '../support.ts';

const root = join(import.meta.dirname, '../../..');
const hardware = realHardware();
const [pf] = machinePfs() as [PciAddress];
const folder = mkdtempSync(join(tmpdir(), 'host-'));
const stateFolder = join(folder, 'state');
const policy = join(folder, 'policy.yaml');
writeFileSync(policy, `apiVersion: sriovnetwork.openshift.io/v1
kind: SriovNetworkNodePolicy
metadata: {name: dpdk}
spec: {resourceName: dpdk, nodeSelector: {}, numVfs: 2, mtu: 4000, deviceType: vfio-pci, nicSelector: {rootDevices: ["${pf}"]}}
`);

after(() => hardware.close());

function node(script: string, ...words: readonly string[]): { readonly status: number | null; readonly signal: string | null; readonly out: string } {
  const done = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, script), ...words], { encoding: 'utf8' });
  return { status: done.status, signal: done.signal, out: done.stdout + done.stderr };
}

const vfleet = (...words: readonly string[]) => node('packages/cli/src/main.ts', 'host', ...words, '--state-folder', stateFolder);

async function state(): Promise<unknown> {
  const seen = await pfOf(hardware, pf);
  return [seen.numVfs, seen.netdev?.mtu, seen.netdev?.adminState, seen.vfs.map(({ driver }) => driver), readFileSync(`/sys/bus/pci/devices/${pf}/sriov_drivers_autoprobe`, 'utf8')];
}

test('plan, apply, plan, reset, with the statuses that the help tells', async () => {
  const planned = vfleet('plan', '-f', policy);
  assert.equal(planned.status, 3, planned.out);
  assert.match(planned.out, new RegExp(`create 2 VFs on ${pf}`));
  const applied = vfleet('apply', '-f', policy);
  assert.equal(applied.status, 0, applied.out);
  assert.deepEqual(await state(), [2, 4000, 'up', ['vfio-pci', 'vfio-pci'], '1\n']);
  assert.equal(vfleet('plan', '-f', policy).status, 0);
  assert.match(node('packages/cli/src/main.ts', 'host', 'discover').out, new RegExp(`${pf} .*2 of 7`));
  const reset = vfleet('reset', '-y');
  assert.equal(reset.status, 0, reset.out);
  const seen = await pfOf(hardware, pf);
  assert.deepEqual([seen.numVfs, seen.netdev?.mtu], [0, 1500]);
});
