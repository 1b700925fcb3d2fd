// Goal: people look into pods as their documents tell them to: `kubectl exec POD -- ip a` and `kubectl logs`, unmodified. Method: the
// kubectl on the PATH (skipped, and said so, where there is none) and @kubernetes/client-node against the served loop, compared with
// what the hardware and the pod's annotation say.
import { spawn, spawnSync } from 'node:child_process';
import { PassThrough, Writable } from 'node:stream';
import { request } from 'node:https';
import { Exec, KubeConfig, Log } from '@kubernetes/client-node';
import { pods } from '@vfleet/kube';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { create, exampleFleet, manifest, networkStatusOf, servedLoop } from './harness.ts';

const hasKubectl = spawnSync('kubectl', ['version', '--client'], { encoding: 'utf8' }).status === 0;
if (!hasKubectl) process.stderr.write('skipped: exec and logs by kubectl, because there is none on the PATH\n');

const NAME = 'sriov-test-pod';
let loop: Awaited<ReturnType<typeof servedLoop>>;
const config = new KubeConfig();
let net1: { readonly mac: string; readonly address: string };

beforeAll(async () => {
  loop = await servedLoop(exampleFleet('sriov-operator-article/fleet.yaml'));
  config.loadFromFile(loop.kubeconfigPath);
  for (const file of ['policy', 'network', 'pod']) await create(loop.world.kube, ...manifest(`sriov-operator-article/${file}.yaml`));
  const pod = () => loop.world.kube.get(pods, { namespace: 'default', name: NAME });
  while ((await pod()).status?.phase !== 'Running') await new Promise((resolve) => setTimeout(resolve, 50));
  const status = networkStatusOf(await pod()).find((one) => one.interface === 'net1')!;
  net1 = { mac: status.mac!, address: status.ips![0]! };
});
afterAll(() => loop.stop());

describe.runIf(hasKubectl)('kubectl', () => {
  function kubectl(...words: readonly string[]): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
    return new Promise((resolve, reject) => {
      const child = spawn('kubectl', [...words], { env: { PATH: process.env['PATH'], HOME: loop.folder, KUBECONFIG: loop.kubeconfigPath }, stdio: ['pipe', 'pipe', 'pipe'] });
      let out = '';
      let err = '';
      child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
      child.on('error', reject);
      child.on('close', (status) => resolve({ status: status ?? -1, out, err }));
      child.stdin.on('error', () => undefined);
      child.stdin.end('typed by somebody\n');
    });
  }

  test('exec: ip a, ifconfig, the MAC, the device\'s variable', async () => {
    const shown = await kubectl('exec', NAME, '--', 'ip', 'a');
    expect(shown).toMatchObject({ status: 0, err: '' });
    expect(shown.out).toMatch(/^\d: net1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500/m);
    expect(shown.out).toContain(`    link/ether ${net1.mac} brd ff:ff:ff:ff:ff:ff\n    inet ${net1.address}/24 brd 10.10.10.255 scope global net1\n`);
    expect((await kubectl('exec', NAME, '--', 'ifconfig', 'net1')).out).toContain(`inet ${net1.address}  netmask 255.255.255.0`);
    expect((await kubectl('exec', '-i', NAME, '--', 'sh', '-c', 'cat /sys/class/net/net1/address')).out).toBe(`${net1.mac}\n`);
    expect((await kubectl('exec', NAME, '-c', 'test-app', '--', 'env')).out).toMatch(/^PCIDEVICE_OPENSHIFT_IO_INTEL-SRIOV-NETDEVICE=0000:81:0[0-9a-f]\.\d$/m);
    expect((await kubectl('exec', NAME, '--', 'ip', '-d', 'link', 'show', 'net1')).out).toContain('parentbus pci parentdev 0000:81:');
  });

  test('exec: exit codes, commands that nobody can answer, containers and pods that are not there', async () => {
    expect(await kubectl('exec', NAME, '--', 'false')).toEqual({ status: 1, out: '', err: 'command terminated with exit code 1\n' });
    expect(await kubectl('exec', '-it', NAME, '--', 'bash')).toMatchObject({ status: 127, err: expect.stringContaining('this pod is simulated') });
    expect((await kubectl('exec', NAME, '-c', 'other', '--', 'ip', 'a')).err).toContain(`container other is not valid for pod ${NAME}`);
    expect((await kubectl('exec', 'nobody', '--', 'ip', 'a')).err).toContain('pods "nobody" not found');
    expect((await kubectl('attach', NAME)).err).toContain('attach is not served');
    expect((await kubectl('port-forward', NAME, '18080:80')).err).toContain('portforward is not served');
  });

  test('logs: what the pod printed, its end, with times, of the run before, followed', async () => {
    const { out } = await kubectl('logs', NAME);
    expect(out).toBe((await kubectl('exec', NAME, '--', 'ip', 'a')).out);
    expect((await kubectl('logs', NAME, '--tail=2')).out.split('\n')).toHaveLength(3);
    expect((await kubectl('logs', NAME, '--tail=1', '--timestamps')).out).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z +valid_lft/);
    expect(await kubectl('logs', NAME, '-p')).toMatchObject({ status: 1, err: `Error from server (BadRequest): previous terminated container "test-app" in pod "${NAME}" not found\n` });
    const following = spawn('kubectl', ['logs', '-f', NAME], { env: { PATH: process.env['PATH'], HOME: loop.folder, KUBECONFIG: loop.kubeconfigPath } });
    let followed = '';
    following.stdout.on('data', (chunk: Buffer) => (followed += chunk.toString()));
    await expect.poll(() => followed).toBe(out);
    expect(following.exitCode).toBeNull();
    following.kill();
  });
});

