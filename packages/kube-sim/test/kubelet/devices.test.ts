/**
 * Goal: no device is ever held twice, no more is handed out than is healthy, and a restart forgets nothing. Method: the pure choice
 * under drawn requests and malicious preferences; the device manager under drawn allocations, frees and restarts on one disk.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ContainerAllocation, DevicePlugin, PluginDevice } from '@vfleet/core';
import { fail, MemFiles, ok, silentLog } from '@vfleet/core';
import { CHECKPOINT_PATH, parseCheckpoint } from '@vfleet/kube-sim/kubelet/device-checkpoint.ts';
import { DeviceManager } from '@vfleet/kube-sim/kubelet/device-manager.ts';
import { alignedNumaNode, chooseDevices } from '@vfleet/kube-sim/kubelet/devices.ts';
import { asking, pod, VF } from '../scheduler/fixtures.ts';

const device = (id: string, healthy = true, numaNodes: readonly number[] = []): PluginDevice => ({ id, healthy, numaNodes });
const none: ContainerAllocation = { env: {}, mounts: [], devices: [], annotations: {} };

describe('chooseDevices', () => {
  const request = fc.record({
    size: fc.integer({ min: 1, max: 6 }),
    devices: fc.array(fc.record({ healthy: fc.boolean(), numa: fc.integer({ min: -1, max: 1 }) }), { maxLength: 10 }),
    inUse: fc.uniqueArray(fc.integer({ min: 0, max: 9 })),
    preferred: fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 8 }),
    numaNode: fc.option(fc.integer({ min: 0, max: 1 }), { nil: undefined }),
  });

  it('takes exactly what is asked from what is healthy and free, whatever the plugin prefers', () => {
    fc.assert(fc.property(request, ({ size, devices, inUse, preferred, numaNode }) => {
      const listed = devices.map(({ healthy, numa }, index) => device(`d${index}`, healthy, numa < 0 ? [] : [numa]));
      const taken = new Set(inUse.map((index) => `d${index}`));
      const free = listed.filter(({ id, healthy }) => healthy && !taken.has(id));
      const choice = chooseDevices({ size, devices: listed, inUse: taken, reusable: [], numaNode, prefer: () => preferred.map((index) => `d${index}`) });
      expect(choice.ok).toBe(free.length >= size);
      if (!choice.ok) return;
      expect(new Set(choice.ids).size).toBe(size);
      for (const id of choice.ids) expect(free.map((one) => one.id)).toContain(id);
      const aligned = free.filter(({ numaNodes }) => numaNode !== undefined && numaNodes.includes(numaNode)).map(({ id }) => id);
      // Devices on the wanted node go first, as far as they reach.
      expect(choice.ids.filter((id) => aligned.includes(id)).length).toBe(Math.min(size, aligned.length));
    }));
  });

  it('takes reusable devices first, though they are in use', () => {
    const choice = chooseDevices({ size: 2, devices: [device('a'), device('b'), device('c')], inUse: new Set(['b']), reusable: ['b'], prefer: ({ available, mustInclude }) => [...mustInclude, ...available.toReversed()] });
    expect(choice).toEqual({ ok: true, ids: ['b', 'c'] });
  });
});

describe('alignedNumaNode', () => {
  const demand = (size: number, ...numa: number[]) => ({ size, available: numa.map((one, index) => device(`${index}`, true, [one])) });

  it('finds the node that serves every resource', () => {
    expect(alignedNumaNode('single-numa-node', [demand(1, 0, 1), demand(2, 1, 1, 0)])).toEqual({ node: 1 });
    expect(alignedNumaNode('single-numa-node', [demand(2, 0, 1)])).toBe('refused');
    expect(alignedNumaNode('best-effort', [demand(2, 0, 1)])).toEqual({});
    expect(alignedNumaNode('none', [demand(1, 0)])).toEqual({});
    expect(alignedNumaNode('restricted', [{ size: 1, available: [device('x')] }])).toEqual({});
  });
});

/** A plugin over a list that tests may change. */
class ListPlugin implements DevicePlugin {
  readonly resourceName = VF;
  devices: readonly PluginDevice[];
  refuse = false;
  #sink: ((devices: readonly PluginDevice[]) => void) | undefined;

  constructor(devices: readonly PluginDevice[]) {
    this.devices = devices;
  }

