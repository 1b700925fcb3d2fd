import { connect } from 'node:net';
import type { CniAnswer } from '../calls.ts';
import type { RawCall } from '../spec/call.ts';
import { answerReader, encodeRequest } from './socket-protocol.ts';

/** How a call to the daemon went: an answer, nobody there, or a connection that broke, after which nobody knows what was done. */
export type DaemonAnswer = { readonly kind: 'answer'; readonly answer: CniAnswer } | { readonly kind: 'noDaemon' } | { readonly kind: 'broken'; readonly cause: string };

/** Longer than anything that the daemon waits for by itself. */
const ANSWER_TIMEOUT_MS = 110_000;

/** Calls the daemon once. Never rejects. */
export function callDaemon(path: string, call: RawCall): Promise<DaemonAnswer> {
  return new Promise((resolve) => {
    const answers = answerReader();
    const socket = connect(path);
    let connected = false;
    const settle = (answer: DaemonAnswer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => settle({ kind: 'broken', cause: 'the daemon did not answer in time' }));
    socket.on('connect', () => {
      connected = true;
      socket.write(encodeRequest(call));
    });
    socket.on('error', (error) => settle(connected ? { kind: 'broken', cause: error.message } : { kind: 'noDaemon' }));
    socket.on('end', () => settle({ kind: 'broken', cause: 'the daemon closed the connection without an answer' }));
    socket.on('data', (bytes: Buffer) => {
      const answer = answers.push(bytes);
      if (answer !== undefined) settle(answer.ok ? { kind: 'answer', answer: answer.value } : { kind: 'broken', cause: `the daemon's answer cannot be read: ${answer.error}` });
    });
  });
}
