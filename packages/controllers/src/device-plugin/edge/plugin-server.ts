import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { ServerWritableStream, handleUnaryCall } from '@grpc/grpc-js';
import type { ContainerAllocation, DevicePlugin, Log, PluginDevice } from '@vfleet/core';
import { DEVICE_PLUGIN_VERSION, devicePluginService, pluginRegistrationService } from './kubelet-api.ts';

/** What the kubelet says about a registration (pluginregistration v1 RegistrationStatus). */
export interface RegistrationOutcome {
  readonly registered: boolean;
  /** Why not; empty when registered. */
  readonly error: string;
}

export interface PluginServerOptions {
  readonly plugin: DevicePlugin;
  /** What GetInfo answers as `endpoint`: the socket's final path. */
  readonly endpoint: string;
  readonly log: Log;
  readonly onNotified: (outcome: RegistrationOutcome) => void;
}

type DeviceList = Parameters<typeof devicePluginService.listAndWatch.responseSerialize>[0];
type ListStream = ServerWritableStream<Record<never, never>, DeviceList>;

/** Requests of a kubelet are a few kilobytes; the largest names every device of a node. */
const REQUEST_BYTES_MAX = 1 << 20;

/**
 * One resource's device plugin on one unix socket: the DevicePlugin service, and the Registration service by which a kubelet that finds
 * the socket learns what it is.
 */
export class PluginServer {
  readonly #server = new Server({ 'grpc.max_receive_message_length': REQUEST_BYTES_MAX });
  readonly #options: PluginServerOptions;
  #streams: readonly ListStream[] = [];
  #onLetGo: () => void = () => {};

  constructor(options: PluginServerOptions) {
    this.#options = options;
    const { plugin } = options;
    this.#server.addService(devicePluginService, {
      getDevicePluginOptions: answer(() => ({ preStartRequired: false, preferredAllocationAvailable: true })),
      listAndWatch: (call: ListStream) => this.#listAndWatch(call),
      getPreferredAllocation: answer(({ containers }: PreferredRequest) => ({ containers: containers.map((one) => ({ ids: [...plugin.getPreferredAllocation({ ...one, size: Math.max(0, one.size) })] })) })),
      allocate: this.#allocate(),
      preStartContainer: answer(() => ({})),
    });
    this.#server.addService(pluginRegistrationService, {
      getInfo: answer(() => ({ type: 'DevicePlugin', name: plugin.resourceName, endpoint: options.endpoint, supportedVersions: ['v1alpha1', DEVICE_PLUGIN_VERSION] })),
      notifyRegistrationStatus: answer(({ pluginRegistered, error }: { readonly pluginRegistered: boolean; readonly error: string }) => {
        options.onNotified({ registered: pluginRegistered, error });
        return {};
      }),
    });
  }

  /** Listens on a path that does not exist yet. */
  listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => (error === null ? resolve() : reject(error)));
    });
  }

  /** Resolves when nobody follows the list any more: a kubelet lets go of a plugin when it has another for the resource. */
  letGo(): Promise<void> {
    return new Promise((resolve) => {
      this.#onLetGo = resolve;
      if (this.#streams.length === 0) resolve();
    });
  }

  /** Ends the streams after what was written to them, lets calls under way finish, and closes. `giveUp` cuts the rest off. */
  async close(giveUp: Promise<void>): Promise<void> {
    for (const stream of this.#streams) stream.end();
    const closed = new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
    await Promise.race([closed, giveUp]);
    this.#server.forceShutdown();
  }

  #listAndWatch(call: ListStream): void {
    let blocked = false;
    let waiting: DeviceList | undefined;
    const send = (list: DeviceList) => {
      if (blocked) waiting = list;
      else blocked = !call.write(list);
    };
    // A slow reader is spared the lists in between: each holds everything.
    call.on('drain', () => {
      blocked = false;
      const next = waiting;
      waiting = undefined;
      if (next !== undefined) send(next);
    });
    const subscription = this.#options.plugin.listAndWatch((devices) => send({ devices: devices.map(deviceMessage) }));
    this.#streams = [...this.#streams, call];
    const over = () => {
      subscription.stop();
      this.#streams = this.#streams.filter((other) => other !== call);
      if (this.#streams.length === 0) this.#onLetGo();
    };
    call.on('cancelled', over);
    call.on('error', over);
    call.on('close', over);
  }

  #allocate(): handleUnaryCall<AllocateRequest, AllocateResponse> {
    return async (call, callback) => {
      const allocated = await this.#allocated(call.request.containers.map(({ ids }) => ids));
      if ('code' in allocated) callback(allocated);
      else callback(null, allocated);
    };
  }

  async #allocated(containers: readonly (readonly string[])[]): Promise<AllocateResponse | { readonly code: status; readonly details: string }> {
    const { plugin, log } = this.#options;
    try {
      const allocated = await plugin.allocate(containers);
      if (allocated.ok) return { containers: allocated.value };
      log.warn('Devices could not be given to a pod.', { resource: plugin.resourceName, containers, cause: allocated.error });
      return { code: status.FAILED_PRECONDITION, details: allocated.error };
    } catch (error) {
      log.error('Allocate failed by a mistake in the program.', { resource: plugin.resourceName, error: String(error) });
      return { code: status.INTERNAL, details: 'the device plugin failed; its log says more' };
    }
  }
}

type PreferredRequest = ReturnType<typeof devicePluginService.getPreferredAllocation.requestDeserialize>;
type AllocateRequest = ReturnType<typeof devicePluginService.allocate.requestDeserialize>;
interface AllocateResponse {
  readonly containers: readonly ContainerAllocation[];
}

function deviceMessage({ id, healthy, numaNodes }: PluginDevice): DeviceList['devices'][number] {
  // No topology at all, rather than an empty one: kubelet takes an empty one for "no NUMA node is any good".
  return { id, health: healthy ? 'Healthy' : 'Unhealthy', topology: numaNodes.length === 0 ? undefined : { nodes: numaNodes.map((node) => ({ id: node })) } };
}

function answer<Request, Response>(of: (request: Request) => Response): handleUnaryCall<Request, Response> {
  return (call, callback) => callback(null, of(call.request));
}
