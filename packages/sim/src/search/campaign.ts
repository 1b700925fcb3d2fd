import type { FaultName } from '../faults/catalog.ts';
import { faultNames } from '../faults/catalog.ts';
import type { RunReport } from '../run/run-scenario.ts';
import { catalog } from '../scenarios/catalog.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { addRun, newSummary } from './search.ts';
import type { SearchSummary } from './search.ts';
import { allowedFaults } from './swarm.ts';

/** How many seeds of a scenario are run for one of the costliest: small stories cost a fraction of the others. */
const SHARES: Readonly<Record<string, number>> = { 'single-node': 10, 'drain-disabled': 12, 'externally-managed': 12, 'pod-churn': 3, 'flapping-links': 2, 'policy-conflict': 2, 'node-replacement': 2 };

export interface CampaignGoal {
  /** Runs over all scenarios that are not at scale. */
  readonly seeds: number;
  /** Runs of each scenario at scale. */
  readonly scaleSeeds: number;
  /** Names of scenarios; all when absent. */
  readonly only?: readonly string[];
}

/** What one scenario had of a campaign. */
export interface CampaignPart {
  readonly scenario: string;
  readonly goal: number;
  /** Seed that comes next; all before it were given out. */
  next: number;
  /** Seeds that were given out and have not come back: what an interruption costs, and what is given out first after it. */
  readonly out: number[];
  readonly summary: SearchSummary;
}

/** A campaign: seeds from 1 on of every scenario, whose counts can be taken up again after an interruption. */
export class Campaign {
  readonly parts: readonly CampaignPart[];
  /** What an earlier process had given out when it ended. */
  readonly #lost: { readonly part: CampaignPart; readonly seed: number }[];

  constructor(goal: CampaignGoal, done: readonly Omit<CampaignPart, 'goal'>[] = []) {
    const wanted = catalog.filter(({ name }) => goal.only === undefined || goal.only.includes(name));
    const shares = wanted.filter(({ scale }) => scale !== true).reduce((sum, scenario) => sum + shareOf(scenario), 0);
    this.parts = wanted.map((scenario) => {
      const earlier = done.find((part) => part.scenario === scenario.name);
      const seeds = scenario.scale === true ? goal.scaleSeeds : Math.ceil((goal.seeds * shareOf(scenario)) / shares);
      return { scenario: scenario.name, goal: seeds, next: earlier?.next ?? 1, out: [...(earlier?.out ?? [])], summary: earlier?.summary ?? newSummary() };
    });
    this.#lost = this.parts.flatMap((part) => part.out.filter((seed) => seed <= part.goal).map((seed) => ({ part, seed })));
  }

  /** The next run: one that an interruption cut short, else of the scenario that is furthest behind. Undefined when all are given out. */
  take(): { readonly scenario: string; readonly seed: string } | undefined {
    const lost = this.#lost.shift();
    if (lost !== undefined) return { scenario: lost.part.scenario, seed: String(lost.seed) };
    const [part] = this.parts.filter(({ next, goal }) => next <= goal).sort((a, b) => a.next / a.goal - b.next / b.goal);
    if (part === undefined) return undefined;
    const seed = part.next++;
    part.out.push(seed);
    return { scenario: part.scenario, seed: String(seed) };
  }

  add(report: RunReport): void {
    const part = this.parts.find(({ scenario }) => scenario === report.scenario);
    if (part === undefined) return;
    const at = part.out.indexOf(Number(report.seed));
    if (at !== -1) part.out.splice(at, 1);
    addRun(part.summary, report);
  }

  get seeds(): number {
    return this.parts.reduce((sum, { summary }) => sum + summary.seeds, 0);
  }

  get failures(): SearchSummary['failures'] {
    return this.parts.flatMap(({ summary }) => summary.failures);
  }

  /** How often a fault struck. */
  fired(fault: FaultName): number {
    return this.parts.reduce((sum, { summary }) => sum + (summary.marks[fault] ?? 0), 0);
  }

  /** Faults that no run was struck by, though some scenario of the campaign lets them strike. */
  neverFired(): readonly FaultName[] {
    const allowed = new Set(this.parts.flatMap(({ scenario }) => allowedFaults(catalog.find(({ name }) => name === scenario)!)));
    return faultNames.filter((fault) => allowed.has(fault) && this.fired(fault) === 0);
  }

  /** Why it did not pass; nothing when it did. */
  verdict(): readonly string[] {
    return [
      ...this.failures.map(({ scenario, seed, oracle, says }) => `${scenario}, seed ${seed}: ${oracle}: ${says}`),
      ...this.neverFired().map((fault) => `the fault ${fault} never struck`),
      ...this.parts.filter(({ goal, summary }) => summary.seeds < goal).map(({ scenario, goal, summary }) => `${scenario}: ${summary.seeds} of ${goal} seeds were run`),
    ];
  }
}

function shareOf({ name }: Scenario): number {
  return Object.hasOwn(SHARES, name) ? SHARES[name]! : 1;
}

/** What a campaign has come to so far, for a document: what was asked for and what was reached, then the tables. */
export function campaignSummary(campaign: Campaign): string {
  const number = (value: number) => value.toLocaleString('en');
  const goal = campaign.parts.reduce((sum, part) => sum + part.goal, 0);
  const [seeds, kinds] = [campaign.seeds, faultNames.filter((fault) => campaign.fired(fault) > 0).length];
  const reached = seeds >= goal ? `All ${number(goal)} seeds` : `${number(seeds)} of ${number(goal)} seeds so far`;
  return `${reached}; ${kinds} of ${faultNames.length} kinds of fault struck; ${campaign.failures.length} violations.\n\n${campaignTables(campaign)}`;
}

/** The figures of a campaign as Markdown tables: scenarios, then faults. */
export function campaignTables(campaign: Campaign): string {
  const number = (value: number) => Math.round(value).toLocaleString('en');
  const strikes = (marks: Readonly<Record<string, number>>) => faultNames.reduce((sum, fault) => sum + (marks[fault] ?? 0), 0);
  const row = (name: string, { seeds, wallMs, virtualMs, marks, failures }: Pick<SearchSummary, 'seeds' | 'wallMs' | 'virtualMs' | 'marks'> & { readonly failures: number }) =>
    `| ${name} | ${number(seeds)} | ${number(strikes(marks))} | ${number(virtualMs / 3_600_000)} | ${(wallMs / 3_600_000).toFixed(2)} | ${failures} |`;
  const scenarios = campaign.parts.filter(({ summary }) => summary.seeds > 0).map(({ scenario, summary }) => row(scenario, { ...summary, failures: summary.failures.length }));
  const all = campaign.parts.reduce((sum, { summary }) => ({ seeds: sum.seeds + summary.seeds, wallMs: sum.wallMs + summary.wallMs, virtualMs: sum.virtualMs + summary.virtualMs }), { seeds: 0, wallMs: 0, virtualMs: 0 });
  const marks = Object.fromEntries(faultNames.map((fault) => [fault, campaign.fired(fault)]));
  const faults = faultNames.map((fault) => `| \`${fault}\` | ${number(campaign.fired(fault))} |`);
  return [
    '| scenario | seeds | faults that struck | virtual hours | core hours | violations |', '|---|---|---|---|---|---|', ...scenarios, row('**all**', { ...all, marks, failures: campaign.failures.length }), '',
    '| fault | struck |', '|---|---|', ...faults, '',
  ].join('\n');
}
