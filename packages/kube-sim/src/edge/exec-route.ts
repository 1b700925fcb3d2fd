import type { Duplex } from 'node:stream';
import { badRequestError, internalError, StatusError, unknownPathError } from '../errors/status.ts';
import type { CommandResult } from '../inside/command-result.ts';
import { runCommand } from '../inside/run-command.ts';
import type { Core, ObjectTarget } from '../registry/core.ts';
import type { Exchange } from './exchange.ts';
import { booleanOption } from './options.ts';
import { podContainerOf } from './pod-container.ts';
import { parseResourcePath } from './request-info.ts';
import { handshakeOf, WebSocketConnection } from './websocket/connection.ts';

/** Streams of a process, each with the first byte of its messages (apimachinery pkg/util/remotecommand). */
const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** The first is what kubectl asks for since 1.30; it can also say that its standard input has ended (KEP-4006). */
const PROTOCOLS: readonly string[] = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];

/** Output larger than this goes in several messages, which every client takes. */
const MESSAGE_BYTES = 32 * 1024;

/** Subresources of pods that are streams. */
export const STREAMED: readonly string[] = ['exec', 'attach', 'portforward'];

/** Whether a request that asks to be upgraded is for one of the subresources that are streams. */
export function isStreamPath(segments: readonly string[]): boolean {
  const path = parseResourcePath(segments);
  return path !== undefined && path.group === '' && path.plural === 'pods' && path.name !== undefined && STREAMED.includes(path.subresource);
}

/** The same requests without an upgrade this server knows: SPDY of old clients, or none. */
export function refuseStream(core: Core, exchange: Exchange, target: ObjectTarget, subresource: string): never {
  checkStream(core, exchange, target, subresource);
  if (/^spdy/i.test(exchange.header('upgrade') ?? '')) throw badRequestError('this server streams over WebSockets only (v5.channel.k8s.io): use kubectl 1.31 or newer, or set KUBECTL_REMOTE_COMMAND_WEBSOCKETS=true');
  throw badRequestError('Upgrade request required');
}

/** An upgraded connection for exec. What is refused is thrown before anything is upgraded. */
export function serveUpgrade(core: Core, exchange: Exchange, socket: Duplex, head: Buffer): void {
  const path = parseResourcePath(exchange.segments);
  const resource = path === undefined ? undefined : core.registry.find(path.group, path.version, path.plural);
  if (path?.name === undefined || resource === undefined) throw unknownPathError();
  const target: ObjectTarget = { resource, name: path.name, ...(path.namespace === undefined ? {} : { namespace: path.namespace }) };
  const container = checkStream(core, exchange, target, path.subresource);
  const handshake = handshakeOf(exchange.request, PROTOCOLS);
  if (handshake === undefined) throw badRequestError(`this server speaks version 13 of WebSockets with the protocols ${PROTOCOLS.join(' and ')}`);
  const connection = new WebSocketConnection(socket, handshake);
  connection.receive(head);
  const inside = container.inside();
  const finished = inside?.run.finishedAtMs !== undefined;
  if (inside === undefined || finished) return finish(connection, internalError(`unable to upgrade connection: container not found ("${container.name}")`).status);
  const result = runCommand(exchange.query.getAll('command'), inside);
  const isTerminal = booleanOption(exchange.query, 'tty') === true;
  // A terminal has one output, and its lines end in both characters.
  if (isTerminal) sendText(connection, channels.stdout, (result.out + result.err).replaceAll('\n', '\r\n'));
  else {
    if (booleanOption(exchange.query, 'stdout') === true) sendText(connection, channels.stdout, result.out);
    if (booleanOption(exchange.query, 'stderr') === true) sendText(connection, channels.stderr, result.err);
  }
  finish(connection, statusOf(result));
}

/** What the API server itself checks of exec, attach and portforward. */
function checkStream(core: Core, { query }: Exchange, target: ObjectTarget, subresource: string): ReturnType<typeof podContainerOf> {
  const container = podContainerOf(core, target, subresource === 'portforward' ? firstContainer(core, target) : (query.get('container') ?? ''));
  if (subresource !== 'exec') throw new StatusError('MethodNotAllowed', 405, `${subresource} is not served: pods are simulated and nothing runs in them; \`kubectl exec\` answers questions about their network`);
  if (query.getAll('command').length === 0) throw badRequestError('you must specify at least one command for the container');
  if (!['stdin', 'stdout', 'stderr'].some((stream) => booleanOption(query, stream) === true)) throw badRequestError('you must specify at least one of stdin, stdout, stderr');
  if (container.nodeName === '') throw badRequestError(`pod ${target.name} does not have a host assigned`);
  return container;
}

/** Ports are the pod's, not a container's: any container will do. */
function firstContainer(core: Core, target: ObjectTarget): string {
  const pod = core.store.collection('pods').get(`${target.namespace ?? ''}/${target.name}`);
  const spec = pod?.['spec'] as { readonly containers?: readonly { readonly name: string }[] } | undefined;
  return spec?.containers?.[0]?.name ?? '';
}

function sendText(connection: WebSocketConnection, channel: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += MESSAGE_BYTES) connection.send(Buffer.concat([Buffer.from([channel]), bytes.subarray(at, at + MESSAGE_BYTES)]));
}

function finish(connection: WebSocketConnection, status: object): void {
  sendText(connection, channels.error, JSON.stringify(status));
  connection.close(1000);
}

/** kubelet pkg/kubelet/server/remotecommand: the exit code travels as a cause. */
function statusOf({ exitCode }: CommandResult): object {
  if (exitCode === 0) return { metadata: {}, status: 'Success' };
  return {
    metadata: {}, status: 'Failure', message: `command terminated with non-zero exit code: exit status ${exitCode}`, reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}
