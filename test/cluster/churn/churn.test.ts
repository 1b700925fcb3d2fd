// Goal: informers of client-go and @kubernetes/client-node stay right on our server, whatever breaks: no event is missed, none comes twice,
// and in the end everybody knows what is there. Method: writers that know what each of their writes did, connections that are cut and
// stalled, compactions, outages and sudden ends of the server; everything that the informers listed, watched and told is compared with what
// was written. `npm run test:churn -- --for 1h` is the long form.
import { expect, test } from 'vitest';
import { churn } from './churn.ts';
import { ourChurnServer } from './servers.ts';

const seconds = Number(process.env['VFLEET_CHURN_SECONDS'] ?? '20');

test(`${seconds} s of churn`, { timeout: seconds * 1_000 + 900_000 }, async () => {
  await using server = await ourChurnServer();
  const report = await churn(server, { forMs: seconds * 1_000, writesPerSecond: 60, checkEveryMs: 10_000 });
  expect(report.problems).toEqual([]);
  expect(report.writes).toBeGreaterThan(seconds);
  for (const tally of Object.values(report.informers)) expect(tally).toMatchObject({ events: expect.any(Number), told: expect.any(Number) });
  expect(Math.min(...Object.values(report.informers).map(({ told }) => told))).toBeGreaterThan(0);
});
