// Goal: what the daemon keeps on disk survives as it was written, and a file that somebody broke does harm to nobody.
// Method: stores over files in memory; every field is left out, replaced by nonsense, or cut.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemFiles, advance, nodeMachine, pciAddress, silentLog, startMachine } from '@vfleet/core';
import type { LogFields, Log, NodeMachineState } from '@vfleet/core';
import { NodeRecord } from '../../src/config-daemon/node-record.ts';
import { OwnershipStore } from '../../src/config-daemon/ownership.ts';
import { pfOf } from '../node-fakes/inventories.ts';

const PF = pciAddress('0000:3b:00.0');
const FILE = `/state/pci/${PF}.json`;
const observed = pfOf(PF, 'ens1f0', []);
const applied = { pciAddress: PF, numVfs: 4 };

function hearing(): { readonly log: Log; readonly errors: string[] } {
  const errors: string[] = [];
  return { errors, log: { ...silentLog, error: (message: string, _fields?: LogFields) => errors.push(message) } };
}

describe('what PFs were like at first', () => {
  it('is saved once, before the first change, and not overwritten by what we made of them', async () => {
    const files = new MemFiles();
    const store = new OwnershipStore(files, '/state', silentLog);
    await store.checkpoint(observed, false);
    const changed = pfOf(PF, 'ens1f0', [], { netdev: { ...observed.netdev!, mtu: 9000 }, eswitchMode: 'switchdev' });
    await store.checkpoint(changed, false);
    await store.saveApplied(changed, applied);
    const later = new OwnershipStore(files, '/state', silentLog);
    await later.load();
    expect(later.all()).toEqual([{ pciAddress: PF, name: 'ens1f0', firstMtu: 1500, firstEswitchMode: 'legacy', externallyManaged: false, applied }]);
  });

  it('keeps up with who manages the PF', async () => {
    const store = new OwnershipStore(new MemFiles(), '/state', silentLog);
    await store.checkpoint(observed, true);
    expect(store.all()[0]!.externallyManaged).toBe(true);
    await store.checkpoint(observed, false);
    expect(store.all()[0]).toMatchObject({ externallyManaged: false, firstMtu: 1500 });
    await store.saveApplied(observed, { ...applied, externallyManaged: true });
    expect(store.all()[0]!.externallyManaged).toBe(true);
  });

  it('is not written again when nothing changed', async () => {
    let writes = 0;
    const store = new OwnershipStore(new MemFiles(() => (writes++, 'none')), '/state', silentLog);
    await store.saveApplied(observed, applied);
    await store.saveApplied(observed, { ...applied });
    await store.checkpoint(observed, false);
    expect(writes).toBe(1);
  });

  it('is removed with the PF, and stays when it cannot be', async () => {
    let full = false;
    const files = new MemFiles(() => (full ? 'readOnly' : 'none'));
    const store = new OwnershipStore(files, '/state', silentLog);
    await store.saveApplied(observed, applied);
    full = true;
    expect(await store.forget(PF)).toMatchObject({ ok: false });
    expect(store.all()).toHaveLength(1);
    full = false;
    expect(await store.forget(PF)).toMatchObject({ ok: true });
    expect([store.all(), files.paths()]).toEqual([[], []]);
  });

  it('that cannot be understood is reported, left as it is, and its PF is not ours', async () => {
    const good = { pciAddress: PF, firstMtu: 1500, firstEswitchMode: 'legacy', externallyManaged: false };
    for (const bad of [
      '', '{', '[]', 'null', '7', JSON.stringify({ ...good, pciAddress: 'ens1f0' }), JSON.stringify({ ...good, pciAddress: undefined }),
      JSON.stringify({ ...good, firstEswitchMode: 'none' }), JSON.stringify({ ...good, firstMtu: '1500' }), JSON.stringify({ ...good, firstMtu: -1 }), JSON.stringify(good).slice(0, -1),
    ]) {
      const files = new MemFiles();
      await files.replace(FILE, bad);
      const { log, errors } = hearing();
      const store = new OwnershipStore(files, '/state', log);
      expect(await store.load()).toMatchObject({ ok: true });
      expect(store.all(), bad).toEqual([]);
      expect(errors).toHaveLength(1);
      expect(await files.read(FILE)).toEqual({ ok: true, value: bad });
    }
  });
});

describe('the state of the node', () => {
  const failed = [
    { type: 'started', bootId: 'one', nowMs: 0 } as const,
    { type: 'discovered' } as const,
    { type: 'planned', nowMs: 0, summary: { settled: false, blocked: [], drainNeeded: false, rebootNeeded: true, permission: 'reboot', bootId: 'one' } } as const,
    { type: 'rebootFailed', cause: 'denied', nowMs: 5 } as const,
  ].reduce<NodeMachineState>((state, event) => advance(nodeMachine, state, event).state, startMachine(nodeMachine, undefined).state);

  it('comes back as it was, with the reboots counted', async () => {
    const files = new MemFiles();
    await new NodeRecord(files, '/state', silentLog).save(failed);
    const loaded = await new NodeRecord(files, '/state', silentLog).load();
    expect(loaded.ok && JSON.parse(JSON.stringify(loaded.value))).toEqual(JSON.parse(JSON.stringify(failed)));
    expect(loaded.ok && loaded.value.context).toMatchObject({ rebootAttempts: 1, bootId: 'one', attempts: 1, cause: 'denied' });
  });

  it('is written only when it differs', async () => {
    let writes = 0;
    const files = new MemFiles(() => (writes++, 'none'));
    const record = new NodeRecord(files, '/state', silentLog);
    await record.save(failed);
    await record.save({ ...failed });
    expect(writes).toBe(1);
  });

  it('that cannot be understood is begun anew, and any file can be loaded', async () => {
    const load = async (content: string) => {
      const files = new MemFiles();
      await files.replace('/state/node.json', content);
      const { log, errors } = hearing();
      const loaded = await new NodeRecord(files, '/state', log).load();
      return { state: loaded.ok ? loaded.value : undefined, errors };
    };
    for (const bad of ['', '{}', '{"value":"flying","context":{}}', '{"value":"failed"}', '{"value":"constructor","context":[]}', JSON.stringify(failed).slice(0, 30)]) {
      const { state, errors } = await load(bad);
      expect(state!.value, bad).toBe('starting');
      expect(errors).toHaveLength(1);
    }
    const odd = await load('{"value":"failed","context":{"attempts":-3,"rebootAttempts":"many","cause":7,"deadlineAtMs":"soon"}}');
    expect(odd.state).toMatchObject({ value: 'failed', context: { attempts: 0, rebootAttempts: 0 } });
    await fc.assert(fc.asyncProperty(fc.json(), async (any) => (await load(any)).state !== undefined), { numRuns: 50 });
  });
});
