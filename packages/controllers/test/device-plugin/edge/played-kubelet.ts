import { Server, ServerCredentials, credentials, status } from '@grpc/grpc-js';
import type { Client, ClientReadableStream, handleUnaryCall } from '@grpc/grpc-js';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeletClient, methods } from './kubelet-proto.ts';
import type { Message } from './kubelet-proto.ts';

export type KubeletFolder = 'plugins_registry' | 'device-plugins' | 'pod-resources';

/** A plugin as the kubelet knows it after registration. */
export class PlayedConnection {
  readonly lists: Message[] = [];
  ended = false;
  readonly #client: Client;
  readonly #stream: ClientReadableStream<Message>;

  constructor(path: string) {
    this.#client = clientOf(path);
    const { listAndWatch } = methods;
    this.#stream = this.#client.makeServerStreamRequest(listAndWatch.path, listAndWatch.requestSerialize, listAndWatch.responseDeserialize, {});
    this.#stream.on('data', (list: Message) => this.lists.push(list));
    this.#stream.on('error', () => (this.ended = true));
    this.#stream.on('end', () => (this.ended = true));
  }

  /** Ids of the newest list, unhealthy ones marked with `!`. */
  get devices(): readonly string[] | undefined {
    return (this.lists.at(-1)?.['devices'] as readonly Message[] | undefined)?.map(({ ID, health }) => (health === 'Healthy' ? String(ID) : `!${String(ID)}`));
  }

  call(method: keyof typeof methods, request: Message): Promise<Message> {
    return call(this.#client, method, request);
  }

  close(): void {
    this.#stream.cancel();
    this.#client.close();
  }
}

/** The kubelet's side of its sockets in a folder of its own: what kubelet 1.34 does, as far as plugins see it. */
export class PlayedKubelet {
  readonly folder: string;
  readonly registrations: Message[] = [];
  pods: readonly Message[] = [];
  refuse: string | undefined;
  #servers: Server[] = [];
  readonly #connections: PlayedConnection[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(...folders: readonly KubeletFolder[]): Promise<PlayedKubelet> {
    const folder = await mkdtemp(join(tmpdir(), 'kubelet-'));
    for (const name of folders) await mkdir(join(folder, name));
    return new PlayedKubelet(folder);
  }

  get registry(): string {
    return join(this.folder, 'plugins_registry');
  }

  get legacy(): string {
    return join(this.folder, 'device-plugins');
  }

  /** Starts as a kubelet does in legacy mode: removes every socket, then serves its own. */
  async startLegacy(): Promise<void> {
    for (const name of await readdir(this.legacy)) await rm(join(this.legacy, name));
    const server = new Server();
    const register: handleUnaryCall<Message, Message> = ({ request }, callback) => {
      if (this.refuse === undefined) this.registrations.push(request);
      callback(this.refuse === undefined ? null : { code: status.UNKNOWN, details: this.refuse }, {});
    };
    server.addService({ register: methods.register }, { register });
    await this.#serve(server, join(this.legacy, 'kubelet.sock'));
  }

  async startPodResources(): Promise<void> {
    const server = new Server();
    const list: handleUnaryCall<Message, Message> = (_call, callback) => callback(null, { pod_resources: this.pods });
    server.addService({ list: methods.podResources }, { list });
    await this.#serve(server, join(this.folder, 'pod-resources', 'kubelet.sock'));
  }

  stopServers(): void {
    for (const server of this.#servers) server.forceShutdown();
    this.#servers = [];
  }

  /** What the plugin watcher does with a socket that it finds: ask what it is, connect, and say how that went. */
  async meet(socket: string): Promise<{ readonly info: Message; readonly connection: PlayedConnection }> {
    const path = join(this.registry, socket);
    const client = clientOf(path);
    const info = await call(client, 'getInfo', {});
    const connection = this.connect(String(info['endpoint']));
    await call(client, 'notify', this.refuse === undefined ? { plugin_registered: true } : { plugin_registered: false, error: this.refuse });
    client.close();
    return { info, connection };
  }

  connect(path: string): PlayedConnection {
    const connection = new PlayedConnection(path);
    this.#connections.push(connection);
    return connection;
  }

  async sockets(folder: string): Promise<readonly string[]> {
    return (await readdir(folder)).filter((name) => name !== 'kubelet.sock').sort();
  }

  async end(): Promise<void> {
    for (const connection of this.#connections) connection.close();
    this.stopServers();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #serve(server: Server, path: string): Promise<void> {
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => (error === null ? resolve() : reject(error))));
  }
}

export function clientOf(path: string): Client {
  // A kubelet dials each socket anew; the library would share connections, and their backoffs, between clients.
  return new KubeletClient(`unix:${path}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
}

export function call(client: Client, method: keyof typeof methods, request: Message): Promise<Message> {
  const { path, requestSerialize, responseDeserialize } = methods[method];
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, { deadline: Date.now() + 120_000 }, (error, answer) => (error === null ? resolve(answer!) : reject(error)));
  });
}
