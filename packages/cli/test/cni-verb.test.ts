// Goal: what vfleet puts on a node goes again, and what was there before is there again. Method: folders that stand for a host's root file system,
// the verb's own words, and everything in the folders compared before and after.
import { lstat, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../src/program.ts';
import { wrappedNetwork } from '../src/verbs/cni/wrapped-network.ts';

let host: string;
let from: string;
beforeEach(async () => {
  host = await mkdtemp(join(tmpdir(), 'vfleet-cni-verb-'));
  from = join(host, '..', `${host.split('/').at(-1)}-executable`);
  await writeFile(from, 'ELF vfleet-cni/1 first');
});
afterEach(async () => {
  await rm(host, { recursive: true, force: true });
  await rm(from, { force: true });
});

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(host, path)), { recursive: true });
  await writeFile(join(host, path), text);
}

/** Every path with its mode and content. */
async function everything(): Promise<Readonly<Record<string, string>>> {
  const paths = (await readdir(host, { recursive: true })).toSorted();
  return Object.fromEntries(await Promise.all(paths.map(async (path) => {
    const stat = await lstat(join(host, path));
    return [path, `${(stat.mode & 0o7777).toString(8)} ${stat.isFile() ? await readFile(join(host, path), 'utf8') : ''}`] as const;
  })));
}

async function cni(...words: readonly string[]): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  const said = { out: '', err: '' };
  const status = await run(['cni', ...words, '--root', host], { environment: {}, terminal: { out: (text) => void (said.out += text), err: (text) => void (said.err += text), colours: false } });
  return { status, ...said };
}
const install = (...words: readonly string[]) => cni('install', '--from', from, ...words);

const NETWORK = { cniVersion: '1.0.0', name: 'cluster', plugins: [{ type: 'bridge', ipam: { type: 'host-local' } }, { type: 'portmap', capabilities: { portMappings: true, bandwidth: false } }] };

