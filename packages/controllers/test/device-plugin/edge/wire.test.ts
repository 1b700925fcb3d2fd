// Goal: our messages are the kubelet's, byte for byte in meaning, and no bytes whatever bring the reader down. Method: properties
// against protobufjs, which has its own statement of the messages; then cut, changed and arbitrary bytes.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { devicePluginService, deviceRegistrationService, pluginRegistrationService, podResourcesService } from '../../../src/device-plugin/edge/kubelet-api.ts';
import { WireError, integer, message, text } from '../../../src/device-plugin/edge/wire.ts';
import { decoded, encoded } from './kubelet-proto.ts';

const word = fc.string({ unit: 'grapheme', maxLength: 20 });
const words = fc.array(word, { maxLength: 4 });
const map = fc.dictionary(fc.oneof(word, fc.constant('__proto__')), word, { maxKeys: 4 });

describe('what we write, protobufjs reads', () => {
  test('a list of devices', () => {
    const device = fc.record({ id: word, health: word, topology: fc.option(fc.record({ nodes: fc.array(fc.record({ id: fc.integer({ min: -1, max: 1 << 30 }) }), { maxLength: 3 }) }), { nil: undefined }) });
    fc.assert(fc.property(fc.array(device, { maxLength: 5 }), (devices) => {
      const read = decoded('DeviceList', devicePluginService.listAndWatch.responseSerialize({ devices }));
      const expected = devices.map(({ id, health, topology }) => ({ ID: id, health, topology: topology === undefined ? null : { nodes: topology.nodes.map(({ id: node }) => ({ ID: node })) } }));
      expect(read).toEqual({ devices: expected });
    }));
  });

  test('an allocation', () => {
    const container = fc.record({
      env: map, annotations: map,
      mounts: fc.array(fc.record({ containerPath: word, hostPath: word, readOnly: fc.boolean() }), { maxLength: 2 }),
      devices: fc.array(fc.record({ containerPath: word, hostPath: word, permissions: word }), { maxLength: 3 }),
    });
    fc.assert(fc.property(fc.array(container, { maxLength: 3 }), (containers) => {
      const bytes = devicePluginService.allocate.responseSerialize({ containers });
      const read = decoded('AllocateResponse', bytes);
      const expected = containers.map(({ env, annotations, mounts, devices }) => ({
        envs: env, annotations,
        mounts: mounts.map((one) => ({ container_path: one.containerPath, host_path: one.hostPath, read_only: one.readOnly })),
        devices: devices.map((one) => ({ container_path: one.containerPath, host_path: one.hostPath, permissions: one.permissions })),
      }));
      // protobufjs itself loses a key named __proto__, so those are compared by reading them back with ours.
      const plain = (one: unknown) => JSON.parse(JSON.stringify(one), (key, value: unknown) => (key === '__proto__' ? undefined : value)) as unknown;
      expect(plain(read)).toEqual(plain({ container_responses: expected }));
      expect(JSON.stringify(devicePluginService.allocate.responseDeserialize(bytes))).toBe(JSON.stringify({ containers: containers.map(({ env, mounts, devices, annotations }) => ({ env, mounts, devices, annotations })) }));
    }));
  });

  test('registration and plugin information', () => {
    fc.assert(fc.property(word, word, words, fc.boolean(), (one, other, some, available) => {
      expect(decoded('PluginInfo', pluginRegistrationService.getInfo.responseSerialize({ type: one, name: other, endpoint: one, supportedVersions: some }))).toEqual({ type: one, name: other, endpoint: one, supported_versions: some });
      const request = deviceRegistrationService.register.requestSerialize({ version: one, endpoint: other, resourceName: one, options: { preStartRequired: false, preferredAllocationAvailable: available } });
      expect(decoded('RegisterRequest', request)).toEqual({ version: one, endpoint: other, resource_name: one, options: { pre_start_required: false, get_preferred_allocation_available: available } });
    }));
  });
});

describe('what protobufjs writes, we read', () => {
  test('requests for devices', () => {
    const container = fc.record({ available: words, mustInclude: words, size: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) });
    fc.assert(fc.property(fc.array(container, { maxLength: 3 }), fc.array(words, { maxLength: 3 }), (containers, ids) => {
      const preferred = encoded('PreferredRequest', { container_requests: containers.map((one) => ({ available_deviceIDs: one.available, must_include_deviceIDs: one.mustInclude, allocation_size: one.size })) });
      expect(devicePluginService.getPreferredAllocation.requestDeserialize(preferred)).toEqual({ containers });
      const allocate = encoded('AllocateRequest', { container_requests: ids.map((some) => ({ ids: some })) });
      expect(devicePluginService.allocate.requestDeserialize(allocate)).toEqual({ containers: ids.map((some) => ({ ids: some })) });
    }));
  });

  test('pod resources, with fields that are of no use to us passed over', () => {
    fc.assert(fc.property(word, words, fc.array(fc.integer({ min: 0, max: 1 << 20 }), { maxLength: 3 }), (name, ids, cpus) => {
      const bytes = encoded('PodResourcesList', {
        pod_resources: [{ name, namespace: 'default', containers: [{ name: 'app', cpu_ids: cpus, memory: [{ memory_type: 'memory', size: 4096, topology: { nodes: [{ ID: 1 }] } }], devices: [{ resource_name: 'a/b', device_ids: ids, topology: { nodes: [{ ID: 1 }] } }] }] }],
      });
      expect(podResourcesService.list.responseDeserialize(bytes)).toEqual({ pods: [{ name, namespace: 'default', containers: [{ name: 'app', devices: [{ resourceName: 'a/b', ids }] }] }] });
    }));
  });
});

describe('bad bytes', () => {
  const decode = (bytes: Buffer) => devicePluginService.allocate.requestDeserialize(bytes);

  test('arbitrary ones are read or refused, never anything else', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        decode(Buffer.from(bytes));
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }), { numRuns: 2_000 });
  });

  test.each([
    ['a number that does not end', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], 'more than ten bytes'],
    ['a number that is cut off', [0x80], 'cut off'],
    ['a length beyond the message', [0x0a, 0x05, 0x01], 'cut off'],
    ['a length beyond memory', [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], 'cut off'],
    ['field 0', [0x02, 0x00], 'no valid number'],
    ['a group', [0x0b, 0x0c], 'wire type'],
    ['a number where a message belongs', [0x08, 0x01], 'wire type'],
    ['a text that is not UTF-8', [0x0a, 0x04, 0x0a, 0x02, 0xc3, 0x28], 'UTF-8'],
    ['an unknown fixed field that is cut off', [0x7d, 0x01, 0x02], 'cut off'],
  ])('%s', (_name, bytes, says) => {
    expect(() => decode(Buffer.from(bytes))).toThrow(says);
  });

  test('a number beyond the safe integers is refused rather than rounded', () => {
    const type = message({ id: integer(1), name: text(2) });
    expect(() => type.decode(Buffer.from([0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]))).toThrow('out of range');
    expect(type.decode(type.encode({ id: Number.MIN_SAFE_INTEGER, name: 'x' }))).toEqual({ id: Number.MIN_SAFE_INTEGER, name: 'x' });
  });
});
