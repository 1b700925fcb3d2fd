// Goal: people use their own, unmodified kubectl. Method: the kubectl on the PATH against a served loop, from the article's policy
// to net1 and back; skipped, and said so, where there is none.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { exampleFleet, examples, servedLoop } from './harness.ts';

const version = spawnSync('kubectl', ['version', '--client', '-o', 'json'], { encoding: 'utf8' });
const hasKubectl = version.status === 0;
if (!hasKubectl) process.stderr.write('skipped: the tests of kubectl, because there is none on the PATH\n');

describe.runIf(hasKubectl)('kubectl', () => {
  let loop: Awaited<ReturnType<typeof servedLoop>>;
  let home: string;
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'vfleet-kubectl-'));
    loop = await servedLoop(exampleFleet('sriov-operator-article/fleet.yaml'));
  });
  afterAll(async () => {
    await loop.stop();
    rmSync(home, { recursive: true, force: true });
  });

  const environment = () => ({ PATH: process.env['PATH'], HOME: home, KUBECONFIG: loop.kubeconfigPath });

  /** Asynchronous: the server runs in this process. */
  function kubectl(words: readonly string[], input?: string): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
    return new Promise((resolve, reject) => {
      const child = spawn('kubectl', [...words], { env: environment(), stdio: ['pipe', 'pipe', 'pipe'] });
      let out = '';
      let err = '';
      child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
      child.on('error', reject);
      child.on('close', (status) => resolve({ status: status ?? -1, out, err }));
      child.stdin.on('error', () => undefined);
      child.stdin.end(input ?? '');
    });
  }

  async function ok(words: readonly string[], input?: string): Promise<string> {
    const done = await kubectl(words, input);
    expect(done.status, `kubectl ${words.join(' ')}\n${done.out}${done.err}`).toBe(0);
    return done.out;
  }

  test('the article, applied as files, down to net1', async () => {
    for (const file of ['policy', 'network']) expect(await ok(['apply', '-f', join(examples, `sriov-operator-article/${file}.yaml`)])).toContain('created');
    expect(await ok(['apply', '-f', join(examples, 'sriov-operator-article/pod.yaml')])).toBe('pod/sriov-test-pod created\n');
    expect(await ok(['wait', '--for=condition=Ready', 'pod/sriov-test-pod', '--timeout=120s'])).toContain('condition met');
    expect(await ok(['apply', '-f', join(examples, 'sriov-operator-article/pod.yaml')])).toBe('pod/sriov-test-pod unchanged\n');
  });

  test('get: several kinds at once, all namespaces, server-side columns', async () => {
    const all = () => ok(['get', 'nodes,sriovnetworknodestates,net-attach-def', '-A']);
    // A pod may run on a VF before the daemon has told that it is done.
    await expect.poll(all).toMatch(/sriovnetworknodestate\.sriovnetwork\.openshift\.io\/worker-0 +Succeeded +Idle +Idle/);
    const table = await all();
    expect(table).toMatch(/NAME +STATUS +ROLES +AGE +VERSION/);
    expect(table).toMatch(/node\/worker-0 +Ready/);
    expect(table).toMatch(/default +networkattachmentdefinition\.k8s\.cni\.cncf\.io\/sriov-net-1/);
    expect(await ok(['get', 'pods', '-o', 'wide'])).toMatch(/sriov-test-pod +1\/1 +Running +0 +\S+ +10\.244\.\d+\.\d+ +worker-\d/);
    expect(await ok(['get', 'sriovnetworknodestates.sriovnetwork.openshift.io', '-n', 'sriov-network-operator', 'worker-0', '-o', 'jsonpath={.status.interfaces[0].totalvfs}'])).toBe('128');
  });

  test('describe shows the events of the attachment', async () => {
    // Events come when they come, also after what they tell of.
    for (const words of ['Scheduled', 'AddedInterface', 'net1', 'Started container test-app', 'openshift.io/intel-sriov-netdevice']) await expect.poll(() => ok(['describe', 'pod', 'sriov-test-pod'])).toContain(words);
    expect(await ok(['describe', 'node', 'worker-0'])).toMatch(/openshift\.io\/intel-sriov-netdevice +[01] +[01]/);
  });

  test('patch, label, annotate, cordon', async () => {
    await ok(['patch', 'sriovnetwork', 'sriov-net-1', '-n', 'sriov-network-operator', '--type=merge', '-p', '{"spec":{"vlan":77}}']);
    await expect.poll(async () => JSON.parse(await ok(['get', 'net-attach-def', 'sriov-net-1', '-o', 'jsonpath={.spec.config}']))['vlan']).toBe(77);
    await ok(['patch', 'sriovnetwork', 'sriov-net-1', '-n', 'sriov-network-operator', '--type=json', '-p', '[{"op":"replace","path":"/spec/vlan","value":0}]']);
    expect((await kubectl(['patch', 'sriovnetwork', 'sriov-net-1', '-n', 'sriov-network-operator', '--type=merge', '-p', '{"spec":{"vlan":4095}}'])).err).toMatch(/spec\.vlan.*less than or equal to 4094/);
    await ok(['label', 'pod', 'sriov-test-pod', 'tier=data']);
    await ok(['annotate', 'pod', 'sriov-test-pod', 'note=kept']);
    expect(await ok(['get', 'pods', '-l', 'tier=data', '-o', 'name'])).toBe('pod/sriov-test-pod\n');
    await ok(['patch', 'pod', 'sriov-test-pod', '-p', '{"metadata":{"labels":{"tier":"control"}}}']);
    await ok(['cordon', 'worker-0']);
    expect(await ok(['get', 'node', 'worker-0'])).toContain('SchedulingDisabled');
    await ok(['uncordon', 'worker-0']);
  });

  test('get -o yaml goes back in unchanged', async () => {
    for (const words of [['pod', 'sriov-test-pod'], ['sriovnetworknodepolicy', 'policy-intel-nic', '-n', 'sriov-network-operator'], ['node', 'worker-1']]) {
      const text = await ok(['get', ...words, '-o', 'yaml']);
      const { metadata } = parse(text) as { metadata: { resourceVersion: string } };
      expect((await kubectl(['replace', '-f', '-'], text)).err).not.toMatch(/Invalid|BadRequest/);
      expect(metadata.resourceVersion).toMatch(/^\d+$/);
    }
    expect(await ok(['apply', '-f', '-'], await ok(['get', 'sriovnetwork', 'sriov-net-1', '-n', 'sriov-network-operator', '-o', 'yaml']))).toMatch(/unchanged|configured/);
  });

  test('get -w tells of changes; unknown fields are refused; api-resources and explain know our kinds', async () => {
    const watching = spawn('kubectl', ['get', 'pods', '-w', '--no-headers'], { env: environment() });
    let lines = '';
    watching.stdout.on('data', (chunk: Buffer) => (lines += chunk.toString()));
    await expect.poll(() => lines).toContain('sriov-test-pod');
    const other = readFileSync(join(examples, 'sriov-operator-article/pod.yaml'), 'utf8').replace('sriov-test-pod', 'second-pod');
    const path = join(home, 'second.yaml');
    writeFileSync(path, other);
    await ok(['create', '-f', path]);
    await expect.poll(() => lines).toMatch(/second-pod +1\/1 +Running/);
    watching.kill();
    expect((await kubectl(['create', '-f', '-'], other.replace('second-pod', 'third-pod').replace('containers:', 'contaners:'))).err).toContain('unknown field "spec.contaners"');
    expect(await ok(['api-resources', '--api-group=sriovnetwork.openshift.io'])).toMatch(/sriovnetworknodestates/);
    expect(await ok(['explain', 'sriovnetworknodepolicy.spec.numVfs'])).toContain('<integer>');
  });

  test('delete gives everything back', async () => {
    expect(await ok(['delete', 'pod', 'sriov-test-pod', 'second-pod', '--timeout=120s'])).toContain('deleted');
    await ok(['delete', '-f', join(examples, 'sriov-operator-article/network.yaml'), '--timeout=120s']);
    await expect.poll(async () => (await kubectl(['get', 'net-attach-def', '-A', '-o', 'name'])).out).toBe('');
    expect((await kubectl(['get', 'pod', 'sriov-test-pod'])).err).toContain('pods "sriov-test-pod" not found');
  });
});