describe('vfleet cni', () => {
  test('a folder that cannot be is told with its path and what to do', async () => {
    await put('opt/cni', 'a file');
    const { status, err } = await install();
    expect(status).toBe(1);
    expect(err).toMatch(/ENOTDIR.*\/opt\/cni\/bin|EEXIST.*\/opt\/cni/);
    expect(err).toContain('Run as root');
    expect(err).not.toContain('    at ');
  });

  test('install puts three executables there, again changes nothing, and a newer one takes their place', async () => {
    await mkdir(join(host, 'opt/cni/bin'), { recursive: true });
    expect(await install()).toMatchObject({ status: 0, out: 'installed /opt/cni/bin/sriov\ninstalled /opt/cni/bin/ib-sriov\ninstalled /opt/cni/bin/vfleet\n' });
    const first = await everything();
    expect(first).toMatchObject({ 'opt/cni/bin/sriov': '755 ELF vfleet-cni/1 first' });
    expect(await install()).toMatchObject({ status: 0, out: '' });
    expect(await everything()).toEqual(first);
    await writeFile(from, 'ELF vfleet-cni/1 second');
    expect((await install()).status).toBe(0);
    expect((await everything())['opt/cni/bin/ib-sriov']).toBe('755 ELF vfleet-cni/1 second');
    expect(Object.keys(await everything()).filter((path) => path.includes('vfleet-new') || path.includes('before'))).toEqual([]);
  });

  test('remove leaves the node as it was, with somebody else\'s plugin and the cluster\'s network', async () => {
    await put('opt/cni/bin/sriov', 'the plugin in Go');
    await put('opt/cni/bin/bridge', 'bridge');
    await put('etc/cni/net.d/10-cluster.conflist', JSON.stringify(NETWORK));
    for (const path of ['cluster/lock', 'cluster/last_reserved_ip.0', 'macvlan/10.0.0.1', 'macvlan/last_reserved_ip.0']) await put(`var/lib/cni/networks/${path}`, '');
    await mkdir(join(host, 'run'));
    const before = await everything();
    expect((await install('--cluster-network', 'wrap')).out).toContain('/etc/cni/net.d/00-vfleet.conflist is in front of 10-cluster.conflist');
    expect(await everything()).toMatchObject({ 'opt/cni/bin/sriov': '755 ELF vfleet-cni/1 first', 'opt/cni/bin/sriov.before-vfleet': expect.stringContaining('the plugin in Go') });
    for (const path of ['var/lib/cni/vfleet/pods/x.json', 'var/lib/vfleet/device-plugin/allocations.json', 'etc/sriov-operator/pfs/x.json', 'run/vfleet/cni.sock']) await put(path, '{}');
    for (const path of ['var/lib/cni/networks/sriov-net-1/last_reserved_ip.0', 'run/k8s.cni.cncf.io/devinfo/dp/openshift.io-a-0000:81:01.0-device.json']) await put(path, '{}');
    expect((await cni('remove')).status).toBe(0);
    expect(await everything()).toEqual(before);
    expect(await cni('remove')).toMatchObject({ status: 0, out: '' });
  });

  test('remove leaves what another device plugin has told', async () => {
    await put('run/k8s.cni.cncf.io/devinfo/dp/example.com-a-0000:81:01.0-device.json', '{}');
    const before = await everything();
    await put('run/k8s.cni.cncf.io/devinfo/dp/openshift.io-a-0000:81:01.0-device.json', '{}');
    expect((await cni('remove')).status).toBe(0);
    expect(await everything()).toEqual(before);
  });

  test('remove refuses while pods have VFs, and changes nothing', async () => {
    await install();
    await put('var/lib/cni/vfleet/vfs/0000:81:01.0.json', '{}');
    const before = await everything();
    expect(await cni('remove')).toMatchObject({ status: 1, err: expect.stringMatching(/still have VFs: 0000:81:01\.0/) });
    expect(await everything()).toEqual(before);
  });

  test('remove leaves executables of others alone, a link among them', async () => {
    await put('opt/cni/bin/vfleet', 'of somebody else');
    await symlink('/nowhere', join(host, 'opt/cni/bin/sriov'));
    const before = await everything();
    expect((await cni('remove')).status).toBe(0);
    expect(await everything()).toEqual(before);
  });

  test.each([
    ['no executable', async () => rm(from), [], 'cannot be read'],
    ['another executable', async () => writeFile(from, 'ELF'), [], 'is not the CNI executable of vfleet'],
    ['no network', async () => undefined, ['--cluster-network', 'wrap'], 'there is no network in /etc/cni/net.d'],
    ['Multus in front of the network', async () => put('etc/cni/net.d/00-multus.conf', '{"cniVersion":"1.0.0","name":"multus-cni-network","type":"multus-shim"}'), ['--cluster-network', 'wrap'], '00-multus.conf cannot be wrapped: it is Multus, which gives pods their networks itself'],
    ['a network that is no JSON', async () => put('etc/cni/net.d/10.conf', '{'), ['--cluster-network', 'wrap'], '10.conf cannot be wrapped: it is no JSON object'],
  ])('install with %s is an error with a remedy', async (_, prepare, words, says) => {
    await prepare();
    expect(await install(...words)).toMatchObject({ status: 1, err: expect.stringContaining(says) });
  });
});

describe('the network in front', () => {
  test('keeps name, version and plugins, and asks for what they want', () => {
    const wrapped = wrappedNetwork(JSON.stringify(NETWORK));
    expect(JSON.parse(wrapped.ok ? wrapped.value : '')).toEqual({ cniVersion: '1.0.0', name: 'cluster', plugins: [{ type: 'vfleet', capabilities: { portMappings: true }, delegates: [NETWORK] }] });
  });

  test('of a single plugin is a list with it', () => {
    const plugin = { cniVersion: '0.3.1', name: 'n', type: 'macvlan' };
    const wrapped = wrappedNetwork(JSON.stringify(plugin));
    expect(JSON.parse(wrapped.ok ? wrapped.value : '')).toEqual({ cniVersion: '0.3.1', name: 'n', plugins: [{ type: 'vfleet', delegates: [{ name: 'n', plugins: [plugin] }] }] });
  });

  test.each(['', '[]', '{}', '{"name":""}', '{"name":"n","cniVersion":1}', '{"name":"n","plugins":{}}', '{"name":"n","plugins":[]}', '{"name":"n","plugins":[{}]}', '{"name":"n","type":"vfleet"}', '{"name":"n","plugins":[{"type":"multus"}]}'])('%s is refused', (text) => expect(wrappedNetwork(text).ok).toBe(false));

  test('whatever a file has in it is refused or wrapped, without an exception', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      const wrapped = wrappedNetwork(text);
      if (wrapped.ok) expect(JSON.parse(wrapped.value)).toHaveProperty('plugins');
    }));
  });
});
