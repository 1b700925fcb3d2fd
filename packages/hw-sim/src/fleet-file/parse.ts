import { fail, ok } from '@vfleet/core';
import type { Result } from '@vfleet/core';
import { subfunctionName } from '../model/names.ts';
import type { NodeHardwareSpec, PfSpec } from '../model/spec.ts';
import { findNicModel, nicModels } from '../personalities/index.ts';
import type { NicModel } from '../personalities/nic-model.ts';
import { placeAccelerators } from './accelerators.ts';
import { layOutCards } from './cards.ts';
import type { KnownEntry } from './cards.ts';
import { checkShape, PROBLEMS_MAX } from './check.ts';
import { nodeName } from './fleet-spec.ts';
import type { FleetSpec, NodeGroup } from './fleet-spec.ts';
import { problem } from './problem.ts';
import type { FleetProblem } from './problem.ts';
import { fleetFileSchema, NODES_MAX } from './schema.ts';
import type { FleetFile, NodeEntry, PfEntry } from './schema.ts';
import { didYouMean } from './suggest.ts';

/** Reads plain data (parsed YAML or JSON) as a fleet. All problems are reported at once, up to fifty. */
export function parseFleet(value: unknown): Result<FleetSpec, readonly FleetProblem[]> {
  const problems: FleetProblem[] = [];
  checkShape(fleetFileSchema.json, value, '', problems);
  if (problems.length > 0) return fail(problems);
  // checkShape has just shown that the value has this type.
  const file = value as FleetFile;
  const groups = file.nodes.flatMap((entry, index) => {
    const group = parseNode(entry, `nodes[${index}]`, problems);
    return group === undefined ? [] : [group];
  });
  const nodeCount = groups.reduce((sum, { count }) => sum + count, 0);
  if (nodeCount > NODES_MAX) problems.push(problem('nodes', `describes ${nodeCount} nodes`, `${NODES_MAX} at most`));
  else checkNames(groups, problems);
  return problems.length > 0 ? fail(problems.slice(0, PROBLEMS_MAX)) : ok({ nodeCount, groups });
}

function parseNode(entry: NodeEntry, path: string, problems: FleetProblem[]): NodeGroup | undefined {
  const own: FleetProblem[] = [];
  checkLabels(entry, path, own);
  const pfs = parsePfs(entry.pfs ?? [], `${path}.pfs`, own);
  const accelerators = placeAccelerators(entry.accelerators ?? [], pfs, `${path}.accelerators`, own);
  if (own.length > 0) {
    problems.push(...own);
    return undefined;
  }
  const hardware: Omit<NodeHardwareSpec, 'name'> = {
    labels: entry.labels ?? {},
    taints: entry.taints ?? [],
    cpuVendor: entry.cpuVendor ?? 'intel',
    kernelVersion: entry.kernelVersion ?? '6.12.0',
    kernelArguments: entry.kernelArguments ?? [],
    acs: entry.acs ?? true,
    rebootMs: (entry.rebootSeconds ?? 60) * 1000,
    pfs,
    ...(accelerators.length === 0 ? {} : { accelerators }),
  };
  return { ...naming(entry), count: entry.count ?? 1, hardware };
}

function naming(entry: NodeEntry): Pick<NodeGroup, 'namePrefix' | 'firstNumber' | 'digits'> {
  if (entry.count === undefined) return { namePrefix: entry.name, digits: 0 };
  const numbered = /^(.*?)(\d{1,9})$/.exec(entry.name);
  if (numbered === null) return { namePrefix: `${entry.name}-`, firstNumber: 0, digits: 1 };
  return { namePrefix: numbered[1]!, firstNumber: Number(numbered[2]), digits: numbered[2]!.length };
}

