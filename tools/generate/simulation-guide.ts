import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FaultFamily, Judgement } from '@vfleet/sim';
import { catalog, faultCatalog, faultNames, oracles, properties } from '@vfleet/sim';
import type { PlantedResult } from '../../test/simulation/planted/results.ts';
import type { Generator } from './generator.ts';

const root = join(import.meta.dirname, '../..');
const FAMILIES: Readonly<Record<FaultFamily, string>> = { kube: 'What a process sees of Kubernetes', process: 'Processes', hardware: 'Hardware', node: 'Nodes, kubelets and runtimes', people: 'People' };

/** docs/simulation.md: the guide beside this file, with the tables that the code holds. */
export const simulationGuide: Generator = {
  name: 'simulation guide',
  outputs: () => new Map([['docs/simulation.md', `<!-- Written by \`npm run generate\` from tools/generate/simulation-guide.md and packages/sim: change it there. -->\n${filled(textOf('tools/generate/simulation-guide.md'))}`]]),
};

function filled(text: string): string {
  const tables: Readonly<Record<string, () => string>> = { scenarios, faults, oracles: judged, planted, campaign: () => textOf('test/simulation/campaign.md').trimEnd() };
  return text.replace(/^\{\{(\w+)\}\}$/gm, (_, name: string) => {
    if (!Object.hasOwn(tables, name)) throw new RangeError(`the guide asks for a table ${name} that nobody makes`);
    return tables[name]!();
  });
}

function textOf(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(headings), `|${'---|'.repeat(headings.length)}`, ...rows.map(line)].join('\n');
}

function scenarios(): string {
  const nodesOf = (fleet: (typeof catalog)[number]['fleet']) => fleet.nodes.reduce((sum, node) => sum + Number(node['count'] ?? 1), 0).toLocaleString('en');
  return table(['scenario', 'nodes', 'story'], catalog.map(({ name, summary, fleet }) => [`\`${name}\``, nodesOf(fleet), summary]));
}

function faults(): string {
  const families = Object.keys(FAMILIES) as readonly FaultFamily[];
  return families.map((family) => `### ${FAMILIES[family]}\n\n${table(['fault', 'what goes wrong'], faultNames.filter((name) => faultCatalog[name].family === family).map((name) => [`\`${name}\``, faultCatalog[name].says]))}`).join('\n\n');
}

function judged(): string {
  const isWatching = (one: Judgement) => oracles.some(({ name }) => name === one.name);
  return table(['oracle', 'property', 'judged'], properties.map((one) => [`\`${one.name}\``, one.property, isWatching(one) ? 'while it happens, or at rest' : 'by the run']));
}

function planted(): string {
  // The file is written by `npm run campaign -- --planted`.
  const results = JSON.parse(textOf('test/simulation/planted/results.json')) as readonly PlantedResult[];
  return table(['defect', 'scenario', 'named by', 'seeds', 'seconds'], results.map(({ says, scenario, oracle, seeds, seconds }) => [says, `\`${scenario}\``, `\`${oracle}\``, String(seeds), seconds.toFixed(1)]));
}
