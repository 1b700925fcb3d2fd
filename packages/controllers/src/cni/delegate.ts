import { ok, parseJson } from '@vfleet/core';
import type { AttachFailure, Result } from '@vfleet/core';
import { asObject, field } from '../json/fields.ts';
import type { JsonObject } from '../json/fields.ts';
import { cniCodes, failure } from './failure.ts';
import type { PluginRunner } from './plugin-runner.ts';
import { emptyResult, parseResult } from './spec/result.ts';
import type { SpecResult } from './spec/result.ts';
import { OLDEST_VERSION, isCniVersion } from './spec/versions.ts';

/** One call of another plugin. */
export interface DelegateCall {
  readonly command: 'ADD' | 'DEL' | 'CHECK' | 'STATUS' | 'GC';
  readonly type: string;
  /** With `cniVersion`, `name` and, where there is one, `prevResult`. */
  readonly config: JsonObject;
  readonly containerId: string;
  readonly ifname: string;
  readonly netns: string;
  readonly cniArgs: Readonly<Record<string, string>>;
}

/** Runs another plugin and reads what it answers; all but ADD answer with an empty result. */
export async function delegate(runner: PluginRunner, call: DelegateCall): Promise<Result<SpecResult, AttachFailure>> {
  const { command, type, config, containerId, ifname, netns, cniArgs } = call;
  const outcome = await runner.run({
    type,
    environment: { CNI_COMMAND: command, CNI_CONTAINERID: containerId, CNI_IFNAME: ifname, CNI_NETNS: netns, CNI_ARGS: Object.entries(cniArgs).map(([name, value]) => `${name}=${value}`).join(';') },
    input: JSON.stringify(config),
  });
  if (outcome.kind === 'failed') return failure(cniCodes.io, outcome.cause, 'Install the plugin on the node, or remove it from the network; its own log may say more.');
  const parsed = outcome.output.trim() === '' ? undefined : parseJson(outcome.output);
  const answer = parsed?.ok ? asObject(parsed.value) : undefined;
  if (outcome.status !== 0) return refusal(type, outcome.status, answer);
  if (command !== 'ADD') return ok(emptyResult);
  const version = answer === undefined ? undefined : (field(answer, 'cniVersion') ?? field(config, 'cniVersion') ?? OLDEST_VERSION);
  if (answer === undefined || typeof version !== 'string' || !isCniVersion(version)) return nonsense(type, 'it printed no result');
  const result = parseResult(answer, version);
  return result.ok ? result : nonsense(type, result.error);
}

function refusal(type: string, status: number, answer: JsonObject | undefined): { readonly ok: false; readonly error: AttachFailure } {
  const [code, msg, details] = ['code', 'msg', 'details'].map((name) => (answer === undefined ? undefined : field(answer, name)));
  const said = [msg, details].filter((text) => typeof text === 'string' && text !== '').join('; ');
  return failure(typeof code === 'number' && Number.isInteger(code) && code > 0 ? code : cniCodes.io, `the plugin "${type}" failed: ${said === '' ? `exit status ${status}` : said}`, `Look at what "${type}" needs; it is not part of vfleet.`);
}

function nonsense(type: string, cause: string): { readonly ok: false; readonly error: AttachFailure } {
  return failure(cniCodes.undecodable, `the answer of the plugin "${type}" cannot be understood: ${cause}`, 'Install a release of it that speaks the network\'s cniVersion.');
}