const LABEL_NAME = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_PREFIX = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/;
const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** As apimachinery's IsQualifiedName and IsValidLabelValue, so that the Node objects are accepted later. */
function checkLabels(entry: NodeEntry, path: string, problems: FleetProblem[]): void {
  const keys = [...Object.keys(entry.labels ?? {}).map((key) => [key, `${path}.labels.${key}`] as const), ...(entry.taints ?? []).map(({ key }, index) => [key, `${path}.taints[${index}].key`] as const)];
  for (const [key, at] of keys) {
    const parts = key.split('/');
    const valid = LABEL_NAME.test(parts.at(-1)!) && (parts.length === 1 || (parts.length === 2 && LABEL_PREFIX.test(parts[0]!)));
    if (!valid) problems.push(problem(at, 'is no label key', 'an optional DNS prefix and /, then up to 63 letters, digits, - _ .'));
  }
  for (const [key, text] of Object.entries(entry.labels ?? {})) {
    if (!LABEL_VALUE.test(text)) problems.push(problem(`${path}.labels.${key}`, 'is no label value', 'up to 63 letters, digits, - _ . that begin and end with a letter or digit'));
  }
}

function parsePfs(entries: readonly PfEntry[], path: string, problems: FleetProblem[]): readonly PfSpec[] {
  const known: KnownEntry[] = [];
  entries.forEach((entry, index) => {
    const at = `${path}[${index}]`;
    const model = findNicModel(entry.personality);
    if (model === undefined) problems.push(unknownPersonality(entry.personality, at));
    else if (checkPf(entry, model, at, problems)) known.push({ entry, model, path: at });
  });
  if (problems.length > 0) return [];
  const specs = layOutCards(known, problems);
  checkInterfaceNames(specs, path, problems);
  return problems.length > 0 ? [] : Object.freeze(specs);
}

function unknownPersonality(name: string, path: string): FleetProblem {
  const near = didYouMean(name, nicModels.flatMap((model) => [model.name, ...model.aliases]));
  const all = `known: ${nicModels.map((model) => model.name).join(', ')}`;
  return problem(`${path}.personality`, `${JSON.stringify(name)} is no NIC that is simulated`, near === undefined ? all : `did you mean ${near}? ${all}`);
}

function checkPf(entry: PfEntry, model: NicModel, path: string, problems: FleetProblem[]): boolean {
  const before = problems.length;
  const total = entry.totalVfs ?? model.totalVfs;
  if (total > model.maxTotalVfs) problems.push(problem(`${path}.totalVfs`, `${total} is more than a ${model.name} can offer`, `0 to ${model.maxTotalVfs}`));
  else if ((entry.numVfs ?? 0) > total) problems.push(problem(`${path}.numVfs`, `${entry.numVfs} is more than totalVfs`, `0 to ${total}`));
  if (entry.mtu !== undefined && (entry.mtu < model.minMtu || entry.mtu > model.maxMtu)) {
    problems.push(problem(`${path}.mtu`, `${entry.mtu} is not possible on a ${model.name}`, `${model.minMtu} to ${model.maxMtu}`));
  }
  if ((entry.subfunctions ?? 0) > 0 && model.pfDriver !== 'mlx5_core') {
    problems.push(problem(`${path}.subfunctions`, `a ${model.name} has no subfunctions`, 'use a card with the driver mlx5_core, or leave them out'));
  }
  if (entry.linkType !== undefined && !model.linkTypes.includes(entry.linkType)) {
    problems.push(problem(`${path}.linkType`, `a ${model.name} has no ${entry.linkType} ports`, `one of ${model.linkTypes.join(', ')}`));
  }
  return problems.length === before;
}

function checkInterfaceNames(specs: readonly PfSpec[], path: string, problems: FleetProblem[]): void {
  const seen = new Map<string, string>();
  for (const { name, altNames, pciAddress, subfunctions = 0 } of specs) {
    const ofSubfunctions = Array.from({ length: subfunctions }, (_, number) => subfunctionName({ name, pciAddress }, number));
    for (const taken of [name, ...altNames, ...ofSubfunctions]) {
      const other = seen.get(taken);
      if (other !== undefined) problems.push(problem(path, `${other} and ${pciAddress} are both named ${taken}`, 'interface names and alternative names are unique on a node'));
      seen.set(taken, pciAddress);
    }
  }
}

function checkNames(groups: readonly NodeGroup[], problems: FleetProblem[]): void {
  const seen = new Set<string>();
  for (const group of groups) {
    for (let index = 0; index < group.count; index++) {
      const name = nodeName(group, index);
      if (seen.has(name)) {
        problems.push(problem('nodes', `two nodes are named ${name}`, 'give every node a name of its own, or count on from another number'));
        return;
      }
      seen.add(name);
    }
  }
}
