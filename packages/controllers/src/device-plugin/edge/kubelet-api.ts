import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { flag, integer, list, message, optional, text, textMap, texts } from './wire.ts';
import type { MessageType } from './wire.ts';

/**
 * The kubelet's gRPC APIs that a device plugin meets, by field number: deviceplugin/v1beta1, pluginregistration/v1 and
 * podresources/v1 of k8s.io/kubelet (pkg/apis). Names of fields are ours; only numbers and method paths go over the wire.
 */

export const DEVICE_PLUGIN_VERSION = 'v1beta1';

const empty = message({});

// ---- Device plugin, v1beta1 ----

const options = message({ preStartRequired: flag(1), preferredAllocationAvailable: flag(2) });
const registerRequest = message({ version: text(1), endpoint: text(2), resourceName: text(3), options: optional(4, options) });

const numaNode = message({ id: integer(1) });
const topology = message({ nodes: list(1, numaNode) });
const device = message({ id: text(1), health: text(2), topology: optional(3, topology) });
const deviceList = message({ devices: list(1, device) });

const preferredContainer = message({ available: texts(1), mustInclude: texts(2), size: integer(3) });
const preferredRequest = message({ containers: list(1, preferredContainer) });
const preferredResponse = message({ containers: list(1, message({ ids: texts(1) })) });

const mount = message({ containerPath: text(1), hostPath: text(2), readOnly: flag(3) });
const deviceSpec = message({ containerPath: text(1), hostPath: text(2), permissions: text(3) });
const containerAllocation = message({ env: textMap(1), mounts: list(2, mount), devices: list(3, deviceSpec), annotations: textMap(4) });
const allocateRequest = message({ containers: list(1, message({ ids: texts(1) })) });
const allocateResponse = message({ containers: list(1, containerAllocation) });

const preStartRequest = message({ ids: texts(1) });

/** Served by the plugin. */
export const devicePluginService = {
  getDevicePluginOptions: unary('/v1beta1.DevicePlugin/GetDevicePluginOptions', empty, options),
  listAndWatch: stream('/v1beta1.DevicePlugin/ListAndWatch', empty, deviceList),
  getPreferredAllocation: unary('/v1beta1.DevicePlugin/GetPreferredAllocation', preferredRequest, preferredResponse),
  allocate: unary('/v1beta1.DevicePlugin/Allocate', allocateRequest, allocateResponse),
  preStartContainer: unary('/v1beta1.DevicePlugin/PreStartContainer', preStartRequest, empty),
} as const satisfies ServiceDefinition;

/** Served by the kubelet on `kubelet.sock`; called by plugins that register themselves. */
export const deviceRegistrationService = {
  register: unary('/v1beta1.Registration/Register', registerRequest, empty),
} as const satisfies ServiceDefinition;

// ---- Plugin watcher, v1 ----

const pluginInfo = message({ type: text(1), name: text(2), endpoint: text(3), supportedVersions: texts(4) });
const registrationStatus = message({ pluginRegistered: flag(1), error: text(2) });

/** Served by the plugin, on a socket that the kubelet finds in `plugins_registry`. */
export const pluginRegistrationService = {
  getInfo: unary('/pluginregistration.Registration/GetInfo', empty, pluginInfo),
  notifyRegistrationStatus: unary('/pluginregistration.Registration/NotifyRegistrationStatus', registrationStatus, empty),
} as const satisfies ServiceDefinition;

// ---- Pod resources, v1 ----

const containerDevices = message({ resourceName: text(1), ids: texts(2) });
const containerResources = message({ name: text(1), devices: list(2, containerDevices) });
const podResources = message({ name: text(1), namespace: text(2), containers: list(3, containerResources) });
const podResourcesList = message({ pods: list(1, podResources) });

/** Served by the kubelet on `pod-resources/kubelet.sock`. */
export const podResourcesService = {
  list: unary('/v1.PodResourcesLister/List', empty, podResourcesList),
} as const satisfies ServiceDefinition;

function unary<Request, Response>(path: string, request: MessageType<Request>, response: MessageType<Response>): MethodDefinition<Request, Response> {
  return method(path, request, response, false);
}

function stream<Request, Response>(path: string, request: MessageType<Request>, response: MessageType<Response>): MethodDefinition<Request, Response> {
  return method(path, request, response, true);
}

function method<Request, Response>(path: string, request: MessageType<Request>, response: MessageType<Response>, responseStream: boolean): MethodDefinition<Request, Response> {
  return {
    path, requestStream: false, responseStream,
    requestSerialize: request.encode, requestDeserialize: request.decode,
    responseSerialize: response.encode, responseDeserialize: response.decode,
  };
}
