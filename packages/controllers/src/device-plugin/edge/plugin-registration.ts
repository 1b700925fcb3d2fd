import { Client, credentials } from '@grpc/grpc-js';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { backoffMs } from '@vfleet/kube';
import type { Clock, DevicePlugin, Log, Random, Timer } from '@vfleet/core';
import { DEVICE_PLUGIN_VERSION, deviceRegistrationService } from './kubelet-api.ts';
import { OwnSocket, answers, endpointOf, isFolder, socketName } from '../../edge/own-socket.ts';
import { PluginServer } from './plugin-server.ts';
import type { RegistrationOutcome } from './plugin-server.ts';

export interface RegistrationPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export type RegistrationMode = 'registry' | 'legacy';

export interface RegistrationView {
  readonly resourceName: string;
  /** Undefined before the first socket is in its place. */
  readonly mode: RegistrationMode | undefined;
  readonly registered: boolean;
  /** What went wrong last; undefined while all is well. */
  readonly problem: string | undefined;
}

interface Placed {
  readonly mode: RegistrationMode;
  readonly folder: string;
  readonly server: PluginServer;
  readonly socket: OwnSocket;
}

/** A server that another process' has followed; it serves until the kubelet has gone over. */
interface Leaving {
  readonly cutShort: () => void;
  readonly left: Promise<void>;
}

const KUBELET_SOCKET = 'kubelet.sock';
const CALL_TIMEOUT_MS = 5_000;
/** How long calls under way may take when a plugin leaves. */
const LEAVE_MS = 5_000;
/** How long a kubelet may take to go over to a successor. */
const LET_GO_MS = 60_000;
const RETRY = { initialMs: 200, maxMs: 15_000 };

/** One plugin's way to the kubelet: its socket in its place, and the kubelet told of it, again whenever either is lost. */
export class PluginRegistration {
  readonly #ports: RegistrationPorts;
  readonly #plugin: DevicePlugin;
  readonly #place: () => Promise<{ readonly mode: RegistrationMode; readonly folder: string }>;
  readonly #log: Log;
  #placed: Placed | undefined;
  /** Which kubelet (which socket of it) was told, in legacy mode. */
  #told: string | undefined;
  #registered = false;
  /** Why the last look failed. */
  #problem: string | undefined;
  /** What the kubelet said when it found the socket, if it was a no. */
  #refusal: string | undefined;
  #failures = 0;
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #lookAgain = false;
  /** Another process has put its socket in our place: as long as it answers, it is the plugin. */
  #superseded = false;
  readonly #leaving = new Set<Leaving>();
  #stopped = false;

  constructor(ports: RegistrationPorts, plugin: DevicePlugin, place: () => Promise<{ readonly mode: RegistrationMode; readonly folder: string }>) {
    this.#ports = ports;
    this.#plugin = plugin;
    this.#place = place;
    this.#log = ports.log.with({ component: 'device-plugin', resource: plugin.resourceName });
  }

