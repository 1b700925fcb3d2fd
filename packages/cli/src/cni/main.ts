#!/usr/bin/env node
/**
 * The portable CNI executable (`sriov`, `ib-sriov` in /opt/cni/bin where the native one is not to be had): hands a call to the node's daemon,
 * or carries it out by itself where none runs. It loads next to nothing, since its start is part of every pod's.
 *
 *   VFLEET_CNI_SOCKET        the daemon's socket; default /run/vfleet/cni.sock
 *   VFLEET_CNI_STATE_FOLDER  where it keeps its journals when no daemon runs; default /var/lib/cni/vfleet, the daemon's own
 */
import { enableCompileCache } from 'node:module';

enableCompileCache();
const { errorText } = await import('./error-text.ts');
const { callDaemon } = await import('@vfleet/controllers/cni/edge/client.ts');
const { CNI_SOCKET, INPUT_BYTES_MAX } = await import('@vfleet/controllers/cni/edge/socket-protocol.ts');

/** Undefined when there is more than any network needs. */
async function readInput(): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of process.stdin as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > INPUT_BYTES_MAX) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

async function answer(): Promise<{ readonly status: number; readonly output: string }> {
  const input = await readInput();
  if (input === undefined) return { status: 1, output: errorText(6, 'the configuration on standard input is larger than 1 MiB', 'Correct the network.') };
  const variables = Object.entries(process.env).flatMap(([name, value]) => (name.startsWith('CNI_') && value !== undefined ? [[name, value] as const] : []));
  const call = { environment: Object.fromEntries(variables), input };
  const said = await callDaemon(process.env['VFLEET_CNI_SOCKET'] ?? CNI_SOCKET, call);
  if (said.kind === 'answer') return said.answer;
  if (said.kind === 'broken') return { status: 1, output: errorText(11, said.cause, 'The runtime tries again; what was begun is taken back.') };
  const { answerAlone } = await import('./stand-alone.ts');
  return answerAlone(call, process.env['VFLEET_CNI_STATE_FOLDER']);
}

const { status, output } = await answer();
process.exitCode = status;
process.stdout.write(output);
