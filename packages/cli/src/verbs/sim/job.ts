import { readFileSync } from 'node:fs';
import { findScenario, SHARDS_MAX, searchJob } from '@vfleet/sim';
import type { CliContext } from '../../context.ts';
import { CliFailure } from '../../failure.ts';
import { renderDocument } from '../../output/document.ts';
import { scenarioOf } from './files.ts';
import type { JobVerbOptions } from './job-command.ts';

/** Parts for each pod that runs at a time, where nobody says otherwise. */
const SHARDS_A_POD = 4;
/** Hostnames of the pods are the Job's name with its highest index: a DNS label (kubernetes pkg/apis/batch/validation, ValidateJob). */
const LABEL_MAX = 63;
/** A ConfigMap holds a MiB; the manifest around the text is small. */
const SCENARIO_BYTES_MAX = 1_000_000;

/** `vfleet sim job`: prints the manifest, and touches no cluster. */
export function job(nameOrFile: string, options: JobVerbOptions, { terminal }: CliContext): number {
  const { seeds, from, parallelism, workers, retries, image, namespace, output } = options;
  const scenario = nameOrFile === 'all' ? 'all' : scenarioOf(nameOrFile).name;
  const shards = options.indexes ?? Math.min(seeds, SHARDS_MAX, SHARDS_A_POD * parallelism);
  if (shards > seeds) throw new CliFailure(`${shards} indexes cannot share ${seeds} seeds`, 'Ask for fewer indexes, or for more seeds.', 2);
  const name = options.name ?? `vfleet-search-${scenario}`;
  const hostname = `${name}-${shards - 1}`;
  if (!/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name) || hostname.length > LABEL_MAX) throw new CliFailure(`${name} is no name for the Job`, `Its pods are called ${hostname}: at most ${LABEL_MAX} lower-case letters, digits and dashes. Give another --name.`, 2);
  const isFile = nameOrFile !== 'all' && findScenario(nameOrFile) === undefined;
  const text = isFile ? readFileSync(nameOrFile, 'utf8') : undefined;
  if (text !== undefined && Buffer.byteLength(text) > SCENARIO_BYTES_MAX) throw new CliFailure(`${nameOrFile} does not fit into a ConfigMap`, `It has more than ${SCENARIO_BYTES_MAX} bytes: build it into the image.`, 2);
  const objects = searchJob({ name, namespace, scenario, from, seeds, shards, parallelism, workers, retries, image, ...(text !== undefined && { scenarioFile: text }) });
  const items = { apiVersion: 'v1', kind: 'List', items: objects };
  terminal.out(output === 'json' ? renderDocument(objects.length === 1 ? objects[0] : items, 'json') : objects.map((object) => renderDocument(object, 'yaml')).join('---\n'));
  return 0;
}
