// Goal: whatever a crash leaves of the journal, the daemon reads what was surely written and nothing else.
// Method: every prefix of a journal, and every damaged character, is read; the store is a file in memory with the crash model of MemFiles.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemFiles, pciAddress } from '@vfleet/core';
import type { HardwareStep } from '@vfleet/core';
import { Journal, journalLine, readJournal, recordOf } from '../../src/config-daemon/journal.ts';
import type { JournalRecord } from '../../src/config-daemon/journal.ts';

const PF = '0000:3b:00.0';
const OTHER = '0000:5e:00.0';
const PATH = '/state/journal';
const begin: JournalRecord = { type: 'begin', generation: 3, pfs: [PF, OTHER], clean: [OTHER] };
const create: JournalRecord = { type: 'step', pf: PF, step: { kind: 'setNumVfs', pf: pciAddress(PF), count: 4 } };
const records: readonly JournalRecord[] = [
  begin,
  { type: 'step', pf: PF, step: { kind: 'setNumVfs', pf: pciAddress(PF), count: 0 } },
  create,
  { type: 'tried', pf: PF, key: `setVf ${PF} 0 mac` },
  { type: 'end' },
];
const text = records.map(journalLine).join('');

describe('the journal', () => {
  it('gives back what was written', () => {
    expect(readJournal(text)).toEqual({ records, validLength: text.length });
  });

  it('of which a crash left a part gives back the whole lines of it', () => {
    for (let length = 0; length <= text.length; length++) {
      const read = readJournal(text.slice(0, length));
      const whole = text.slice(0, length).split('\n').length - 1;
      expect(read.records).toEqual(records.slice(0, whole));
      expect(text.slice(0, read.validLength)).toBe(records.slice(0, whole).map(journalLine).join(''));
    }
  });

  it('that was damaged gives back what comes before the damage', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: text.length - 1 }), fc.string({ minLength: 1, maxLength: 3 }), (at, damage) => {
        const damaged = text.slice(0, at) + damage + text.slice(at + damage.length);
        fc.pre(damaged !== text);
        const line = text.slice(0, at).split('\n').length - 1;
        expect(readJournal(damaged).records).toEqual(records.slice(0, Math.min(line, readJournal(damaged).records.length)));
      }),
    );
  });

  it('is never thrown by: any text is read', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (any) => readJournal(any).records.length === 0));
    expect(readJournal('00000000 {}\n').records).toEqual([]);
    expect(readJournal('\n\n').records).toEqual([]);
  });
});

describe('recovery', () => {
  const withText = async (content: string) => {
    const files = new MemFiles();
    await files.replace(PATH, content);
    return { files, run: await new Journal(files, '/state').recover() };
  };

  it('finds nothing where there is no journal, where a run has ended, and where none has begun', async () => {
    expect(await new Journal(new MemFiles(), '/state').recover()).toEqual({ ok: true, value: undefined });
    expect((await withText(text)).run).toEqual({ ok: true, value: undefined });
    expect((await withText(journalLine(create))).run).toEqual({ ok: true, value: undefined });
  });

  it('tells of a run that has not ended: its PFs, those whose VFs are all new, what was tried, and the last step', async () => {
    const { run } = await withText(records.slice(0, 4).map(journalLine).join(''));
    expect(run).toEqual({
      ok: true,
      value: { pfs: [PF, OTHER], clean: [OTHER, PF], tried: [{ pf: PF, key: `setVf ${PF} 0 mac` }], lastStep: { pf: PF, step: { kind: 'setNumVfs', pf: PF, count: 4 } } },
    });
  });

  it('tells of a stage that was announced as a whole by its first and last step', async () => {
    const steps = [0, 1, 2].map((vfIndex): HardwareStep => ({ kind: 'setVf', pf: pciAddress(PF), vfIndex, mac: `02:00:00:00:00:0${vfIndex}` }));
    expect(recordOf(PF, steps.slice(0, 1))).toEqual({ type: 'step', pf: PF, step: steps[0] });
    const { run } = await withText([begin, create, recordOf(PF, steps)].map(journalLine).join(''));
    expect(run).toMatchObject({ ok: true, value: { clean: [OTHER, PF], lastStep: { pf: PF, step: steps[0], until: steps[2] } } });
  });

  it('cuts a torn line off, so that the next one can be read', async () => {
    const { files, run } = await withText(text.slice(0, -3));
    expect(run).toMatchObject({ ok: true, value: { pfs: [PF, OTHER] } });
    const journal = new Journal(files, '/state');
    await journal.append({ type: 'end' });
    const after = await files.read(PATH);
    expect(after.ok && readJournal(after.value).records.at(-1)).toEqual({ type: 'end' });
  });

  it('says what the disk says', async () => {
    const files = new MemFiles(() => 'noSpace');
    expect(await new Journal(files, '/state').begin({ generation: 1, pfs: [], clean: [] })).toMatchObject({ ok: false, error: { code: 'noSpace' } });
  });
});