describe('@kubernetes/client-node', () => {
  test('Exec: output, status and end', async () => {
    const out = new PassThrough();
    const err = new PassThrough();
    let printed = '';
    out.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    const run = (command: string[]) => new Promise<unknown>((resolve, reject) => {
      new Exec(config).exec('default', NAME, 'test-app', command, out, err, null, false, resolve).catch(reject);
    });
    expect(await run(['hostname'])).toMatchObject({ status: 'Success' });
    expect(printed).toBe(`${NAME}\n`);
    expect(await run(['false'])).toMatchObject({ status: 'Failure', reason: 'NonZeroExitCode', details: { causes: [{ reason: 'ExitCode', message: '1' }] } });
  });

  test('Log', async () => {
    let text = '';
    const sink = new Writable({ write: (chunk: Buffer, _encoding, done) => { text += chunk.toString(); done(); } });
    await new Log(config).log('default', NAME, 'test-app', sink, { tailLines: 5 });
    await expect.poll(() => text.split('\n').length).toBe(6);
    expect(text).toContain(net1.address);
  });
});

test('bad requests: not upgraded, SPDY, another protocol, no token, no command', async () => {
  const [user, cluster] = [config.getCurrentUser()!, config.getCurrentCluster()!];
  const ask = (path: string, headers: Readonly<Record<string, string>>, token = user.token!) => new Promise<string>((resolve, reject) => {
    const outgoing = request(`${cluster.server}/api/v1/namespaces/default/pods/${NAME}/${path}`, { ca: Buffer.from(cluster.caData!, 'base64'), headers: { authorization: `Bearer ${token}`, ...headers } }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString())).on('end', () => resolve(`${response.statusCode} ${(JSON.parse(text) as { message: string }).message}`));
    });
    outgoing.on('upgrade', (_response, socket) => {
      socket.destroy();
      resolve('upgraded');
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
  const webSocket = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-protocol': 'v5.channel.k8s.io' };
  expect(await ask('exec?command=ip&stdout=true', webSocket)).toBe('upgraded');
  expect(await ask('exec?command=ip&stdout=true', {})).toBe('400 Upgrade request required');
  expect(await ask('exec?command=ip&stdout=true', { connection: 'Upgrade', upgrade: 'SPDY/3.1' })).toContain('400 this server streams over WebSockets only');
  expect(await ask('exec?command=ip&stdout=true', { ...webSocket, 'sec-websocket-protocol': 'chat' })).toContain('400 this server speaks version 13 of WebSockets');
  expect(await ask('exec?command=ip&stdout=true', { ...webSocket, 'sec-websocket-key': 'short' })).toContain('400 this server speaks');
  expect(await ask('exec?command=ip&stdout=true', webSocket, 'wrong')).toBe('401 Unauthorized');
  expect(await ask('exec?stdout=true', webSocket)).toBe('400 you must specify at least one command for the container');
  expect(await ask('exec?command=ip', webSocket)).toContain('400 you must specify at least one of');
  expect(await ask('log?tailLines=-1', {})).toContain('422 PodLogOptions "" is invalid: tailLines: Invalid value: -1');
  expect(await ask('log?sinceTime=yesterday', {})).toContain('400 parsing time "yesterday"');
});
