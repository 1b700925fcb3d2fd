// Goal: `vfleet host` plans, asks, applies, and gives back; its statuses are what the help says. Method: the verbs on a simulated node with
// simulated time, an answer at hand for the question it asks, and policies in files.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MemFiles, SeededRandom, SimClock, ok, silentLog } from '@vfleet/core';
import type { Files } from '@vfleet/core';
import { HostPreparation, RealSysfs } from '@vfleet/hw-linux';
import type { HostCommand } from '@vfleet/hw-linux';
import { createFleet, nodesOf, parseFleet } from '@vfleet/hw-sim';
import type { SimulatedNode } from '@vfleet/hw-sim';
import { CliFailure } from '../src/failure.ts';
import { hostCommand } from '../src/verbs/host/command.ts';

const folder = mkdtempSync(join(tmpdir(), 'vfleet-host-'));

function policyFile(spec: string, kind = 'SriovNetworkNodePolicy'): string {
  const path = join(mkdtempSync(join(folder, 'p-')), 'policy.yaml');
  writeFileSync(path, `apiVersion: sriovnetwork.openshift.io/v1\nkind: ${kind}\nmetadata: {name: net}\nspec: {resourceName: net, nodeSelector: {a: b}, ${spec}}\n`);
  return path;
}

class HostRig {
  readonly clock = new SimClock();
  readonly files: Files = new MemFiles();
  readonly node: SimulatedNode;
  /** No files of a kernel: a folder with nothing in it. */
  readonly sysfs = new RealSysfs(mkdtempSync(join(folder, 'root-')));
  readonly ran: HostCommand[] = [];
  answer: boolean | undefined = true;
  questions = 0;

  constructor(personality = '82576', node: Readonly<Record<string, unknown>> = {}) {
    const parsed = parseFleet({ nodes: [{ name: 'host', ...node, pfs: [{ personality, pciAddress: '0000:01:00.0', name: 'eth0' }] }] });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    this.node = createFleet({ clock: this.clock, random: new SeededRandom('host') }).addNode([...nodesOf(parsed.value)][0]!);
  }

  async vfleet(...words: readonly string[]): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
    let [out, err, status] = ['', '', -1];
    const context = { environment: {}, terminal: { out: (text: string) => void (out += text), err: (text: string) => void (err += text), colours: false } };
    const commands = { find: async (program: string) => (['modprobe', 'udevadm', 'systemctl'].includes(program) ? `/sbin/${program}` : undefined), run: async (one: HostCommand) => (this.ran.push(one), ok('')) };
    const preparation = new HostPreparation({ files: this.files, sysfs: this.sysfs, commands });
    const command = hostCommand(context, (own) => (status = own), async () => ({
      sysfs: this.sysfs, preparation, executable: ['/usr/bin/vfleet'],
      hardware: this.node.hardware, host: this.node.host, files: this.files, clock: this.clock, log: silentLog, close: async () => {},
      confirm: async () => {
        this.questions += 1;
        return this.answer;
      },
      interrupted: () => this.clock.sleep(60_000),
    }));
    const running = command.exitOverride().parseAsync(words, { from: 'user' }).catch((error: unknown) => {
      if (!(error instanceof CliFailure)) throw error;
      [status, err] = [error.exitStatus, `${err}${error.message} ${error.remedy}`];
    });
    let over = false;
    void running.finally(() => (over = true));
    await this.clock.runUntil(() => over, 600_000, 'the command');
    await running;
    return { status, out, err };
  }
}

const four = policyFile('numVfs: 4, mtu: 1500, nicSelector: {pfNames: [eth0]}');
const two = policyFile('numVfs: 2, nicSelector: {pfNames: [eth0]}');