  listAndWatch(sink: (devices: readonly PluginDevice[]) => void) {
    this.#sink = sink;
    sink(this.devices);
    return { stop: () => { this.#sink = undefined; } };
  }

  set(devices: readonly PluginDevice[]) {
    this.devices = devices;
    this.#sink?.(devices);
  }

  getPreferredAllocation() {
    return [];
  }

  async allocate(containers: readonly (readonly string[])[]) {
    if (this.refuse) return fail('device is gone');
    return ok(containers.map((ids) => ({ ...none, env: { DEVICES: ids.join(',') } })));
  }
}

async function manager(files: MemFiles, ...plugins: readonly DevicePlugin[]): Promise<DeviceManager> {
  const made = new DeviceManager(files, silentLog, 'none', () => undefined);
  for (const plugin of plugins) made.register(plugin);
  await made.start();
  return made;
}

const held = (devices: DeviceManager) => devices.podDevices().flatMap(({ containers }) => containers.flatMap((one) => one.devices.flatMap(({ ids }) => ids)));

describe('DeviceManager', () => {
  it('never holds a device twice nor more than there are, and remembers all of it across restarts', async () => {
    const action = fc.oneof(
      fc.record({ kind: fc.constant('allocate' as const), pod: fc.integer({ min: 0, max: 9 }), size: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ kind: fc.constant('free' as const), pod: fc.integer({ min: 0, max: 9 }) }),
      fc.record({ kind: fc.constant('restart' as const) }),
    );
    await fc.assert(fc.asyncProperty(fc.array(action, { maxLength: 30 }), async (actions) => {
      const files = new MemFiles();
      const plugin = new ListPlugin(Array.from({ length: 8 }, (_, index) => device(`d${index}`)));
      let devices = await manager(files, plugin);
      const expected = new Map<string, number>();
      for (const one of actions) {
        if (one.kind === 'restart') {
          devices.stop();
          devices = await manager(files, plugin);
        } else if (one.kind === 'free') {
          await devices.free(`uid-p${one.pod}`);
          expected.delete(`uid-p${one.pod}`);
        } else if ((await devices.allocate(asking(`p${one.pod}`, { [VF]: `${one.size}` }))).ok) {
          if (!expected.has(`uid-p${one.pod}`)) expected.set(`uid-p${one.pod}`, one.size);
        }
        const ids = held(devices);
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids.length).toBe([...expected.values()].reduce((sum, size) => sum + size, 0));
        expect(ids.length).toBeLessThanOrEqual(8);
      }
    }), { numRuns: 60 });
  });

  it('says what kubelet says when it cannot allocate', async () => {
    const plugin = new ListPlugin([device('a')]);
    const devices = await manager(new MemFiles(), plugin);
    const allocate = async (name: string) => {
      const result = await devices.allocate(asking(name, { [VF]: '1' }));
      return result.ok ? 'ok' : result.error.message;
    };
    expect(await allocate('p')).toBe('ok');
    expect(await allocate('q')).toBe(`Allocate failed due to requested number of devices unavailable for ${VF}. Requested: 1, Available: 0, which is unexpected`);
    plugin.set([device('a', false)]);
    expect(await allocate('q')).toBe(`Allocate failed due to no healthy devices present; cannot allocate unhealthy devices ${VF}, which is unexpected`);
    plugin.set([device('a'), device('b')]);
    plugin.refuse = true;
    expect(await allocate('q')).toBe('Allocate failed due to rpc error: code = Unknown desc = device is gone, which is unexpected');
    expect(held(devices)).toEqual(['a']);
  });

  it('takes nothing for a pod of which one container cannot be served', async () => {
    const devices = await manager(new MemFiles(), new ListPlugin([device('a'), device('b')]));
    const container = (name: string, count: string) => ({ name, image: 'x', resources: { limits: { [VF]: count } } });
    expect((await devices.allocate(pod('p', { containers: [container('one', '1'), container('two', '2')] }))).ok).toBe(false);
    expect(held(devices)).toEqual([]);
  });

  it('gives an init container\'s device on to a container', async () => {
    const devices = await manager(new MemFiles(), new ListPlugin([device('a')]));
    const container = (name: string) => ({ name, image: 'x', resources: { limits: { [VF]: '1' } } });
    const result = await devices.allocate(pod('p', { initContainers: [container('init')], containers: [container('main')] }));
    expect(result.ok).toBe(true);
    expect(devices.devicesOf('uid-p')?.containers.map(({ name, devices: list }) => [name, list[0]!.ids])).toEqual([['init', ['a']], ['main', ['a']]]);
  });

  it('ignores resources that no plugin has ever announced, as kubelet does', async () => {
    const devices = await manager(new MemFiles());
    expect((await devices.allocate(asking('p', { [VF]: '1' }))).ok).toBe(true);
    expect(devices.podDevices()).toEqual([]);
  });

  it('counts a resource of a plugin that has gone as 0 allocatable, and refuses pods for it after a restart', async () => {
    const files = new MemFiles();
    const devices = await manager(files);
    const registration = devices.register(new ListPlugin([device('a'), device('b')]));
    await devices.allocate(asking('p', { [VF]: '1' }));
    registration.stop();
    expect(devices.capacity()).toEqual([{ resourceName: VF, capacity: 2, allocatable: 0 }]);
    const next = await manager(files);
    expect(next.capacity()).toEqual([{ resourceName: VF, capacity: 0, allocatable: 0 }]);
    const result = await next.allocate(asking('q', { [VF]: '1' }));
    expect(result.ok ? '' : result.error.message).toContain(`cannot allocate unregistered device ${VF}`);
  });

  it('hands nothing out that it could not write down', async () => {
    const devices = await manager(new MemFiles((operation) => (operation === 'replace' ? 'noSpace' : 'none')), new ListPlugin([device('a')]));
    expect((await devices.allocate(asking('p', { [VF]: '1' }))).ok).toBe(false);
    expect(held(devices)).toEqual([]);
  });

  it('notices a damaged checkpoint', async () => {
    const files = new MemFiles();
    const devices = await manager(files, new ListPlugin([device('a')]));
    await devices.allocate(asking('p', { [VF]: '1' }));
    files.tear(CHECKPOINT_PATH, 3);
    const torn = await files.read(CHECKPOINT_PATH);
    expect(parseCheckpoint(torn.ok ? torn.value : '')).toBeUndefined();
    expect(held(await manager(files))).toEqual([]);
  });
});
