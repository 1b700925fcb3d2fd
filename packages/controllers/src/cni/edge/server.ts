import { mkdir, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Clock, Log, Random } from '@vfleet/core';
import { OwnSocket } from '../../edge/own-socket.ts';
import { errorAnswer } from '../calls.ts';
import type { CniReply } from '../calls.ts';
import { cniCodes } from '../failure.ts';
import type { RawCall } from '../spec/call.ts';
import { CNI_SOCKET, encodeAnswer, requestReader } from './socket-protocol.ts';

export interface CniServerPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly handle: (call: RawCall) => Promise<CniReply>;
  /** Who is at the other end (SO_PEERCRED); undefined where that cannot be asked. The socket's own mode keeps others out in any case. */
  readonly peerUid?: (socket: Socket) => number | undefined;
}

export interface CniServerSettings {
  /** The default is {@link CNI_SOCKET}. */
  readonly path?: string;
  /** Who may call besides root; the default is who the daemon runs as. */
  readonly uid?: number;
}

/** A request is sent at once by a process that has it in memory. */
const REQUEST_TIMEOUT_MS = 10_000;
/** A runtime sets up some tens of pods at a time. Beyond this connections are closed, which a caller answers with "try again". */
const CONNECTIONS_MAX = 512;

/** The daemon's side of the CNI executables. */
export class CniServer {
  readonly #ports: CniServerPorts;
  readonly #settings: CniServerSettings;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  readonly #underWay = new Set<Promise<void>>();
  #socket: OwnSocket | undefined;

  constructor(ports: CniServerPorts, settings: CniServerSettings = {}) {
    this.#ports = ports;
    this.#settings = settings;
    // A caller that half-closes has gone: it has nothing to close before it has the answer.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** Makes the socket, mode 0600, in a folder that nobody else can write to. A predecessor's socket is replaced. */
  async listen(): Promise<void> {
    const path = this.#settings.path ?? CNI_SOCKET;
    const folder = dirname(path);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (((await stat(folder)).mode & 0o022) !== 0) throw new Error(`${folder} can be written to by others, who could put a socket of theirs in our place: chmod go-w ${folder}`);
    this.#socket = await OwnSocket.place(path, this.#ports.random, (temporary) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#server.once('error', reject);
      this.#server.listen(temporary, () => {
        this.#server.off('error', reject);
        resolve();
      });
      return promise;
    });
  }

  /** Calls are taken. */
  get isServing(): boolean {
    return this.#server.listening && this.#socket !== undefined;
  }

  /** False when another process has taken the place of the socket. */
  async isInPlace(): Promise<boolean> {
    return (await this.#socket?.isInPlace()) ?? false;
  }

  /** Takes no more calls, and waits for those under way. */
  async close(): Promise<void> {
    await this.#socket?.remove();
    this.#server.close();
    await Promise.all(this.#underWay);
    for (const connection of this.#connections) connection.destroy();
  }

  #serve(socket: Socket): void {
    this.#connections.add(socket);
    socket.on('close', () => this.#connections.delete(socket));
    socket.on('error', () => socket.destroy());
    const uid = this.#ports.peerUid?.(socket);
    if (uid !== undefined && uid !== 0 && uid !== (this.#settings.uid ?? process.getuid?.())) {
      this.#ports.log.warn('A CNI call by another user was turned away.', { uid });
      socket.destroy();
      return;
    }
    const timer = this.#ports.clock.setTimer(REQUEST_TIMEOUT_MS, () => socket.destroy());
    const requests = requestReader();
    let taken = false;
    socket.on('close', () => timer.cancel());
    socket.on('end', () => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      if (taken) return;
      const request = requests.push(bytes);
      if (request === undefined) return;
      taken = true;
      timer.cancel();
      const work = request.ok ? this.#answer(socket, request.value) : this.#refuse(socket, request.error);
      this.#underWay.add(work);
      void work.finally(() => this.#underWay.delete(work));
    });
  }

  async #refuse(socket: Socket, cause: string): Promise<void> {
    this.#ports.log.warn('A CNI call could not be read.', { cause });
    const answer = errorAnswer({ code: cniCodes.undecodable, cause: `the call cannot be read: ${cause}`, remedy: 'The executable in /opt/cni/bin and the daemon are of different releases: install both anew.' });
    await written(socket, encodeAnswer(answer));
  }

  async #answer(socket: Socket, call: RawCall): Promise<void> {
    const reply = await this.#ports.handle(call).catch((error: unknown): CniReply => {
      this.#ports.log.error('A CNI call failed by a mistake in the program.', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      return errorAnswer({ code: cniCodes.tryAgain, cause: 'the daemon failed', remedy: 'Its log says more.' });
    });
    if (!(await written(socket, encodeAnswer(reply)))) await reply.undo?.();
  }
}

/** Writes and closes; false when nobody was there any more to take it. */
function written(socket: Socket, bytes: Buffer): Promise<boolean> {
  if (socket.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    socket.once('close', () => resolve(false));
    socket.end(bytes, () => resolve(true));
  });
}
