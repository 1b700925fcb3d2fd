import { isUtf8 } from 'node:buffer';
import { badRequestError, unsupportedMediaTypeError } from '../errors/status.ts';
import type { StatusError } from '../errors/status.ts';
import { typeMetaProblem } from '../registry/type-meta.ts';
import type { TextProblem } from '../registry/request.ts';
import type { GoStruct } from '../schema/go-type.ts';
import { isObject } from '../values/json.ts';
import { decodeProtobuf, ProtobufError, readEnvelope } from './protobuf.ts';
import { goJsonError } from './go-json-error.ts';
import { scanJson } from './json-text.ts';

/** Objects nested deeper than this are refused: every walk over a value is recursive. */
const DEPTH_MAX = 512;

export interface ParsedBody {
  readonly value: unknown;
  readonly problems: readonly TextProblem[];
}

export type BodyFormat = 'json' | 'yaml' | 'protobuf';

/** The format of a Content-Type; JSON when there is none. Protobuf only where the type of the body is built in. */
export function bodyFormat(contentType: string | undefined, takesProtobuf: boolean): BodyFormat {
  const type = mediaTypeOf(contentType);
  if (type === '' || type === 'application/json') return 'json';
  if (type === 'application/yaml') return 'yaml';
  if (type === 'application/vnd.kubernetes.protobuf' && takesProtobuf) return 'protobuf';
  throw unsupportedMediaTypeError(`the body of the request was in an unknown format - accepted media types include: application/json, application/yaml${takesProtobuf ? ', application/vnd.kubernetes.protobuf' : ''}`);
}

/** Parses the body of a request for one kind, in whatever format it says it has. */
export async function parseTypedBody(bytes: Buffer, contentType: string | undefined, kind: string, goType: (() => GoStruct) | undefined): Promise<ParsedBody> {
  const format = bodyFormat(contentType, goType !== undefined);
  if (format === 'protobuf') return { value: parseProtobuf(bytes, goType!), problems: [] };
  const refusal = unrecognised(kind, bytes);
  const parsed = await parseBody(bytes, format, refusal);
  const problem = typeMetaProblem(parsed.value);
  if (problem !== undefined) throw refusal(problem);
  const apiVersion = isObject(parsed.value) ? parsed.value['apiVersion'] : undefined;
  if (typeof apiVersion === 'string' && apiVersion.split('/').length > 2) throw unrecognisedFor(kind, bytes, `unexpected GroupVersion string: ${apiVersion}`);
  return parsed;
}

function parseProtobuf(bytes: Buffer, goType: () => GoStruct): unknown {
  try {
    const { apiVersion, kind, raw } = readEnvelope(bytes);
    return { ...decodeProtobuf(raw, goType()), ...(apiVersion === '' ? {} : { apiVersion }), ...(kind === '' ? {} : { kind }) };
  } catch (error) {
    if (error instanceof ProtobufError) throw badRequestError(error.message);
    throw error;
  }
}

export function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? '').split(';')[0]!.trim().toLowerCase();
}

/** Parses a body; `refusal` words what the real server says when the text is none. */
export async function parseBody(bytes: Buffer, format: 'json' | 'yaml', refusal: (why: string) => StatusError): Promise<ParsedBody> {
  if (!isUtf8(bytes)) throw refusal('invalid UTF-8 in the body');
  const text = bytes.toString('utf8');
  return format === 'yaml' ? parseYaml(text, refusal) : parseJson(text, refusal);
}

function parseJson(text: string, refusal: (why: string) => StatusError): ParsedBody {
  const { duplicates, depth } = scanJson(text);
  if (depth > DEPTH_MAX) throw refusal(goJsonError(text, DEPTH_MAX));
  try {
    const value: unknown = JSON.parse(text);
    return { value: HALF_CHARACTER.test(text) ? wellFormed(value) : value, problems: duplicates.length === 0 ? NO_PROBLEMS : [...new Set(duplicates)].map(twice) };
  } catch {
    throw refusal(goJsonError(text));
  }
}

const NO_PROBLEMS: readonly TextProblem[] = [];

function twice(path: string): TextProblem {
  const said = `duplicate field "${path}"`;
  return { refusal: said, warnings: [said] };
}

/** An escape that may be half a character. Texts in Go are UTF-8, which has none: it becomes U+FFFD. */
const HALF_CHARACTER = /\\u[dD][89a-fA-F]/;

function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key.toWellFormed(), wellFormed(inner)])) : value;
}

/** Few enough aliases are taken that no small text becomes a large value. */
async function parseYaml(text: string, refusal: (why: string) => StatusError): Promise<ParsedBody> {
  // Loaded on first use: most clients send JSON, and starting shall be quick.
  const { readYaml } = await import('./yaml-text.ts');
  const read = readYaml(text);
  if (!read.ok) throw refusal(read.why);
  if (scanJson(read.json).depth > DEPTH_MAX) throw refusal('exceeded max depth');
  const { repeated } = read;
  return { value: JSON.parse(read.json) as unknown, problems: repeated.length === 0 ? NO_PROBLEMS : [{ refusal: `yaml: unmarshal errors:\n${repeated.map((line) => `  ${line}`).join('\n')}`, warnings: repeated }] };
}

/** The refusal of a body that shall be an object of `kind` and is no JSON at all. */
export function unrecognised(kind: string, bytes: Buffer): (why: string) => StatusError {
  return (why) => unrecognisedFor(kind, bytes, why.startsWith(YAML) ? why : `couldn't get version/kind; json parse error: ${why}`);
}

const YAML = 'yaml: ';

/** The same, where the text is JSON, for the reason given. */
export function unrecognisedFor(kind: string, bytes: Buffer, why: string): StatusError {
  return badRequestError(`the object provided is unrecognized (must be of type ${kind}): ${why} (${summary(bytes)})`);
}

const SUMMARY_MAX_BYTES = 30;

function summary(bytes: Buffer): string {
  if (bytes.length === 0) return '<empty>';
  const start = bytes.subarray(0, SUMMARY_MAX_BYTES);
  const text = bytes[0] === 0x7b ? start.toString('utf8') : start.toString('hex');
  return bytes.length > SUMMARY_MAX_BYTES ? `${text} ...` : text;
}
