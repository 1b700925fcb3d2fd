// Goal: our host-local and the CNI project's keep the same books: either may follow the other at any moment. Method: the real plugin, where
// the distribution's package has put it, and ours, step by step on two folders that must stay equal, and on one that both write.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createIpam } from '@vfleet/controllers';
import type { IpamRequest } from '@vfleet/controllers';
import { createPluginRunner } from '@vfleet/controllers/cni/edge/real-plugin-runner.ts';
import { NodeFiles, RealClock, SystemRandom } from '@vfleet/core/real.ts';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const folder = ['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni'].find((one) => existsSync(join(one, 'host-local')));
if (folder === undefined) process.stderr.write('The CNI project\'s plugins are not installed (Debian: containernetworking-plugins): the comparison with its host-local is not run.\n');

const clock = new RealClock();
const ours = createIpam(new NodeFiles(clock, new SystemRandom()));

interface Step {
  readonly do: 'allocate' | 'release';
  readonly container: number;
  /** Last octet that is asked for; most ask for none. */
  readonly wish: number | undefined;
}

const step: fc.Arbitrary<Step> = fc.record({ do: fc.constantFrom('allocate', 'allocate', 'release'), container: fc.integer({ min: 0, max: 5 }), wish: fc.option(fc.integer({ min: 0, max: 10 }), { nil: undefined, freq: 4 }) });

const configs = [
  { subnet: '10.1.1.0/29' },
  { subnet: '10.1.1.0/24', rangeStart: '10.1.1.3', rangeEnd: '10.1.1.6', gateway: '10.1.1.4', routes: [{ dst: '0.0.0.0/0' }, { dst: '192.168.0.0/16', gw: '10.1.1.9' }] },
  { ranges: [[{ subnet: '10.1.1.0/30' }, { subnet: '10.1.2.0/30' }], [{ subnet: 'fd00::/125' }]] },
];

function requestOf(config: object, dataDir: string, { container, wish }: Step): IpamRequest {
  return { containerId: `c${container}`, ifname: 'net1', network: 'net', config: { type: 'host-local', dataDir, ...config }, requestedIps: wish === undefined ? [] : [`10.1.1.${wish}`] };
}

interface GoAnswer {
  readonly ips: readonly { readonly address: string; readonly gateway: string }[];
  readonly routes: readonly object[];
}

/** The Go plugin's answer; undefined when it refuses. */
function theirs(what: Step['do'], { containerId, ifname, network, config, requestedIps }: IpamRequest): GoAnswer | undefined {
  const done = spawnSync(join(folder!, 'host-local'), {
    env: { CNI_COMMAND: what === 'allocate' ? 'ADD' : 'DEL', CNI_CONTAINERID: containerId, CNI_NETNS: '/run/netns/x', CNI_IFNAME: ifname, CNI_PATH: folder, CNI_ARGS: requestedIps.length > 0 ? `IP=${requestedIps[0]!}` : '' },
    input: JSON.stringify({ cniVersion: '1.0.0', name: network, type: 'sriov', ipam: config }), encoding: 'utf8',
  });
  if (done.status !== 0) return undefined;
  return { ips: [], routes: [], ...(what === 'release' ? {} : (JSON.parse(done.stdout) as Partial<GoAnswer>)) };
}

async function books(dataDir: string): Promise<Readonly<Record<string, string>>> {
  const at = join(dataDir, 'net');
  const names = existsSync(at) ? (await readdir(at)).filter((name) => !name.startsWith('lock')) : [];
  return Object.fromEntries(await Promise.all(names.toSorted().map(async (name) => [name, await readFile(join(at, name), 'utf8')] as const)));
}

