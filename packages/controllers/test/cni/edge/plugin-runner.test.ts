// Goal: a plugin that others wrote may answer, refuse, print nonsense, hang or be missing, and each is told apart. Method: small scripts as
// plugins, really executed.
import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemFiles } from '@vfleet/core';
import { RealClock } from '@vfleet/core/real.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPluginRunner } from '../../../src/cni/edge/real-plugin-runner.ts';
import { createIpam } from '../../../src/ipam/index.ts';
import type { IpamRequest } from '../../../src/ipam/index.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cni-plugins-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function plugin(name: string, script: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, name), 0o755);
}

const runner = (timeoutMs = 120_000) => createPluginRunner({ clock: new RealClock() }, [join(folder, 'nowhere'), folder], timeoutMs);
const request = (type: string, more: Partial<IpamRequest> = {}): IpamRequest => ({
  containerId: 'c1', ifname: 'net1', netns: '/run/netns/a', pod: { namespace: 'x', name: 'web', uid: 'u-1' }, network: 'net', config: { type, range: '10.1.0.0/16' }, requestedIps: [], ...more,
});

describe('an IPAM plugin that is installed', () => {
  test('gets the whole network, the sandbox and the pod, and its addresses, routes and name servers are taken over', async () => {
    await plugin('whereabouts', `cat > ${folder}/input; env | grep ^CNI_ | sort > ${folder}/environment
      echo '{"cniVersion":"1.0.0","ips":[{"address":"10.1.0.9/16","gateway":"10.1.0.1"}],"routes":[{"dst":"0.0.0.0/0","gw":"10.1.0.1"}],"dns":{"nameservers":["10.1.0.1"]}}'`);
    const ipam = createIpam(new MemFiles(), runner());
    expect(await ipam.allocate(request('whereabouts', { requestedIps: ['10.1.0.9'] }))).toEqual({
      ok: true, value: { ips: [{ address: '10.1.0.9/16', gateway: '10.1.0.1' }], routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.1' }], dns: { nameservers: ['10.1.0.1'] } },
    });
    const { readFile } = await import('node:fs/promises');
    expect(JSON.parse(await readFile(join(folder, 'input'), 'utf8'))).toEqual({ cniVersion: '1.0.0', name: 'net', type: 'sriov', ipam: { type: 'whereabouts', range: '10.1.0.0/16' }, args: { cni: { ips: ['10.1.0.9'] } }, runtimeConfig: { ips: ['10.1.0.9'] } });
    expect((await readFile(join(folder, 'environment'), 'utf8')).trim().split('\n')).toEqual([
      'CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=x;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_UID=u-1', 'CNI_COMMAND=ADD', 'CNI_CONTAINERID=c1', 'CNI_IFNAME=net1', 'CNI_NETNS=/run/netns/a', `CNI_PATH=${folder}/nowhere:${folder}`,
    ]);
    expect(await ipam.release(request('whereabouts'))).toEqual({ ok: true, value: undefined });
  });

  test('is looked for in the host\'s root file system where that is mounted elsewhere, also by a link that leads nowhere from out here', async () => {
    await plugin('mounted', 'true');
    await symlink('/nowhere/but/on/the/host', join(folder, 'linked'));
    const inRoot = createPluginRunner({ clock: new RealClock() }, [folder], undefined, '/.');
    expect(['mounted', 'linked', 'absent'].map((type) => inRoot.has(type))).toEqual([true, true, false]);
    expect(runner().has('linked')).toBe(false);
    // chroot(2) takes root.
    const ran = await inRoot.run({ type: 'mounted', environment: { CNI_COMMAND: 'DEL' }, input: '' });
    expect(ran).toMatchObject({ kind: 'ended', status: process.getuid?.() === 0 ? 0 : expect.any(Number) as number });
  });

  test.each([
    ['refuses', 'echo \'{"cniVersion":"1.0.0","code":102,"msg":"no addresses left","details":"range 10.1"}\'; exit 1', 'delegate', 'no addresses left; range 10.1'],
    ['asks to try again', 'echo \'{"code":11,"msg":"busy"}\'; exit 1', 'tryAgain', 'busy'],
    ['dies without a word', 'exit 3', 'delegate', 'exit status 3'],
    ['is killed', 'kill -9 $$', 'delegate', 'was killed'],
    ['prints nonsense', 'echo hello', 'delegate', 'it printed no result'],
    ['prints nothing', 'true', 'delegate', 'it printed no result'],
    ['answers in a version of the future', 'echo \'{"cniVersion":"9.9.9"}\'', 'delegate', 'it printed no result'],
    ['gives an address without length', 'echo \'{"cniVersion":"1.0.0","ips":[{"address":"10.1.0.9"}]}\'', 'delegate', 'ips[0] has no address'],
    ['gives routes that are none', 'echo \'{"cniVersion":"1.0.0","ips":[{"address":"10.1.0.9/16"}],"routes":[{"dst":"x"}]}\'', 'delegate', 'routes[0]'],
    ['prints without end', 'yes', 'delegate', 'prints without end'],
  ])('that %s is an error with its words', async (name, script, code, says) => {
    const type = `bad-${name.replaceAll(' ', '-')}`;
    await plugin(type, script);
    expect(await createIpam(new MemFiles(), runner()).allocate(request(type))).toMatchObject({ ok: false, error: { code, cause: expect.stringContaining(says) as string } });
  });

  test('that hangs is killed', async () => {
    await plugin('hangs', 'exec sleep 60');
    expect(await createIpam(new MemFiles(), runner(300)).allocate(request('hangs'))).toMatchObject({ ok: false, error: { code: 'delegate', cause: expect.stringContaining('did not end within 0.3 s') as string } });
  });

  test('whose answer is of no use is asked to take it back', async () => {
    await plugin('useless', `echo "$CNI_COMMAND" >> ${folder}/useless-calls; echo '{"cniVersion":"1.0.0","ips":[{"address":"10.1.0.9/16"}],"routes":[{"dst":"x"}]}'`);
    await createIpam(new MemFiles(), runner()).allocate(request('useless'));
    const { readFile } = await import('node:fs/promises');
    expect(await readFile(join(folder, 'useless-calls'), 'utf8')).toBe('ADD\nDEL\n');
  });
});

test('what is not installed, or not executable, or no file name, is unknown', async () => {
  await writeFile(join(folder, 'plain'), 'no program');
  await chmod(join(folder, 'plain'), 0o644);
  for (const type of ['missing', 'plain', '../../bin/true', '.', '/bin/true', 'a b']) {
    expect(runner().has(type)).toBe(false);
    expect(await createIpam(new MemFiles(), runner()).allocate(request(type))).toMatchObject({ ok: false, error: { code: 'unknownType' } });
    expect(await runner().run({ type, environment: {}, input: '' })).toMatchObject({ kind: 'failed' });
  }
});
