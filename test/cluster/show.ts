/**
 * For writing cases and chasing differences: plays cases and prints what the real API server answers, normalised.
 * `node test/cluster/show.ts patches "patches/merge patch: nothing"` (themes or single cases; all without any). With --ours it
 * prints our server's answers, with --both where the two differ (but for what is known); --without=managedFields leaves out such paths.
 */
import { brief, runCase } from './differential.ts';
import { knownDifferences, sift } from './known-differences.ts';
import { playCase, setUp } from './player.ts';
import type { Case, Theme } from './case.ts';
import { startOurServer } from './our-server.ts';
import { startBoth, startReal, targetOf } from './servers.ts';
import { themes } from './suite/index.ts';
import { startWebhook } from './webhook.ts';

const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const flags = process.argv.slice(2).filter((word) => word.startsWith('--'));
const without = flags.find((flag) => flag.startsWith('--without='))?.slice('--without='.length);
const print = (line: string) => void process.stdout.write(`${line}\n`);

function chosen(): readonly (readonly [Theme, readonly Case[]])[] {
  const isChosen = (theme: Theme, one: Case) => words.length === 0 || words.includes(theme.name) || words.includes(`${theme.name}/${one.name}`);
  return themes.map((theme) => [theme, theme.cases.filter((one) => isChosen(theme, one))] as const).filter(([, cases]) => cases.length > 0);
}

async function showOne(): Promise<void> {
  await using server = flags.includes('--ours') ? await startOurServer() : await startReal();
  await using webhook = await startWebhook();
  const client = targetOf(server, webhook, 'only');
  for (const [theme, cases] of chosen()) {
    await setUp(client, theme);
    for (const one of cases) {
      print(`\n=== ${theme.name}/${one.name}`);
      for (const { step, shown } of await playCase(client, theme, one)) print(`--- ${step}\n${JSON.stringify(shown)}`);
    }
  }
  client.close();
}

async function showBoth(): Promise<void> {
  await using servers = await startBoth();
  const { real, ours } = servers;
  for (const [theme, cases] of chosen()) {
    await Promise.all([setUp(real, theme), setUp(ours, theme)]).catch((error: unknown) => print(`${theme.name} cannot be set up: ${String(error)}`));
    let agreeing = 0;
    for (const one of cases) {
      const found = sift(await runCase(real, ours, theme, one), knownDifferences).unknown.filter(({ path }) => without === undefined || !path.includes(without));
      if (found.length === 0) agreeing += 1;
      else print(`\n=== ${theme.name}/${one.name}`);
      for (const { step, path, real: said, ours: answered } of found) print(`  ${step}\n    ${path}\n      real ${brief(said)}\n      ours ${brief(answered)}`);
    }
    print(`\n${theme.name}: ${agreeing} of ${cases.length} cases agree`);
  }
}

await (flags.includes('--both') ? showBoth() : showOne());
