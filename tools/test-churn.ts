/**
 * `npm run test:churn [-- --for 1h --rate 40 --check 60s --real]`: informers of client-go (built from Go modules where there is a Go) and
 * @kubernetes/client-node against our HTTPS server while objects are written, connections are cut, history is compacted and the server
 * ends and starts again on its data file. Status 1 when anybody missed an event, got one twice, or ended with a wrong picture. With
 * --real against the real server instead, which shows that the checks themselves are right.
 */
import { parseArgs } from 'node:util';
import { churn } from '../test/cluster/churn/churn.ts';
import { ourChurnServer, realChurnServer } from '../test/cluster/churn/servers.ts';

const { values } = parseArgs({ options: { for: { type: 'string', default: '60s' }, rate: { type: 'string', default: '40' }, check: { type: 'string', default: '60s' }, real: { type: 'boolean', default: false } } });
const print = (line: string) => void process.stdout.write(`${line}\n`);

process.exit(await main());

async function main(): Promise<number> {
  await using server = values.real ? await realChurnServer() : await ourChurnServer();
  const report = await churn(server, { forMs: milliseconds(values.for), writesPerSecond: Number(values.rate), checkEveryMs: milliseconds(values.check), onProgress: print });
  if (!report.withClientGo) print('Without client-go: there is no Go here to build it with.');
  print(`operations: ${JSON.stringify(report.operations)}`);
  print(`disturbances: ${JSON.stringify(report.disturbances)}`);
  for (const [name, tally] of Object.entries(report.informers)) print(`${name}: ${JSON.stringify(tally)}`);
  print(report.problems.length === 0 ? `No event was missed or repeated in ${report.checks} checks.` : `${report.problems.length} problems`);
  return report.problems.length === 0 ? 0 : 1;
}

function milliseconds(text: string): number {
  const [, amount, unit] = /^(\d+)(s|m|h)$/.exec(text) ?? [];
  if (amount === undefined) {
    process.stderr.write(`"${text}" is no duration: 90s, 15m or 1h\n`);
    process.exit(2);
  }
  return Number(amount) * { s: 1_000, m: 60_000, h: 3_600_000 }[unit as 's' | 'm' | 'h'];
}
