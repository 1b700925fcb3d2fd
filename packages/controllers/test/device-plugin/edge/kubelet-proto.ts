import { makeGenericClientConstructor } from '@grpc/grpc-js';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import protobuf from 'protobufjs';

/** The kubelet's messages once more, for protobufjs: what the tests play the kubelet with knows nothing of the codec under test. */
const SCHEMA = `
syntax = "proto3";
message Empty {}
message Options { bool pre_start_required = 1; bool get_preferred_allocation_available = 2; }
message RegisterRequest { string version = 1; string endpoint = 2; string resource_name = 3; Options options = 4; }
message NUMANode { int64 ID = 1; }
message Topology { repeated NUMANode nodes = 1; }
message Device { string ID = 1; string health = 2; Topology topology = 3; }
message DeviceList { repeated Device devices = 1; }
message PreferredContainer { repeated string available_deviceIDs = 1; repeated string must_include_deviceIDs = 2; int32 allocation_size = 3; }
message PreferredRequest { repeated PreferredContainer container_requests = 1; }
message Ids { repeated string ids = 1; }
message PreferredResponse { repeated Ids container_responses = 1; }
message AllocateRequest { repeated Ids container_requests = 1; }
message Mount { string container_path = 1; string host_path = 2; bool read_only = 3; }
message DeviceSpec { string container_path = 1; string host_path = 2; string permissions = 3; }
message ContainerAllocation { map<string, string> envs = 1; repeated Mount mounts = 2; repeated DeviceSpec devices = 3; map<string, string> annotations = 4; }
message AllocateResponse { repeated ContainerAllocation container_responses = 1; }
message PluginInfo { string type = 1; string name = 2; string endpoint = 3; repeated string supported_versions = 4; }
message RegistrationStatus { bool plugin_registered = 1; string error = 2; }
message ContainerDevices { string resource_name = 1; repeated string device_ids = 2; Topology topology = 3; }
message ContainerMemory { string memory_type = 1; uint64 size = 2; Topology topology = 3; }
message ContainerResources { string name = 1; repeated ContainerDevices devices = 2; repeated int64 cpu_ids = 3; repeated ContainerMemory memory = 4; }
message PodResources { string name = 1; string namespace = 2; repeated ContainerResources containers = 3; }
message PodResourcesList { repeated PodResources pod_resources = 1; }
`;

export type Message = Readonly<Record<string, unknown>>;

export const kubeletTypes = protobuf.parse(SCHEMA, { keepCase: true }).root;

export function encoded(type: string, value: Message): Buffer {
  const found = kubeletTypes.lookupType(type);
  return Buffer.from(found.encode(found.fromObject({ ...value })).finish());
}

export function decoded(type: string, bytes: Uint8Array): Message {
  const found = kubeletTypes.lookupType(type);
  return found.toObject(found.decode(bytes), { defaults: true, arrays: true, objects: true, longs: Number });
}

function method(path: string, request: string, response: string, responseStream = false): MethodDefinition<Message, Message> {
  return {
    path, requestStream: false, responseStream,
    requestSerialize: (value) => encoded(request, value), requestDeserialize: (bytes) => decoded(request, bytes),
    responseSerialize: (value) => encoded(response, value), responseDeserialize: (bytes) => decoded(response, bytes),
  };
}

export const methods = {
  options: method('/v1beta1.DevicePlugin/GetDevicePluginOptions', 'Empty', 'Options'),
  listAndWatch: method('/v1beta1.DevicePlugin/ListAndWatch', 'Empty', 'DeviceList', true),
  preferred: method('/v1beta1.DevicePlugin/GetPreferredAllocation', 'PreferredRequest', 'PreferredResponse'),
  allocate: method('/v1beta1.DevicePlugin/Allocate', 'AllocateRequest', 'AllocateResponse'),
  preStart: method('/v1beta1.DevicePlugin/PreStartContainer', 'Ids', 'Empty'),
  register: method('/v1beta1.Registration/Register', 'RegisterRequest', 'Empty'),
  getInfo: method('/pluginregistration.Registration/GetInfo', 'Empty', 'PluginInfo'),
  notify: method('/pluginregistration.Registration/NotifyRegistrationStatus', 'RegistrationStatus', 'Empty'),
  podResources: method('/v1.PodResourcesLister/List', 'Empty', 'PodResourcesList'),
} as const satisfies ServiceDefinition;

export const KubeletClient = makeGenericClientConstructor(methods, 'kubelet');
