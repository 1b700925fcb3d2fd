import type { NodeStateSpec } from '@vfleet/core';
import { isJsonObject, parseJson } from '@vfleet/core';

/** What the services of one boot came to. */
export interface BootResult {
  /** `InProgress`: the first has ended well, the second has not ended. */
  readonly syncStatus: 'InProgress' | 'Succeeded' | 'Failed';
  readonly lastSyncError: string;
  /** HostFacts of the boot in which it was written; empty when a writer did not say. */
  readonly bootId: string;
}

/** First line of a configuration that a daemon wrote: one that a person made by `vfleet host prepare` is not the daemon's to remove. */
const OURS = '# Written by the config daemon for configurationMode systemd; changes are overwritten.';

/** JSON, which is YAML too: there `0000:01:00.0` must be quoted, or it is a number of base 60 for readers of YAML 1.1. */
export function bootConfigurationText(spec: NodeStateSpec): string {
  return `${OURS}\n${JSON.stringify({ spec }, undefined, 2)}\n`;
}

export function isOwnBootConfiguration(text: string): boolean {
  return text.startsWith(`${OURS}\n`);
}

/** The spec of a configuration as {@link bootConfigurationText} writes it; undefined when it is another text. */
export function parseBootConfiguration(text: string): NodeStateSpec | undefined {
  const parsed = isOwnBootConfiguration(text) ? parseJson(text.slice(OURS.length)) : undefined;
  if (parsed?.ok !== true || !isJsonObject(parsed.value) || parsed.value['spec'] === undefined || !isJsonObject(parsed.value['spec'])) return undefined;
  // The daemon had it from an API server that holds it to the schema.
  return parsed.value['spec'] as NodeStateSpec;
}

export function bootResultText({ syncStatus, lastSyncError, bootId }: BootResult): string {
  return `syncStatus: ${syncStatus}\nlastSyncError: ${JSON.stringify(lastSyncError)}\nbootId: ${JSON.stringify(bootId)}\n`;
}

/** Undefined when it is no result. */
export function parseBootResult(text: string): BootResult | undefined {
  const status = /^syncStatus: (InProgress|Succeeded|Failed)$/m.exec(text)?.[1];
  if (status === undefined) return undefined;
  return { syncStatus: status as BootResult['syncStatus'], lastSyncError: quoted(text, 'lastSyncError'), bootId: quoted(text, 'bootId') };
}

function quoted(text: string, key: string): string {
  const parsed = parseJson(new RegExp(`^${key}: (".*")$`, 'm').exec(text)?.[1] ?? '""');
  return parsed.ok && typeof parsed.value === 'string' ? parsed.value : '';
}
