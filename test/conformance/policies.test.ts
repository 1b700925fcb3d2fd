// Goal: a policy comes to the same on simulated hardware by way of the simulator's port and by way of the Linux backend, through planner,
// executor and journal. Method: `vfleet host apply` with drawn policies on two equal machines of every NIC; what it says, its status and
// the hardware afterwards must agree, and after `vfleet host reset` nothing of it may be left.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { CliFailure } from '@vfleet/cli/failure.ts';
import { hostCommand } from '@vfleet/cli/verbs/host/command.ts';
import { MemFiles, SimClock, ok, silentLog } from '@vfleet/core';
import type { Inventory } from '@vfleet/core';
import { HostPreparation, RealSysfs } from '@vfleet/hw-linux';
import { nicModels } from '@vfleet/hw-sim';
import type { SimulatedNode } from '@vfleet/hw-sim';
import { BACKENDS, during, simulatedMachine } from './backends.ts';
import type { BackendName } from './backends.ts';
import { PF } from './sequences.ts';

const folder = mkdtempSync(join(tmpdir(), 'vfleet-policies-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

class Machine {
  readonly clock = new SimClock();
  readonly files = new MemFiles();
  readonly node: SimulatedNode;
  readonly #backend: BackendName;

  constructor(backend: BackendName, personality: string) {
    this.#backend = backend;
    this.node = simulatedMachine(this.clock, personality);
  }

  async vfleet(...words: readonly string[]): Promise<{ readonly status: number; readonly said: string }> {
    let [said, status] = ['', -1];
    const terminal = { out: (text: string) => void (said += text), err: (text: string) => void (said += text), colours: false };
    const sysfs = new RealSysfs(folder);
    const preparation = new HostPreparation({ files: this.files, sysfs, commands: { find: async () => undefined, run: async () => ok('') } });
    const hardware = BACKENDS[this.#backend](this.node, this.clock);
    const command = hostCommand({ environment: {}, terminal }, (own) => (status = own), async () => ({
      hardware, sysfs, preparation, executable: ['vfleet'], host: this.node.host, files: this.files, clock: this.clock, log: silentLog, close: async () => {}, confirm: async () => true, interrupted: async () => {},
    }));
    await during(this.clock, command.exitOverride().parseAsync(words, { from: 'user' }).catch((error: unknown) => {
      if (!(error instanceof CliFailure)) throw error;
      status = error.exitStatus;
      said += `${error.message}; ${error.remedy}`;
    }));
    // Particulars in parentheses are each backend's own.
    return { status, said: said.replaceAll(/ \([^()]*\)/g, '') };
  }
}

/** Without what is drawn by chance: MACs that a driver makes up. */
function comparable(inventory: Inventory): unknown {
  return inventory.pfs.map((pf) => ({ ...pf, vfs: pf.vfs.map((vf) => ({ ...vf, netdev: vf.netdev === undefined ? undefined : { ...vf.netdev, mac: '' }, settings: { ...vf.settings, mac: '' } })) }));
}

const policy = fc.record({ numVfs: fc.integer({ min: 1, max: 5 }), mtu: fc.constantFrom(undefined, 1500, 4000), deviceType: fc.constantFrom(undefined, 'netdevice', 'vfio-pci'), eSwitchMode: fc.constantFrom(undefined, undefined, 'legacy', 'switchdev'), isRdma: fc.constantFrom(undefined, false, true) });

let files = 0;
function policyFile(spec: Readonly<Record<string, unknown>>): string {
  const path = join(folder, `${++files}.yaml`);
  const full = { resourceName: 'net', nodeSelector: {}, ...spec, nicSelector: { rootDevices: [PF] } };
  writeFileSync(path, JSON.stringify({ apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodePolicy', metadata: { name: 'net' }, spec: full }));
  return path;
}

describe.each(nicModels.map((model) => [model.name] as const))('%s', (name) => {
  test('policies come to the same, and are given back', async () => {
    await fc.assert(fc.asyncProperty(fc.array(policy, { minLength: 1, maxLength: 2 }), async (policies) => {
      const [simulated, linux] = [new Machine('hw-sim', name), new Machine('hw-linux', name)];
      const before = comparable(linux.node.inspect());
      for (const one of policies) {
        const words = ['apply', '-y', '-f', policyFile(one)];
        expect(await linux.vfleet(...words)).toEqual(await simulated.vfleet(...words));
        expect(comparable(linux.node.inspect())).toEqual(comparable(simulated.node.inspect()));
      }
      const reset = await linux.vfleet('reset', '-y');
      expect(reset).toEqual(await simulated.vfleet('reset', '-y'));
      if (reset.status === 0) expect(linux.node.inspect().pfs.map(({ numVfs, eswitchMode }) => [numVfs, eswitchMode])).toEqual((before as readonly { numVfs: number; eswitchMode: string }[]).map(({ numVfs, eswitchMode }) => [numVfs, eswitchMode]));
    }), { numRuns: 8 });
  });
});
