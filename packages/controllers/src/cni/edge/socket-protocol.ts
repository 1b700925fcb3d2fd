import { fail, ok } from '@vfleet/core';
import type { Result } from '@vfleet/core';
import type { CniAnswer } from '../calls.ts';
import type { RawCall } from '../spec/call.ts';

/**
 * What the executables in /opt/cni/bin and the daemon say to each other, one call a connection. Made so that a hundred lines of C speak it:
 *
 *     request   vfleet-cni/1 <bytes of variables> <bytes of input>\n   NAME=value\0 …   input
 *     answer    <exit status> <bytes of output>\n   output
 *
 * Both sides know from the first line how much is to come, so nothing that was cut off is taken for whole. The variables are those
 * of the process that begin with `CNI_`.
 */
export const CNI_SOCKET = '/run/vfleet/cni.sock';

const GREETING = 'vfleet-cni/1';
const HEADER_BYTES_MAX = 64;
export const VARIABLES_BYTES_MAX = 128 << 10;
export const INPUT_BYTES_MAX = 1 << 20;
export const OUTPUT_BYTES_MAX = 4 << 20;

export function encodeRequest({ environment, input }: RawCall): Buffer {
  const variables = Buffer.from(Object.entries(environment).map(([name, value]) => `${name}=${value}\0`).join(''), 'utf8');
  const body = Buffer.from(input, 'utf8');
  return Buffer.concat([Buffer.from(`${GREETING} ${variables.length} ${body.length}\n`), variables, body]);
}

export function encodeAnswer({ status, output }: CniAnswer): Buffer {
  const body = Buffer.from(output, 'utf8');
  return Buffer.concat([Buffer.from(`${status} ${body.length}\n`), body]);
}

/** A reader of one message that arrives in pieces: undefined while more must come, a sentence when it cannot become one. */
export interface MessageReader<Message> {
  push(bytes: Buffer): Result<Message, string> | undefined;
}

export function requestReader(): MessageReader<RawCall> {
  return reader((header) => {
    const match = /^vfleet-cni\/(\d+) (\d{1,9}) (\d{1,9})$/.exec(header);
    if (match === null) return fail('it does not begin as a call');
    if (match[1] !== '1') return fail(`it is of version ${match[1]}, and this daemon speaks version 1`);
    const [variables, input] = [Number(match[2]), Number(match[3])];
    if (variables > VARIABLES_BYTES_MAX) return fail(`its variables have ${variables} bytes, and ${VARIABLES_BYTES_MAX} are allowed`);
    if (input > INPUT_BYTES_MAX) return fail(`its input has ${input} bytes, and ${INPUT_BYTES_MAX} are allowed`);
    return ok({ bytes: variables + input, finish: (body) => rawCall(body.subarray(0, variables), body.subarray(variables)) });
  });
}

export function answerReader(): MessageReader<CniAnswer> {
  return reader((header) => {
    const match = /^([01]) (\d{1,9})$/.exec(header);
    const bytes = Number(match?.[2]);
    if (match === null || bytes > OUTPUT_BYTES_MAX) return fail('it does not begin as an answer');
    return ok({ bytes, finish: (body) => ok({ status: match[1] === '0' ? 0 : 1, output: body.toString('utf8') }) });
  });
}

interface Body<Message> {
  readonly bytes: number;
  readonly finish: (body: Buffer) => Result<Message, string>;
}

function reader<Message>(parseHeader: (header: string) => Result<Body<Message>, string>): MessageReader<Message> {
  let pieces: Buffer[] = [];
  let length = 0;
  let body: Body<Message> | undefined;
  return {
    push(bytes) {
      pieces.push(bytes);
      length += bytes.length;
      if (body === undefined) {
        const all = Buffer.concat(pieces);
        const end = all.subarray(0, HEADER_BYTES_MAX).indexOf('\n');
        if (end < 0) return all.length < HEADER_BYTES_MAX ? undefined : fail('its first line does not end');
        const header = parseHeader(all.toString('latin1', 0, end));
        if (!header.ok) return header;
        body = header.value;
        pieces = [all.subarray(end + 1)];
        length = all.length - end - 1;
      }
      if (length < body.bytes) return undefined;
      return length > body.bytes ? fail('it is longer than its first line says') : body.finish(Buffer.concat(pieces));
    },
  };
}

function rawCall(variables: Buffer, input: Buffer): Result<RawCall, string> {
  const pairs: [string, string][] = [];
  for (const item of variables.toString('utf8').split('\0')) {
    if (item === '') continue;
    const equals = item.indexOf('=');
    if (equals < 1 || !item.startsWith('CNI_')) return fail('it has a variable that is none of CNI\'s');
    pairs.push([item.slice(0, equals), item.slice(equals + 1)]);
  }
  return ok({ environment: Object.fromEntries(pairs), input: input.toString('utf8') });
}
