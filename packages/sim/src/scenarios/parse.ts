import type { Result } from '@vfleet/core';
import { fail, ok } from '@vfleet/core';
import type { FleetProblem } from '@vfleet/hw-sim';
import { parseFleet } from '@vfleet/hw-sim';
import { checkShape } from '@vfleet/hw-sim/fleet-file/check.ts';
import { faultCatalog, faultNames, isFaultName } from '../faults/catalog.ts';
import { kindNames } from './kinds.ts';
import type { Scenario } from './scenario.ts';
import { ACTION_FIELDS, scenarioSchema } from './schema.ts';

type Fields = Readonly<Record<string, unknown>>;
const problem = (path: string, cause: string, remedy: string): FleetProblem => ({ path, cause, remedy });

/** Reads plain data (parsed YAML or JSON) as a scenario. All problems are reported at once, each with its path in the file. */
export function parseScenario(value: unknown): Result<Scenario, readonly FleetProblem[]> {
  const problems: FleetProblem[] = [];
  const file = asFields(value);
  if (file === undefined) return fail([problem('(file)', 'is no map', 'write fields: name, summary, fleet, objects, faults, …')]);
  const { fleet, objects, steps, ...shaped } = file;
  checkShape(scenarioSchema.json, { ...shaped, ...(Array.isArray(steps) ? { steps: steps.map(stepHead) } : steps === undefined ? {} : { steps }) }, '', problems);
  checkFleet(fleet, problems);
  checkObjects(objects, 'objects', problems);
  if (Array.isArray(steps)) steps.forEach((step, index) => checkStep(asFields(step), `steps[${index}]`, problems));
  checkFaults(asFields(file['faults']), problems);
  if (problems.length > 0) return fail(problems);
  const told = Array.isArray(steps) ? steps.map((step: Fields) => { const { atMs, ...action } = step; return { atMs, action }; }) : undefined;
  // Every field has just been checked.
  return ok({ ...file, ...(told === undefined ? {} : { steps: told }) } as unknown as Scenario);
}

function asFields(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

function stepHead(step: unknown): unknown {
  const fields = asFields(step);
  return fields === undefined ? step : { ...('atMs' in fields ? { atMs: fields['atMs'] } : {}), ...('do' in fields ? { do: fields['do'] } : {}) };
}

function checkFleet(fleet: unknown, problems: FleetProblem[]): void {
  if (fleet === undefined) {
    problems.push(problem('fleet', 'is missing', 'write nodes as in a fleet file'));
    return;
  }
  const parsed = parseFleet(fleet);
  if (!parsed.ok) problems.push(...parsed.error.map((one) => ({ ...one, path: `fleet.${one.path}` })));
}

function checkObjects(objects: unknown, path: string, problems: FleetProblem[]): void {
  if (!Array.isArray(objects)) {
    problems.push(problem(path, objects === undefined ? 'is missing' : 'is no list', 'write a list of Kubernetes objects'));
    return;
  }
  objects.forEach((object, index) => {
    const fields = asFields(object);
    const metadata = asFields(fields?.['metadata']);
    if (typeof fields?.['apiVersion'] !== 'string') problems.push(problem(`${path}[${index}].apiVersion`, 'is missing', 'for example sriovnetwork.openshift.io/v1'));
    if (!kindNames.includes(String(fields?.['kind']))) problems.push(problem(`${path}[${index}].kind`, `${JSON.stringify(fields?.['kind'])} is no kind that a scenario applies`, `one of ${kindNames.join(', ')}`));
    if (typeof metadata?.['name'] !== 'string') problems.push(problem(`${path}[${index}].metadata.name`, 'is missing', 'name the object'));
  });
}

function checkStep(step: Fields | undefined, path: string, problems: FleetProblem[]): void {
  const action = step?.['do'];
  if (step === undefined || typeof action !== 'string' || !Object.hasOwn(ACTION_FIELDS, action)) return;
  const needed = ACTION_FIELDS[action as keyof typeof ACTION_FIELDS];
  for (const name of needed) if (!Object.hasOwn(step, name)) problems.push(problem(`${path}.${name}`, 'is missing', `${action} needs ${needed.join(', ')}`));
  for (const name of Object.keys(step)) if (!['atMs', 'do', 'namespace', ...needed].includes(name)) problems.push(problem(`${path}.${name}`, 'is no field here', `${action} takes ${needed.join(', ')}`));
  if (action === 'apply') checkObjects(step['objects'], `${path}.objects`, problems);
}

function checkFaults(faults: Fields | undefined, problems: FleetProblem[]): void {
  const families = new Set<string>(faultNames.map((name) => faultCatalog[name].family));
  for (const field of ['allow', 'deny']) {
    const names: readonly unknown[] = Array.isArray(faults?.[field]) ? faults[field] : [];
    names.forEach((name, index) => {
      if (typeof name !== 'string' || isFaultName(name) || (field === 'allow' && families.has(name))) return;
      problems.push(problem(`faults.${field}[${index}]`, `${name} is no known fault`, `families: ${[...families].join(', ')}; faults: ${faultNames.join(', ')}`));
    });
  }
}