describe('vfleet host', () => {
  test('plan says what would be done and does nothing; apply does it; then there is nothing to do', async () => {
    const rig = new HostRig();
    const plan = await rig.vfleet('plan', '-f', four);
    expect([plan.status, plan.out]).toEqual([3, expect.stringContaining('create 4 VFs on 0000:01:00.0')]);
    expect((await rig.vfleet('apply', '-f', four, '--dry-run')).status).toBe(3);
    expect(rig.node.inspect().pfs[0]!.numVfs).toBe(0);
    expect(await rig.vfleet('apply', '-f', four)).toMatchObject({ status: 0, err: expect.stringContaining('Done.') });
    expect(rig.node.inspect().pfs[0]!.vfs.map(({ driver }) => driver)).toEqual(['igbvf', 'igbvf', 'igbvf', 'igbvf']);
    expect(await rig.vfleet('plan', '-f', four)).toMatchObject({ status: 0, out: 'nothing to do\n' });
    expect(rig.questions).toBe(0);
    expect((await rig.vfleet('discover')).out).toMatch(/0000:01:00\.0 +eth0 .* 4 of 7/);
    expect(JSON.parse((await rig.vfleet('discover', '-o', 'json')).out)).toMatchObject({ pfs: [{ numVfs: 4 }] });
  });

  test('VFs that exist are taken away only with a yes', async () => {
    const rig = new HostRig();
    await rig.vfleet('apply', '-f', four);
    rig.answer = undefined;
    expect(await rig.vfleet('apply', '-f', two)).toMatchObject({ status: 1, err: expect.stringContaining('--yes') });
    rig.answer = false;
    expect(await rig.vfleet('apply', '-f', two)).toMatchObject({ status: 1, err: expect.stringContaining('nothing was changed') });
    expect(rig.node.inspect().pfs[0]!.numVfs).toBe(4);
    expect((await rig.vfleet('apply', '-f', two, '--yes')).status).toBe(0);
    expect(rig.node.inspect().pfs[0]!.numVfs).toBe(2);
    expect((await rig.vfleet('reset', '--yes')).status).toBe(0);
    expect(rig.node.inspect().pfs[0]!.numVfs).toBe(0);
    expect(await rig.vfleet('reset')).toMatchObject({ status: 0, out: 'nothing to do\n' });
  });

  test('what needs a reboot is said, and left to the person', async () => {
    const rig = new HostRig('82576', { kernelArguments: ['quiet'] });
    const refused = await rig.vfleet('apply', '-f', policyFile('numVfs: 1, deviceType: vfio-pci, nicSelector: {pfNames: [eth0]}'));
    expect(refused).toMatchObject({ status: 1, out: expect.stringContaining('reboot:'), err: expect.stringMatching(/intel_iommu=on iommu=pt .*reboot/) });
    expect(rig.node.inspect().pfs[0]!.numVfs).toBe(0);
  });

  test.each([
    ['numVfs: 8, nicSelector: {pfNames: [eth0]}', /7/],
    ['numVfs: many, nicSelector: {pfNames: [eth0]}', /spec\.numVfs/],
    ['numVfs: 2, nicSelector: {}', /nicSelector/],
  ])('a policy that cannot be: %s', async (spec, says) => {
    const { status, out, err } = await new HostRig().vfleet('plan', '-f', policyFile(spec));
    expect(status).toBe(1);
    expect(out + err).toMatch(says);
  });

  test('a manifest without policies, a host that does not answer', async () => {
    const rig = new HostRig();
    expect(await rig.vfleet('plan', '-f', policyFile('numVfs: 1', 'ConfigMap'))).toMatchObject({ status: 1, err: expect.stringContaining('no SriovNetworkNodePolicy') });
    rig.node.powerCycle();
    expect(await rig.vfleet('discover')).toMatchObject({ status: 1, err: expect.stringContaining('down or rebooting') });
  });

  test('watch tells what happens', async () => {
    const rig = new HostRig();
    const watching = rig.vfleet('watch');
    rig.clock.setTimer(1_000, () => void rig.node.hardware.apply({ kind: 'setNumVfs', pf: rig.node.spec.pfs[0]!.pciAddress, count: 1 }));
    const { status, out } = await watching;
    expect(status).toBe(0);
    expect(out).toMatch(/0000:01:10\.0 is there\n[\s\S]*0000:01:10\.0 is bound to igbvf/);
  });

  const dpdk = policyFile('numVfs: 2, deviceType: vfio-pci, nicSelector: {pfNames: [eth0]}');
  const noIommu = { kernelArguments: ['quiet'], cpuVendor: 'intel' };

  test('check says what the host lacks, with a status', async () => {
    const rig = new HostRig('82576', noIommu);
    const checked = await rig.vfleet('check');
    expect([checked.status, checked.out]).toEqual([1, expect.stringMatching(/iommu +problem/)]);
    expect(JSON.parse((await rig.vfleet('check', '-o', 'json')).out)).toMatchObject({ findings: expect.arrayContaining([expect.objectContaining({ subject: 'firmware', state: 'good' })]), hugepages: [] });
  });

  test('prepare shows, asks, and makes the host ready for the next boot', async () => {
    const rig = new HostRig('82576', noIommu);
    await rig.files.replace('/boot/loader/entries/a.conf', 'options quiet\n');
    const shown = await rig.vfleet('prepare', '-f', dpdk, '--boot-services', '--dry-run');
    expect([shown.status, shown.out]).toEqual([3, expect.stringContaining('kernel arguments for the next boot: intel_iommu=on iommu=pt\nwrite /boot/loader/entries/a.conf\nwrite /etc/modules-load.d/vfleet.conf\n')]);
    rig.answer = false;
    expect((await rig.vfleet('prepare', '-f', dpdk)).status).toBe(1);
    expect([await rig.files.read('/boot/loader/entries/a.conf'), rig.ran]).toEqual([ok('options quiet\n'), []]);
    expect(await rig.vfleet('prepare', '-f', dpdk, '--boot-services', '-y')).toMatchObject({ status: 3, err: expect.stringContaining('reboot') });
    expect(await rig.files.read('/boot/loader/entries/a.conf')).toEqual(ok('options quiet intel_iommu=on iommu=pt\n'));
    expect(rig.ran.map(({ program }) => program)).toEqual(['modprobe', 'systemctl', 'systemctl']);
    // What the services will find at boot is what the policy wants.
    const booted = new HostRig('82576', { kernelArguments: ['intel_iommu=on', 'iommu=pt'] });
    const configuration = await rig.files.read('/etc/sriov-operator/sriov-interface-config.yaml');
    await booted.files.replace('/etc/sriov-operator/sriov-interface-config.yaml', configuration.ok ? configuration.value : '');
    expect([await booted.vfleet('boot', 'pre-network'), await booted.vfleet('boot', 'post-network')]).toMatchObject([{ status: 0 }, { status: 0 }]);
    expect(booted.node.inspect().pfs[0]!.vfs.map(({ driver }) => driver)).toEqual(['vfio-pci', 'vfio-pci']);
  });

  test('prepare without a boot loader that it knows says what to do by hand', async () => {
    expect(await new HostRig('82576', noIommu).vfleet('prepare', '-f', dpdk, '--dry-run')).toMatchObject({ status: 1, err: expect.stringContaining('by hand') });
  });

  test('the phases at boot: PFs first, then their VFs, each with its result in a file', async () => {
    const rig = new HostRig('82576', { kernelArguments: ['intel_iommu=on', 'iommu=pt'] });
    await rig.files.replace('/etc/sriov-operator/sriov-interface-config.yaml', 'spec:\n  interfaces:\n  - pciAddress: "0000:01:00.0"\n    numVfs: 3\n    vfGroups: [{resourceName: net, deviceType: vfio-pci, vfRange: 0-2}]\n');
    const result = async () => (await rig.files.read('/etc/sriov-operator/sriov-interface-result.yaml'));
    expect((await rig.vfleet('boot', 'pre-network')).status).toBe(0);
    expect(rig.node.inspect().pfs[0]!.numVfs).toBe(3);
    expect(rig.node.inspect().pfs[0]!.vfs.some(({ driver }) => driver === 'vfio-pci')).toBe(false);
    expect(await result()).toEqual(ok(`syncStatus: InProgress\nlastSyncError: ""\nbootId: "${rig.node.bootId}"\n`));
    expect((await rig.vfleet('boot', 'post-network')).status).toBe(0);
    expect(rig.node.inspect().pfs[0]!.vfs.map(({ driver }) => driver)).toEqual(['vfio-pci', 'vfio-pci', 'vfio-pci']);
    expect(await result()).toEqual(ok(`syncStatus: Succeeded\nlastSyncError: ""\nbootId: "${rig.node.bootId}"\n`));
  });

  test.each([['nothing', undefined], ['no YAML', 'spec: [\n'], ['another thing', 'spec: {interfaces: [{numVfs: lots}]}\n'], ['a list', '- 1\n']])('a configuration for the boot that is %s is refused in words, also in the result', async (_name, text) => {
    const rig = new HostRig();
    if (text !== undefined) await rig.files.replace('/etc/sriov-operator/sriov-interface-config.yaml', text);
    expect((await rig.vfleet('boot', 'pre-network')).status).toBe(1);
    expect(await rig.files.read('/etc/sriov-operator/sriov-interface-result.yaml')).toMatchObject({ ok: true, value: expect.stringContaining('syncStatus: Failed') });
  });
});
