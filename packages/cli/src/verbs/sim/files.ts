import { readFileSync } from 'node:fs';
import type { Scenario } from '@vfleet/sim';
import { catalog, findScenario, parseScenario } from '@vfleet/sim';
import { parse } from 'yaml';
import { CliFailure } from '../../failure.ts';

/** A shipped scenario by its name, or one from a YAML file. */
export function scenarioOf(nameOrFile: string): Scenario {
  const shipped = findScenario(nameOrFile);
  if (shipped !== undefined) return shipped;
  if (!/\.(?:ya?ml|json)$/.test(nameOrFile)) throw new CliFailure(`there is no scenario ${nameOrFile}`, `Shipped are ${catalog.map(({ name }) => name).join(', ')}; a file ends in .yaml.`, 2);
  const parsed = parseScenario(readDocument(nameOrFile));
  if (parsed.ok) return parsed.value;
  throw new CliFailure(`${nameOrFile} is no scenario`, parsed.error.map(({ path, cause, remedy }) => `${path}: ${cause}: ${remedy}`).join('\n        '), 2);
}

/** A file's content as data. */
export function readDocument(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new CliFailure(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, 'Give the path of a file.', 2);
  }
  try {
    return parse(text);
  } catch (error) {
    throw new CliFailure(`${path} is no YAML: ${error instanceof Error ? error.message : String(error)}`, 'Correct the file.', 2);
  }
}
