/**
 * `npm run campaign [-- --seeds N --scale-seeds N --workers N --for SECONDS --only NAME,NAME --state FILE --fresh --summary FILE]`: runs seeds from 1 on of every scenario, most of the small ones, and fails when a property did not hold, a fault never struck, or not all seeds were
 * run. What is done is kept in the state file: the same command goes on where it was stopped, as long as a seed means the same run.
 * `--planted` and `--bounded SECONDS` do something else: see planted.ts and bounded.ts.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { CampaignPart } from '@vfleet/sim';
import { boundedSearch } from './bounded.ts';
import { searchPlanted } from './planted.ts';
import { keepFailure, runJobs } from './pool.ts';
import { Campaign, campaignSummary, campaignTables, catalog, faultNames, findScenario, runSeed } from '@vfleet/sim';

const USAGE = `npm run campaign -- [--seeds 100000] [--scale-seeds 20] [--workers 2] [--for SECONDS] [--only NAME,NAME] [--state FILE] [--fresh] [--summary FILE]
    seeds of every scenario, most of the small ones; goes on where it was stopped; fails on a violation, a fault that never struck, or missing seeds
npm run campaign -- --bounded SECONDS     the kept failures, then fresh seeds for a while
npm run campaign -- --planted             how soon each planted defect is found`;
const values = readWords();

function readWords() {
  try {
    const { values: read } = parseArgs({
      options: {
        seeds: { type: 'string', default: '100000' }, 'scale-seeds': { type: 'string', default: '20' }, workers: { type: 'string', default: '2' }, for: { type: 'string' }, only: { type: 'string' },
        state: { type: 'string', default: '.vfleet/campaign.json' }, replays: { type: 'string', default: '.vfleet/replays' }, fresh: { type: 'boolean', default: false }, planted: { type: 'boolean', default: false }, bounded: { type: 'string' }, summary: { type: 'string' }, help: { type: 'boolean', default: false },
      },
    });
    if (!read.help) return read;
  } catch (error) {
    stop(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  }
  process.stdout.write(`${USAGE}\n`);
  return process.exit(0);
}

const count = (text: string, name: string): number => {
  if (!/^\d{1,9}$/.test(text)) stop(`--${name} ${text} is no whole number`);
  return Number(text);
};
const print = (line: string) => void process.stdout.write(`${line}\n`);
if (values.planted) process.exit((await searchPlanted(join(import.meta.dirname, '../../test/simulation/planted/results.json'), print)) ? 0 : 1);
if (values.bounded !== undefined) process.exit((await boundedSearch(count(values.bounded, 'bounded'), count(values.workers, 'workers'), print)) ? 0 : 1);
const SAVE_MS = 10_000;
const FAILURES_MAX = 50;

interface SavedCampaign {
  readonly meaning: string;
  readonly parts: readonly CampaignPart[];
}

const only = values.only?.split(',');
for (const name of only ?? []) if (findScenario(name) === undefined) stop(`there is no scenario ${name}; known are ${catalog.map((scenario) => scenario.name).join(', ')}`);
const meaning = await meaningOfSeeds();
const earlier = values.fresh ? [] : load();
const campaign = new Campaign({ seeds: count(values.seeds, 'seeds'), scaleSeeds: count(values['scale-seeds'], 'scale-seeds'), ...(only === undefined ? {} : { only }) }, earlier);
const startMs = performance.now();
const atStart = campaign.seeds;
const untilMs = values.for === undefined ? Number.POSITIVE_INFINITY : startMs + count(values.for, 'for') * 1000;
const saving = setInterval(() => {
  save();
  tell();
}, SAVE_MS);
await runJobs(count(values.workers, 'workers'), () => (performance.now() < untilMs && campaign.failures.length < FAILURES_MAX ? campaign.take() : undefined), (report) => {
  campaign.add(report);
  const failure = keepFailure(report, values.replays);
  if (failure !== undefined) process.stderr.write(`${failure}\n`);
});
clearInterval(saving);
save();
tell();
process.stdout.write(`${campaignTables(campaign)}\n`);
if (values.summary !== undefined) writeFileSync(values.summary, campaignSummary(campaign));
const verdict = campaign.verdict();
for (const line of verdict) process.stdout.write(`${line}\n`);
process.stdout.write(verdict.length === 0 ? 'the campaign passed\n' : `the campaign did not pass: ${campaign.failures.length} violations, ${campaign.neverFired().length} faults that never struck\n`);
process.exitCode = verdict.length === 0 ? 0 : 1;

/** A few runs' trace hashes: when they differ, a seed of another program is another run, and counts say nothing about this one. */
async function meaningOfSeeds(): Promise<string> {
  const hashes: string[] = [];
  for (const seed of ['1', '2', '3']) hashes.push((await runSeed(findScenario('single-node')!, seed)).traceHash);
  return hashes.join(' ');
}

function load(): readonly CampaignPart[] {
  let text: string;
  try {
    text = readFileSync(values.state, 'utf8');
  } catch {
    // This is the first part.
    return [];
  }
  // The file is this program's own.
  const saved = JSON.parse(text) as SavedCampaign;
  if (saved.meaning === meaning) return saved.parts;
  process.stderr.write(`${values.state} is of a program whose seeds were other runs: beginning anew\n`);
  return [];
}

function save(): void {
  mkdirSync(dirname(values.state), { recursive: true });
  writeFileSync(values.state, JSON.stringify({ meaning, parts: campaign.parts } satisfies SavedCampaign));
}

function tell(): void {
  const seconds = (performance.now() - startMs) / 1000;
  const kinds = faultNames.filter((fault) => campaign.fired(fault) > 0).length;
  process.stderr.write(`${seconds.toFixed(0)} s: ${campaign.seeds} seeds, ${((campaign.seeds - atStart) / seconds).toFixed(1)} seeds/s, ${kinds} of ${faultNames.length} faults struck, ${campaign.failures.length} violations\n`);
}

function stop(sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(2);
}