async function inFolders(work: (one: string, other: string) => Promise<void>): Promise<void> {
  const made = await mkdtemp(join(tmpdir(), 'host-local-'));
  try {
    await work(join(made, 'a'), join(made, 'b'));
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

describe.runIf(folder !== undefined)('host-local beside the CNI project\'s', () => {
  test.each(configs.map((config) => [JSON.stringify(config), config]))('%s: answers and files are the same, step by step', async (_name, config) => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      await inFolders(async (a, b) => {
        const holders = new Set<number>();
        for (const one of steps) {
          // Asked twice by one owner, theirs refuses and ours gives what it has: kubelet repeats an ADD whose answer it lost.
          if (one.do === 'allocate' && holders.has(one.container)) continue;
          const own = await ours[one.do](requestOf(config, b, one));
          // An address that cannot be had moves their round-robin on before it is refused; ours stays, so theirs is asked on a copy.
          const unavailable = !own.ok && own.error.code === 'notAvailable';
          if (unavailable) await cp(a, `${a}-copy`, { recursive: true }).catch(() => undefined);
          const go = theirs(one.do, requestOf(config, unavailable ? `${a}-copy` : a, one));
          await rm(`${a}-copy`, { recursive: true, force: true });
          expect([one, own.ok]).toEqual([one, go !== undefined]);
          if (one.do === 'release') holders.delete(one.container);
          else if (own.ok && go !== undefined) {
            holders.add(one.container);
            expect(own.value).toEqual({ ips: go.ips.map(({ address, gateway }) => ({ address, gateway })), routes: go.routes, dns: {} });
          }
          expect(await books(b)).toEqual(await books(a));
        }
      });
    }), { numRuns: 12 });
  });

  test('on one folder, neither gives out what the other has given, and each releases for the other', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.tuple(step, fc.boolean()), { maxLength: 20 }), async (steps) => {
      await inFolders(async (shared) => {
        const held = new Map<number, string>();
        for (const [one, byGo] of steps) {
          if (one.do === 'allocate' && held.has(one.container)) continue;
          const request = requestOf(configs[0]!, shared, one);
          if (one.do === 'release') {
            if (byGo) theirs('release', request);
            else await ours.release(request);
            held.delete(one.container);
          } else {
            const go = byGo ? theirs('allocate', request) : undefined;
            const own = byGo ? undefined : await ours.allocate(request);
            const address = go !== undefined ? go.ips[0]?.address : own?.ok ? own.value.ips[0]?.address : undefined;
            if (address === undefined) continue;
            expect([...held.values()]).not.toContain(address);
            held.set(one.container, address);
          }
          const files = Object.keys(await books(shared)).filter((name) => /^\d/.test(name));
          expect(files.toSorted()).toEqual([...held.values()].map((address) => address.split('/')[0]!).toSorted());
        }
      });
    }), { numRuns: 12 });
  });

  test('a hundred of both at once never give one address twice', async () => {
    await inFolders(async (shared) => {
      const runner = createPluginRunner({ clock }, [folder!]);
      const executed = createIpam(new NodeFiles(clock, new SystemRandom()), { has: () => true, run: (call) => runner.run({ ...call, type: 'host-local' }) });
      const given = await Promise.all(Array.from({ length: 100 }, async (_, index) => {
        const request = requestOf({ subnet: '10.1.0.0/16' }, shared, { do: 'allocate', container: index, wish: undefined });
        const { type: _type, ...rest } = request.config;
        const result = await (index % 2 === 0 ? ours.allocate(request) : executed.allocate({ ...request, netns: '/run/netns/x', config: { type: 'the-real-one', ...rest } }));
        return result.ok ? result.value.ips[0]!.address : result.error.cause;
      }));
      expect(given.filter((address) => !/^10\.1\.\d+\.\d+\/16$/.test(address))).toEqual([]);
      expect(new Set(given).size).toBe(100);
    });
  });
});

test.runIf(folder !== undefined)('any plugin of theirs serves as IPAM by execution', async () => {
  const runner = createPluginRunner({ clock }, [folder!]);
  const renamed = createIpam(new NodeFiles(clock, new SystemRandom()), { has: (type) => type === 'elsewhere', run: (call) => runner.run({ ...call, type: 'static' }) });
  const request: IpamRequest = { containerId: 'c1', ifname: 'net1', netns: '/run/netns/x', network: 'net', config: { type: 'elsewhere', addresses: [{ address: '10.1.1.7/24', gateway: '10.1.1.1' }], routes: [{ dst: '0.0.0.0/0' }], dns: { nameservers: ['10.1.1.2'] } }, requestedIps: [] };
  expect(await renamed.allocate(request)).toEqual({ ok: true, value: { ips: [{ address: '10.1.1.7/24', gateway: '10.1.1.1' }], routes: [{ dst: '0.0.0.0/0' }], dns: { nameservers: ['10.1.1.2'] } } });
  expect(await renamed.check({ ...request, held: [{ address: '10.1.1.7/24', gateway: '10.1.1.1' }] })).toEqual({ ok: true, value: undefined });
  expect(await renamed.release(request)).toEqual({ ok: true, value: undefined });
});
