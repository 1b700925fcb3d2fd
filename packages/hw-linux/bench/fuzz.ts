/** A million mutated netlink messages and uevents through every decoder: `node packages/hw-linux/bench/fuzz.ts [COUNT] [SEED]`. */
import { SeededRandom } from '@vfleet/core';
import { decodeAll, mutated } from '../test/arbitraries.ts';

const count = Number(process.argv[2] ?? 1_000_000);
const seed = process.argv[3] ?? 'fuzz';
const random = new SeededRandom(seed);
const startMs = performance.now();
for (let round = 0; round < count; round++) {
  const bytes = mutated((bound) => random.integer(bound));
  const wrong = decodeAll(bytes);
  if (wrong.length === 0) continue;
  process.stderr.write(`seed ${seed}, round ${round}: ${wrong.join('; ')}\n${Buffer.from(bytes).toString('hex')}\n`);
  process.exit(1);
}
process.stdout.write(`${count} messages, seed ${seed}: every one decoded or refused, ${Math.round(performance.now() - startMs)} ms, ${Math.round(process.memoryUsage().rss / 2 ** 20)} MB\n`);