  view(): RegistrationView {
    return { resourceName: this.#plugin.resourceName, mode: this.#placed?.mode, registered: this.#registered, problem: this.#problem ?? this.#refusal };
  }

  /** Looks whether all is as it should be, and mends it. Called as often as anything may have changed. */
  look(): void {
    if (this.#stopped) return;
    this.#lookAgain = true;
    this.#looking ??= this.#lookAll().finally(() => {
      this.#looking = undefined;
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#looking;
    for (const { cutShort } of this.#leaving) cutShort();
    await Promise.all([this.#leave(), ...[...this.#leaving].map(({ left }) => left)]);
  }

  async #lookAll(): Promise<void> {
    while (this.#lookAgain && !this.#stopped) {
      this.#lookAgain = false;
      try {
        await this.#ensure();
        this.#failures = 0;
        this.#problem = undefined;
      } catch (error) {
        this.#failed(error instanceof Error ? error.message : String(error));
      }
    }
  }

  async #ensure(): Promise<void> {
    const { mode, folder } = await this.#place();
    if (!(await isFolder(folder))) throw new Error(`there is no folder ${folder}: no kubelet runs here`);
    const before = this.#placed;
    const inPlace = before?.folder === folder && (await before.socket.isInPlace());
    if (before !== undefined && !inPlace) {
      this.#superseded = await answers(before.socket.path);
      if (this.#superseded) this.#makeWay(before);
      else {
        this.#log.info('The socket of a device plugin is gone: the kubelet has started anew. It is registered again.', { path: before.socket.path });
        await this.#leave();
      }
    }
    if (this.#stopped) return;
    // Without this, two processes that overlap during an upgrade would take the place from each other for ever.
    if (this.#superseded) this.#superseded = await answers(join(folder, socketName(this.#plugin.resourceName, folder)));
    if (this.#superseded) throw new Error('another process has taken the place of this device plugin');
    const { socket } = this.#placed ?? (await this.#listen(mode, folder));
    if (mode === 'legacy') await this.#tellKubelet(folder, socket);
  }

  async #listen(mode: RegistrationMode, folder: string): Promise<Placed> {
    const path = join(folder, socketName(this.#plugin.resourceName, folder));
    const server = new PluginServer({ plugin: this.#plugin, endpoint: path, log: this.#log, onNotified: (outcome) => this.#notified(outcome) });
    try {
      const socket = await OwnSocket.place(path, this.#ports.random, (temporary) => server.listen(temporary));
      this.#placed = { mode, folder, server, socket };
      return this.#placed;
    } catch (error) {
      await server.close(Promise.resolve());
      throw error;
    }
  }

  async #tellKubelet(folder: string, socket: OwnSocket): Promise<void> {
    const path = join(folder, KUBELET_SOCKET);
    // A kubelet is told by its socket, and a new kubelet has a new one.
    const { ino, ctimeNs } = await lstat(path, { bigint: true });
    const kubelet = `${ino}:${ctimeNs}`;
    if (this.#told === kubelet) return;
    this.#registered = false;
    await this.#register(path, socket);
    this.#told = kubelet;
    this.#notified({ registered: true, error: '' });
  }

  #register(kubeletSocket: string, socket: OwnSocket): Promise<void> {
    const { register } = deviceRegistrationService;
    // Its own connection: one of the library's pool may be waiting out a backoff from before the kubelet came.
    const client = new Client(`unix:${kubeletSocket}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    const request = {
      version: DEVICE_PLUGIN_VERSION, endpoint: endpointOf(socket.path), resourceName: this.#plugin.resourceName, options: { preStartRequired: false, preferredAllocationAvailable: true },
    };
    return new Promise<void>((resolve, reject) => {
      client.makeUnaryRequest(register.path, register.requestSerialize, register.responseDeserialize, request, { deadline: this.#ports.clock.now() + CALL_TIMEOUT_MS }, (error) =>
        error === null ? resolve() : reject(new Error(`the kubelet did not take the registration: ${error.details}`)),
      );
    }).finally(() => client.close());
  }

  #notified({ registered, error }: RegistrationOutcome): void {
    this.#registered = registered;
    this.#refusal = registered ? undefined : `the kubelet refused the registration: ${error}`;
    if (registered) this.#log.info('A resource is registered with the kubelet.', { mode: this.#placed?.mode });
    else this.#log.error('The kubelet refused a registration; it asks again by itself.', { cause: error });
  }

  #failed(problem: string): void {
    this.#failures++;
    if (problem !== this.#problem) this.#log.warn('A resource cannot be registered with the kubelet yet.', { cause: problem });
    this.#problem = problem;
    this.#timer?.cancel();
    this.#timer = this.#ports.clock.setTimer(backoffMs(RETRY, this.#failures, this.#ports.random), () => this.look());
  }

  /** Until the kubelet has the successor's list, ours is what it admits pods by: with the end of its stream no device would be left. */
  #makeWay(placed: Placed): void {
    this.#log.info('Another process has taken the place of a device plugin; it is served until the kubelet has gone over.', { path: placed.socket.path });
    this.#placed = undefined;
    this.#told = undefined;
    this.#registered = false;
    const { promise: cut, resolve: cutShort } = Promise.withResolvers<void>();
    const timer = this.#ports.clock.setTimer(LET_GO_MS, cutShort);
    const left = Promise.race([placed.server.letGo(), cut]).then(() => {
      timer.cancel();
      return this.#close(placed);
    });
    const leaving = { cutShort, left };
    this.#leaving.add(leaving);
    void left.finally(() => this.#leaving.delete(leaving));
  }

  /** The last list reaches the kubelet before the socket goes, since an empty one is how it learns that devices are no more. */
  async #leave(): Promise<void> {
    const placed = this.#placed;
    this.#placed = undefined;
    this.#told = undefined;
    this.#registered = false;
    if (placed !== undefined) await this.#close(placed);
  }

  async #close(placed: Placed): Promise<void> {
    let giveUp!: () => void;
    const timer = this.#ports.clock.setTimer(LEAVE_MS, () => giveUp());
    await placed.server.close(new Promise((resolve) => (giveUp = resolve)));
    timer.cancel();
    await placed.socket.remove();
  }
}
