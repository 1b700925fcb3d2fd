// Goal: a kubelet finds, keeps and finds again every plugin, in both ways it knows, and nothing it may send harms us. Method: the
// registry on real sockets in a temporary folder; the test plays the kubelet with clients and servers of its own.
import { connect } from 'node:net';
import { chmod, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, ok, silentLog } from '@vfleet/core';
import type { DevicePlugin, PluginDevice } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createKubeletRegistry } from '../../../src/device-plugin/edge/kubelet-registry.ts';
import type { KubeletRegistry } from '../../../src/device-plugin/edge/kubelet-registry.ts';
import { PlayedKubelet, call, clientOf } from './played-kubelet.ts';
import type { KubeletFolder } from './played-kubelet.ts';

const RESOURCE = 'intel.com/sriov_net';
const SOCKET = 'intel.com_sriov_net.sock';
const device = (id: string, healthy = true, numaNodes: readonly number[] = [1]): PluginDevice => ({ id, healthy, numaNodes });

/** A plugin that answers from what the test puts in. */
class HandPlugin implements DevicePlugin {
  readonly resourceName: string;
  #devices: readonly PluginDevice[];
  #sinks: readonly ((devices: readonly PluginDevice[]) => void)[] = [];

  constructor(devices: readonly PluginDevice[], resourceName = RESOURCE) {
    this.resourceName = resourceName;
    this.#devices = devices;
  }

  get watchers(): number {
    return this.#sinks.length;
  }

