// Goal: a call arrives as it was sent, in whatever pieces, and nothing that was cut off or is too large is taken for a call. Method: properties.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { INPUT_BYTES_MAX, VARIABLES_BYTES_MAX, answerReader, encodeAnswer, encodeRequest, requestReader } from '../../../src/cni/edge/socket-protocol.ts';
import type { MessageReader } from '../../../src/cni/edge/socket-protocol.ts';

const name = fc.stringMatching(/^CNI_[A-Z]{1,8}$/);
const value = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'));
const call = fc.record({ environment: fc.dictionary(name, value), input: fc.string({ unit: 'grapheme' }) }).map((one) => ({ ...one, environment: { ...one.environment } }));

function feed<Message>(reader: MessageReader<Message>, bytes: Buffer, cuts: readonly number[]) {
  const edges = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].toSorted((a, b) => a - b);
  const answers = edges.slice(1).map((end, index) => reader.push(bytes.subarray(edges[index], end)));
  expect(answers.slice(0, -1).every((answer) => answer === undefined)).toBe(true);
  return answers.at(-1);
}

test('calls and answers come out as they went in, however they are cut', () => {
  fc.assert(fc.property(call, fc.array(fc.nat()), (one, cuts) => {
    expect(feed(requestReader(), encodeRequest(one), cuts)).toEqual({ ok: true, value: one });
  }));
  fc.assert(fc.property(fc.constantFrom(0 as const, 1 as const), fc.string({ unit: 'grapheme' }), fc.array(fc.nat()), (status, output, cuts) => {
    expect(feed(answerReader(), encodeAnswer({ status, output }), cuts)).toEqual({ ok: true, value: { status, output } });
  }));
});

test('no beginning of a call is taken for a call', () => {
  fc.assert(fc.property(call, fc.nat(), (one, cut) => {
    const bytes = encodeRequest(one);
    expect(requestReader().push(bytes.subarray(0, cut % bytes.length))).toBeUndefined();
  }));
});

test('arbitrary bytes wait or are refused', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    const read = requestReader().push(Buffer.from(bytes));
    expect(read === undefined || !read.ok).toBe(true);
  }));
});

test.each([
  ['GET / HTTP/1.1\n', 'does not begin as a call'], ['vfleet-cni/2 0 0\n', 'of version 2'], [`vfleet-cni/1 ${VARIABLES_BYTES_MAX + 1} 0\n`, 'variables have'], [`vfleet-cni/1 0 ${INPUT_BYTES_MAX + 1}\n`, 'input has'],
  ['vfleet-cni/1 -1 0\n', 'does not begin'], ['x'.repeat(64), 'does not end'], ['vfleet-cni/1 0 1\nab', 'longer than'], ['vfleet-cni/1 7 0\nPATH=x\0', 'none of CNI'], ['vfleet-cni/1 4 0\nCNI_', 'none of CNI'],
])('%j is refused', (text, says) => {
  expect(requestReader().push(Buffer.from(text))).toMatchObject({ ok: false, error: expect.stringContaining(says) as string });
});
