/** Prints the trace hashes of the tiny world for the seeds `from` to `to`, as JSON: a process of its own for the determinism test. */
import { References, runSeed } from '@vfleet/sim';
import { tiny } from './tiny.ts';

const [from, to] = process.argv.slice(2).map(Number) as [number, number];
const references = new References();
const hashes: Record<string, string> = {};
for (let seed = from; seed <= to; seed++) hashes[seed] = (await runSeed(tiny, String(seed), { references })).traceHash;
process.stdout.write(JSON.stringify(hashes));