  become(...devices: readonly PluginDevice[]): void {
    this.#devices = devices;
    for (const sink of this.#sinks) sink(devices);
  }

  listAndWatch(sink: (devices: readonly PluginDevice[]) => void) {
    this.#sinks = [...this.#sinks, sink];
    sink(this.#devices);
    return { stop: () => void (this.#sinks = this.#sinks.filter((other) => other !== sink)) };
  }

  getPreferredAllocation({ available, mustInclude, size }: { readonly available: readonly string[]; readonly mustInclude: readonly string[]; readonly size: number }) {
    return [...mustInclude, ...available.toReversed().filter((id) => !mustInclude.includes(id))].slice(0, size);
  }

  async allocate(containers: readonly (readonly string[])[]) {
    const unknown = containers.flat().find((id) => !this.#devices.some((one) => one.id === id));
    if (unknown === 'boom') throw new Error('a mistake in the program');
    if (unknown !== undefined) return fail(`${unknown} is no device of ${this.resourceName} (any more)`);
    return ok(containers.map((ids) => ({
      env: { PCIDEVICE: ids.join(',') }, mounts: [{ containerPath: '/c', hostPath: '/h', readOnly: true }],
      devices: [{ containerPath: '/dev/vfio/vfio', hostPath: '/dev/vfio/vfio', permissions: 'rw' }], annotations: { 'cdi.k8s.io/x': ids[0] ?? '' },
    })));
  }
}

const toEnd: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).toReversed()) await end();
});

async function kubelet(...folders: readonly KubeletFolder[]): Promise<PlayedKubelet> {
  const played = await PlayedKubelet.create(...folders);
  toEnd.push(() => played.end());
  return played;
}

function registryOf(played: PlayedKubelet): KubeletRegistry {
  const registry = createKubeletRegistry({ clock: new RealClock(), random: new SystemRandom(), log: silentLog }, { kubeletFolder: played.folder });
  toEnd.push(() => registry.close());
  return registry;
}

const soon = <Value>(check: () => Value | Promise<Value>) => vi.waitFor(check, { timeout: 120_000, interval: 10 });

describe('the plugin watcher', () => {
  async function met(devices = [device('0000:81:01.0'), device('0000:81:01.1')]) {
    const played = await kubelet('plugins_registry', 'device-plugins');
    const registry = registryOf(played);
    const plugin = new HandPlugin(devices);
    const subscription = registry.register(plugin);
    await soon(async () => expect(await played.sockets(played.registry)).toEqual([SOCKET]));
    const { info, connection } = await played.meet(SOCKET);
    return { played, registry, plugin, subscription, info, connection };
  }

  test('finds the socket under the name users know, is told what it is, and gets the list', async () => {
    const { played, registry, info, connection } = await met();
    expect(info).toEqual({ type: 'DevicePlugin', name: RESOURCE, endpoint: join(played.registry, SOCKET), supported_versions: ['v1alpha1', 'v1beta1'] });
    await soon(() => expect(connection.lists).toEqual([{ devices: [
      { ID: '0000:81:01.0', health: 'Healthy', topology: { nodes: [{ ID: 1 }] } }, { ID: '0000:81:01.1', health: 'Healthy', topology: { nodes: [{ ID: 1 }] } },
    ] }]));
    await soon(() => expect(registry.registrations()).toEqual([{ resourceName: RESOURCE, mode: 'registry', registered: true, problem: undefined }]));
    expect(((await stat(join(played.registry, SOCKET))).mode & 0o777).toString(8)).toBe('600');
    expect(await readdir(played.registry)).toEqual([SOCKET]);
  });

  test('a device without NUMA node is sent without topology, not with an empty one', async () => {
    const { connection } = await met([device('0000:81:01.0', true, [])]);
    await soon(() => expect(connection.lists).toEqual([{ devices: [{ ID: '0000:81:01.0', health: 'Healthy', topology: null }] }]));
  });

  test('health and new devices come in the same stream', async () => {
    const { plugin, connection } = await met();
    await soon(() => expect(connection.lists).toHaveLength(1));
    plugin.become(device('0000:81:01.0', false), device('0000:81:01.1'), device('0000:81:01.2'));
    await soon(() => expect(connection.devices).toEqual(['!0000:81:01.0', '0000:81:01.1', '0000:81:01.2']));
    expect(connection.ended).toBe(false);
  });

  test('a kubelet that hangs up is no longer sent lists', async () => {
    const { plugin, connection } = await met();
    await soon(() => expect(plugin.watchers).toBe(1));
    connection.close();
    await soon(() => expect(plugin.watchers).toBe(0));
  });

  test('answers options, Allocate, GetPreferredAllocation and PreStartContainer', async () => {
    const { connection } = await met();
    expect(await connection.call('options', {})).toEqual({ pre_start_required: false, get_preferred_allocation_available: true });
    expect(await connection.call('allocate', { container_requests: [{ ids: ['0000:81:01.1', '0000:81:01.0'] }, { ids: [] }] })).toEqual({ container_responses: [
      { envs: { PCIDEVICE: '0000:81:01.1,0000:81:01.0' }, mounts: [{ container_path: '/c', host_path: '/h', read_only: true }],
        devices: [{ container_path: '/dev/vfio/vfio', host_path: '/dev/vfio/vfio', permissions: 'rw' }], annotations: { 'cdi.k8s.io/x': '0000:81:01.1' } },
      { envs: { PCIDEVICE: '' }, mounts: [{ container_path: '/c', host_path: '/h', read_only: true }],
        devices: [{ container_path: '/dev/vfio/vfio', host_path: '/dev/vfio/vfio', permissions: 'rw' }], annotations: { 'cdi.k8s.io/x': '' } },
    ] });
    expect(await connection.call('preferred', { container_requests: [{ available_deviceIDs: ['a', 'b', 'c'], must_include_deviceIDs: ['b'], allocation_size: 2 }, { available_deviceIDs: ['a'], allocation_size: -3 }] })).toEqual({ container_responses: [{ ids: ['b', 'c'] }, { ids: [] }] });
    expect(await connection.call('preStart', { ids: ['0000:81:01.0'] })).toEqual({});
  });

  test('a refused allocation carries its sentence to the pod\'s event, a mistake of ours does not hang it', async () => {
    const { connection } = await met();
    await expect(connection.call('allocate', { container_requests: [{ ids: ['0000:99:00.0'] }] })).rejects.toMatchObject({ code: 9, details: `0000:99:00.0 is no device of ${RESOURCE} (any more)` });
    await expect(connection.call('allocate', { container_requests: [{ ids: ['boom'] }] })).rejects.toMatchObject({ code: 13 });
  });

  test('a refused registration is shown, and a later one that is taken clears it', async () => {
    const { played, registry } = await met();
    played.refuse = 'resource name is taken';
    await played.meet(SOCKET);
    await soon(() => expect(registry.registrations()[0]).toMatchObject({ registered: false, problem: 'the kubelet refused the registration: resource name is taken' }));
    played.refuse = undefined;
    await played.meet(SOCKET);
    await soon(() => expect(registry.registrations()[0]).toMatchObject({ registered: true, problem: undefined }));
  });

  test('a socket that is removed comes back, and answers', async () => {
    const { played, connection } = await met();
    await rm(join(played.registry, SOCKET));
    await soon(async () => expect(await played.sockets(played.registry)).toEqual([SOCKET]));
    await soon(() => expect(connection.ended).toBe(true));
    const again = await played.meet(SOCKET);
    await soon(() => expect(again.connection.devices).toEqual(['0000:81:01.0', '0000:81:01.1']));
  });

  test('the last list arrives before the stream ends, and the socket goes', async () => {
    const { played, plugin, subscription, connection } = await met();
    await soon(() => expect(connection.lists).toHaveLength(1));
    plugin.become();
    subscription.stop();
    await soon(() => expect(connection.ended).toBe(true));
    expect(connection.devices).toEqual([]);
    await soon(async () => expect(await readdir(played.registry)).toEqual([]));
  });

  test('a successor takes over in place, and the predecessor\'s end does not take its socket away', async () => {
    const { played, registry } = await met();
    const successor = registryOf(played);
    const before = await stat(join(played.registry, SOCKET));
    successor.register(new HandPlugin([device('0000:81:01.5')]));
    await soon(async () => expect((await stat(join(played.registry, SOCKET))).ino).not.toBe(before.ino));
    await soon(() => expect(registry.registrations()[0]?.problem).toBe('another process has taken the place of this device plugin'));
    const { connection } = await played.meet(SOCKET);
    await soon(() => expect(connection.devices).toEqual(['0000:81:01.5']));
    await registry.close();
    expect((await played.meet(SOCKET)).info['name']).toBe(RESOURCE);
    expect(connection.ended).toBe(false);
  });

  test('a predecessor that outlives its successor serves again', async () => {
    const { played, registry } = await met();
    const successor = registryOf(played);
    successor.register(new HandPlugin([device('0000:81:01.5')]));
    await soon(() => expect(registry.registrations()[0]?.problem).toContain('another process'));
    await successor.close();
    await soon(async () => expect((await played.meet(SOCKET)).info['name']).toBe(RESOURCE));
    await soon(() => expect(registry.registrations()[0]).toMatchObject({ registered: true, problem: undefined }));
  });

  test('a registry that appears later is used from then on', async () => {
    const played = await kubelet();
    const registry = registryOf(played);
    registry.register(new HandPlugin([device('0000:81:01.0')]));
    await soon(() => expect(registry.registrations()[0]?.problem).toContain('no kubelet runs here'));
    await mkdir(played.registry);
    await soon(async () => expect(await played.sockets(played.registry)).toEqual([SOCKET]));
  });

  test('names too long for a socket are cut and stay apart', async () => {
    const played = await kubelet('plugins_registry');
    const registry = registryOf(played);
    const prefix = `${'a'.repeat(60)}.example.com`;
    registry.register(new HandPlugin([device('a')], `${prefix}/one`));
    registry.register(new HandPlugin([device('b')], `${prefix}/two`));
    await soon(async () => expect(await played.sockets(played.registry)).toHaveLength(2));
    const names = await Promise.all((await played.sockets(played.registry)).map(async (socket) => (await played.meet(socket)).info['name']));
    expect(names.toSorted()).toEqual([`${prefix}/one`, `${prefix}/two`]);
  });

  test('garbage, malformed messages, unknown methods and oversized requests leave it working', async () => {
    const { played, connection } = await met();
    const path = join(played.registry, SOCKET);
    await new Promise<void>((resolve) => {
      const socket = connect(path, () => socket.end('GET / HTTP/1.1\r\n\r\n\u0000\u00ff'));
      socket.on('close', () => resolve());
      socket.on('error', () => resolve());
      socket.resume();
    });
    const client = clientOf(path);
    const raw = (method: string, bytes: Buffer) =>
      new Promise<number>((resolve) => client.makeUnaryRequest(method, (value: Buffer) => value, (value) => value, bytes, { deadline: Date.now() + 120_000 }, (error) => resolve(error?.code ?? 0)));
    expect(await raw('/v1beta1.DevicePlugin/Allocate', Buffer.from([0x0a, 0xff]))).toBe(13);
    expect(await raw('/v1beta1.DevicePlugin/Nothing', Buffer.alloc(0))).toBe(12);
    expect(await raw('/v1beta1.DevicePlugin/Allocate', Buffer.alloc(2 << 20))).toBe(8);
    client.close();
    expect(await connection.call('allocate', { container_requests: [{ ids: ['0000:81:01.0'] }] })).toMatchObject({ container_responses: [{ envs: { PCIDEVICE: '0000:81:01.0' } }] });
  });

  test('what lies at the socket\'s place is replaced, be it a stale socket or a file', async () => {
    const played = await kubelet('plugins_registry');
    await writeFile(join(played.registry, SOCKET), 'stale');
    await chmod(join(played.registry, SOCKET), 0o000);
    registryOf(played).register(new HandPlugin([device('0000:81:01.0')]));
    await soon(async () => expect((await stat(join(played.registry, SOCKET))).isSocket()).toBe(true));
    expect((await played.meet(SOCKET)).info['name']).toBe(RESOURCE);
  });
});

describe('a kubelet without plugin watcher', () => {
  const request = { version: 'v1beta1', endpoint: SOCKET, resource_name: RESOURCE, options: { pre_start_required: false, get_preferred_allocation_available: true } };

  test('is called on its own socket, with the name of ours', async () => {
    const played = await kubelet('device-plugins');
    await played.startLegacy();
    const registry = registryOf(played);
    registry.register(new HandPlugin([device('0000:81:01.0')]));
    await soon(() => expect(played.registrations.at(-1)).toEqual(request));
    const connection = played.connect(join(played.legacy, SOCKET));
    await soon(() => expect(connection.devices).toEqual(['0000:81:01.0']));
    await soon(() => expect(registry.registrations()).toEqual([{ resourceName: RESOURCE, mode: 'legacy', registered: true, problem: undefined }]));
  });

  test('that comes up later is called then', async () => {
    const played = await kubelet('device-plugins');
    const registry = registryOf(played);
    registry.register(new HandPlugin([device('0000:81:01.0')]));
    await soon(() => expect(registry.registrations()[0]?.problem).toContain('kubelet.sock'));
    await played.startLegacy();
    await soon(() => expect(played.registrations.at(-1)).toEqual(request));
  });

  test('that restarts, and removes every socket, is called again by each plugin', async () => {
    const played = await kubelet('device-plugins');
    await played.startLegacy();
    const registry = registryOf(played);
    registry.register(new HandPlugin([device('0000:81:01.0')]));
    registry.register(new HandPlugin([device('0000:82:01.0')], 'intel.com/other'));
    await soon(() => expect(new Set(played.registrations.map((one) => one['resource_name'])).size).toBe(2));
    for (let restart = 1; restart <= 3; restart++) {
      played.stopServers();
      played.registrations.length = 0;
      await played.startLegacy();
      await soon(() => expect(new Set(played.registrations.map((one) => one['resource_name']))).toEqual(new Set(['intel.com/other', RESOURCE])));
      const connection = played.connect(join(played.legacy, SOCKET));
      await soon(() => expect(connection.devices).toEqual(['0000:81:01.0']));
    }
  });

  test('that refuses is asked again until it accepts', async () => {
    const played = await kubelet('device-plugins');
    played.refuse = 'not now';
    await played.startLegacy();
    const registry = registryOf(played);
    registry.register(new HandPlugin([device('0000:81:01.0')]));
    await soon(() => expect(registry.registrations()[0]?.problem).toBe('the kubelet did not take the registration: not now'));
    played.refuse = undefined;
    await soon(() => expect(played.registrations.at(-1)).toEqual(request));
  });

  test('a plugin that never reached a kubelet can be stopped', async () => {
    const played = await kubelet('device-plugins');
    const registry = registryOf(played);
    registry.register(new HandPlugin([])).stop();
    await call(clientOf(join(played.legacy, SOCKET)), 'getInfo', {}).catch(() => undefined);
    await registry.close();
    expect(await readdir(played.legacy)).toEqual([]);
  });
});
