import { ok, parseJson } from '@vfleet/core';
import type { AttachFailure, Result } from '@vfleet/core';
import { asObject, field } from '../../json/fields.ts';
import type { JsonObject } from '../../json/fields.ts';
import { cniCodes, failure, invalidConfig } from '../failure.ts';
import { checkOwner } from '../vf-record.ts';
import { CNI_VERSIONS, OLDEST_VERSION, isAtLeast, isCniVersion } from './versions.ts';
import type { CniVersion } from './versions.ts';

/** One execution of a plugin as it came: variables and standard input. */
export interface RawCall {
  readonly environment: Readonly<Record<string, string>>;
  readonly input: string;
}

interface NetworkCall {
  readonly version: CniVersion;
  readonly name: string;
  readonly config: JsonObject;
}

interface AttachmentCall extends NetworkCall {
  readonly containerId: string;
  readonly ifname: string;
  readonly cniArgs: Readonly<Record<string, string>>;
}

/** One execution of a plugin, understood (CNI specification 1.1.0 §"Parameters" and §2). */
export type CniCall =
  | (AttachmentCall & { readonly command: 'ADD'; readonly netns: string })
  | (AttachmentCall & { readonly command: 'CHECK'; readonly netns: string })
  /** Without a namespace, the sandbox is gone already. */
  | (AttachmentCall & { readonly command: 'DEL'; readonly netns: string | undefined })
  | (NetworkCall & { readonly command: 'STATUS' })
  | (NetworkCall & { readonly command: 'GC' })
  | { readonly command: 'VERSION'; readonly version: CniVersion };

const COMMANDS = ['ADD', 'DEL', 'CHECK', 'STATUS', 'GC', 'VERSION'] as const;
type Command = (typeof COMMANDS)[number];

/** Variables that must be there, and the version that brought the command (CNI specification, "CNI operations"). */
const NEEDS: Readonly<Record<Command, { readonly variables: readonly string[]; readonly since: CniVersion }>> = {
  ADD: { variables: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME'], since: '0.1.0' },
  DEL: { variables: ['CNI_CONTAINERID', 'CNI_IFNAME'], since: '0.1.0' },
  CHECK: { variables: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME'], since: '0.4.0' },
  STATUS: { variables: [], since: '1.1.0' },
  GC: { variables: [], since: '1.1.0' },
  VERSION: { variables: [], since: '0.1.0' },
};

const RUNTIME = 'This is a mistake of the container runtime, or of whoever runs the plugin by hand.';

/** Reads a call; refuses with the code that the specification has for it. */
export function parseCall({ environment, input }: RawCall): Result<CniCall, AttachFailure> {
  const variable = (name: string) => (Object.hasOwn(environment, name) && environment[name] !== '' ? environment[name] : undefined);
  const given = variable('CNI_COMMAND');
  const command = COMMANDS.find((one) => one === given);
  if (given === undefined) return failure(cniCodes.invalidEnvironment, 'the variable CNI_COMMAND is not set', 'CNI plugins are run by a container runtime; by hand, try cnitool.');
  if (command === undefined) return failure(cniCodes.invalidEnvironment, `CNI_COMMAND is ${JSON.stringify(given)}; known are ${COMMANDS.join(', ')}`, RUNTIME);
  if (command === 'VERSION') return parseVersionCall(input);
  const missing = NEEDS[command].variables.filter((name) => variable(name) === undefined);
  if (missing.length > 0) return failure(cniCodes.invalidEnvironment, `CNI_COMMAND is ${command} and ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not set`, RUNTIME);
  const network = parseNetwork(input, command);
  if (!network.ok) return network;
  if (command === 'STATUS' || command === 'GC') return ok({ command, ...network.value });
  const owner = { containerId: variable('CNI_CONTAINERID')!, ifname: variable('CNI_IFNAME')! };
  const valid = checkOwner(owner);
  if (!valid.ok) return valid;
  const cniArgs = parseCniArgs(variable('CNI_ARGS') ?? '');
  if (!cniArgs.ok) return cniArgs;
  const common = { ...network.value, ...owner, cniArgs: cniArgs.value };
  return ok(command === 'DEL' ? { ...common, command, netns: variable('CNI_NETNS') } : { ...common, command, netns: variable('CNI_NETNS')! });
}

/** The version in the input only chooses the words of the answer, so anything that is none of ours counts as none. */
function parseVersionCall(input: string): Result<CniCall, AttachFailure> {
  const parsed = input.trim() === '' ? undefined : parseJson(input);
  const object = parsed?.ok ? asObject(parsed.value) : undefined;
  if (parsed !== undefined && object === undefined) return undecodable(parsed.ok ? 'it is no JSON object' : `line ${parsed.error.line}, column ${parsed.error.column}: ${parsed.error.cause}`);
  const version = object === undefined ? undefined : field(object, 'cniVersion');
  return ok({ command: 'VERSION', version: typeof version === 'string' && isCniVersion(version) ? version : CNI_VERSIONS.at(-1)! });
}

function parseNetwork(input: string, command: Command): Result<NetworkCall, AttachFailure> {
  if (input.trim() === '') return undecodable('it is empty');
  const parsed = parseJson(input);
  if (!parsed.ok) return undecodable(`line ${parsed.error.line}, column ${parsed.error.column}: ${parsed.error.cause}`);
  const config = asObject(parsed.value);
  if (config === undefined) return undecodable('it is no JSON object');
  const given = field(config, 'cniVersion');
  const text = given === undefined || given === null || given === '' ? OLDEST_VERSION : given;
  if (typeof text !== 'string') return undecodable('"cniVersion" is no string');
  if (!isCniVersion(text)) return failure(cniCodes.incompatibleVersion, `CNI version ${text} is not supported`, `Set cniVersion in the network to one of ${CNI_VERSIONS.join(', ')}.`);
  if (!isAtLeast(text, NEEDS[command].since)) return failure(cniCodes.incompatibleVersion, `CNI version ${text} has no ${command}`, `Set cniVersion in the network to ${NEEDS[command].since} or newer.`);
  const name = field(config, 'name');
  if (typeof name !== 'string' || name === '') return invalidConfig('the configuration has no "name"');
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name)) return invalidConfig(`the network name ${JSON.stringify(name)} is not allowed: letters, digits, "_", "." and "-" only`);
  return ok({ version: text, name, config });
}

function undecodable(cause: string): { readonly ok: false; readonly error: AttachFailure } {
  return failure(cniCodes.undecodable, `the configuration on standard input cannot be read: ${cause}`, 'Correct the network: the SriovNetwork that renders it, or spec.config of the NetworkAttachmentDefinition.');
}

/** CNI_ARGS: `KEY=value;KEY2=value2`. */
export function parseCniArgs(text: string): Result<Readonly<Record<string, string>>, AttachFailure> {
  const pairs: [string, string][] = [];
  for (const part of text.split(';')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    if (equals < 1) return failure(cniCodes.invalidEnvironment, `CNI_ARGS has ${JSON.stringify(part)}, which is no KEY=value`, RUNTIME);
    pairs.push([part.slice(0, equals), part.slice(equals + 1)]);
  }
  return ok(Object.fromEntries(pairs));
}
