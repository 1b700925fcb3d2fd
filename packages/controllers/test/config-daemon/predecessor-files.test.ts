// Goal: what the Go operator's config daemon left on a node is taken over, once, and whatever stands in such a file does no harm. Method: stores over
// files in memory, as that daemon writes them; drawn texts.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemFiles, pciAddress, silentLog } from '@vfleet/core';
import { OwnershipStore } from '../../src/config-daemon/ownership.ts';
import { CHECKPOINT_FILE, isPredecessorFile, parseCheckpoint, parsePredecessorFile } from '../../src/config-daemon/predecessor-files.ts';
import { pfOf } from '../node-fakes/inventories.ts';

const PF = pciAddress('0000:3b:00.0');
const FILE = `/state/pci/${PF}`;
const applied = { pciAddress: PF, numVfs: 4, mtu: 9000, name: 'ens1f0', eSwitchMode: 'switchdev', vfGroups: [{ resourceName: 'fast', deviceType: 'netdevice', vfRange: '0-3', policyName: 'fast', mtu: 9000 }] };
const checkpoint = { metadata: { name: 'w1' }, spec: {}, status: { interfaces: [{ pciAddress: PF, mtu: 4000, eSwitchMode: 'switchdev' }] } };

async function loaded(texts: Readonly<Record<string, unknown>>): Promise<{ readonly store: OwnershipStore; readonly files: MemFiles; readonly errors: readonly string[] }> {
  const files = new MemFiles();
  for (const [path, value] of Object.entries(texts)) await files.replace(path, typeof value === 'string' ? value : JSON.stringify(value));
  const errors: string[] = [];
  const store = new OwnershipStore(files, '/state', { ...silentLog, error: (message: string) => void errors.push(message) });
  expect(await store.load()).toMatchObject({ ok: true });
  return { store, files, errors };
}

describe('a PF that the Go operator configured', () => {
  it('is ours, with what it was like at first by the checkpoint, also when that is gone', async () => {
    const { store, files } = await loaded({ [FILE]: applied, [CHECKPOINT_FILE]: checkpoint });
    const record = { pciAddress: PF, name: 'ens1f0', firstMtu: 4000, firstEswitchMode: 'switchdev', externallyManaged: false, applied };
    expect(store.all()).toEqual([record]);
    await files.remove(CHECKPOINT_FILE);
    const later = new OwnershipStore(files, '/state', silentLog);
    await later.load();
    expect(later.all()).toEqual([record]);
    expect(later.isApplied(PF, applied)).toBe(true);
  });

  it.each([
    ['an MTU was set', applied, 1500], ['of InfiniBand', { ...applied, linkType: 'ib' }, 2048], ['none was set', { ...applied, mtu: undefined }, undefined],
  ] as const)('without a checkpoint the MTU to come back to is the Go operator\'s: %s', async (_, file, firstMtu) => {
    const { store } = await loaded({ [FILE]: file });
    expect(store.all()[0]).toMatchObject({ firstEswitchMode: 'legacy' });
    expect(store.all()[0]!.firstMtu).toBe(firstMtu);
  });

  it('that is externally managed stays so', async () => {
    expect((await loaded({ [FILE]: { ...applied, externallyManaged: true } })).store.all()[0]).toMatchObject({ externallyManaged: true });
  });

  it('keeps its file while it is configured, and loses it when it is given back', async () => {
    const { store, files } = await loaded({ [FILE]: applied });
    await store.saveApplied(pfOf(PF, 'ens1f0', []), { ...applied, numVfs: 8 });
    expect((await files.read(FILE)).ok).toBe(true);
    await store.forget(PF);
    expect(files.paths()).toEqual([]);
  });

  it('of which we know more is not taken over again', async () => {
    const known = { pciAddress: PF, firstMtu: 1400, firstEswitchMode: 'legacy', externallyManaged: false };
    expect((await loaded({ [FILE]: applied, [`${FILE}.json`]: known, [CHECKPOINT_FILE]: checkpoint })).store.all()).toEqual([known]);
  });
});

describe('files that cannot be understood', () => {
  it.each(['', '{', '[]', 'null', JSON.stringify({ ...applied, pciAddress: '0000:3b:00.1' }), JSON.stringify({ numVfs: 4 })])('are reported and left alone: %s', async (text) => {
    const { store, files, errors } = await loaded({ [FILE]: text });
    expect([store.all(), errors.length, await files.read(FILE)]).toEqual([[], 1, { ok: true, value: text }]);
  });

  it('of other names are nobody\'s', () => {
    expect([PF, `${PF}.json`, 'notes', '', '..'].map(isPredecessorFile)).toEqual([true, false, false, false, false]);
  });

  it('whatever they hold, reading them ends with a value', () => {
    const nonsense = fc.oneof(fc.string(), fc.json(), fc.json().map((text) => `{"pciAddress":"${PF}","mtu":${text},"name":${text},"linkType":${text}}`));
    fc.assert(fc.property(nonsense, nonsense, (file, other) => typeof parsePredecessorFile(PF, file, parseCheckpoint(other)).ok === 'boolean'), { numRuns: 300 });
    fc.assert(fc.property(fc.json(), (text) => parseCheckpoint(`{"status":{"interfaces":[{"pciAddress":"${PF}","mtu":${text},"eSwitchMode":${text}}]}}`).has(PF)), { numRuns: 100 });
  });
});
