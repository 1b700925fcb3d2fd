// Goal: the daemon's pod has no right on its node that nothing needs. Method: a real kubelet and containerd, the image and deploy/demo.yaml as they are delivered; one
// right after the other is taken out of the DaemonSet, the pod is replaced, and what then fails must say so; with all of them pods get VFs, before and after. What only real
// NICs need is taken away in test/kernel/suite/60-least-rights.test.ts.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmod, chown, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod } from '@vfleet/kube';
import * as api from '@vfleet/kube';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildImage } from '../../../tools/images/build.ts';
import { attachTwoPods, installDemo, offerVfs, podWithVf } from '../../../tools/images/demo.ts';
import { DeliveredCluster, NAMESPACE } from '../images/delivered-cluster.ts';
import { eventually, runProgram } from '../kubelet/node-cluster.ts';
import { removals, rightsOf } from './removals.ts';
import type { Template } from './removals.ts';

const LOGS = join(import.meta.dirname, '../../../.vfleet/least-rights-logs');
const DAEMON = 'sriov-network-config-daemon';
const SELECTOR = `app.kubernetes.io/name=${DAEMON}`;
const POD = { image: 'example.com/sleeper:1', command: ['sleep', 'infinity'] } as const;
const NOBODY = 65_534;
/** As a volume of a pod's is: mounted before the daemon starts, and taken away while it runs. */
const VOLUME = '/var/lib/kubelet/a-volume';

describe('the daemon\'s rights on its node', { retry: 0 }, () => {
  let cluster: DeliveredCluster;
  let shipped: Template;
  let anotherUsers: ChildProcess;
  // Of a case of its own, so that nothing that is still said of the one before counts.
  let probe = 'probe';
  beforeAll(async () => {
    await mkdir(LOGS, { recursive: true });
    const image = buildImage({ output: join(tmpdir(), 'image'), epoch: 1_700_000_000 });
    // Whose failure is told by whoever waits for it.
    image.catch(() => undefined);
    cluster = await DeliveredCluster.start(LOGS);
    anotherUsers = spawn('sleep', ['infinity'], { uid: NOBODY, stdio: 'ignore' });
    await addPlugin(cluster, anotherUsers.pid!);
    await makeAnotherUsers(cluster.node.cniBin);
    await cluster.apply('deploy/crds/optional/k8s.cni.cncf.io_network-attachment-definitions.yaml');
    await cluster.node.importImages((await image).archive);
    await installAndUse().catch(async (error: unknown) => {
      await writeFile(join(LOGS, 'installation.txt'), await said());
      throw error;
    });
    // One goes, then the other comes: here it is to be missed.
    await cluster.own('patch', 'daemonset', DAEMON, '--type=merge', '--patch', JSON.stringify({ spec: { updateStrategy: { type: 'OnDelete', rollingUpdate: null }, minReadySeconds: 0 } }));
    shipped = (JSON.parse(await cluster.own('get', 'daemonset', DAEMON, '--output=json')) as { readonly spec: { readonly template: Template } }).spec.template;
  });
  afterAll(async () => {
    anotherUsers?.kill('SIGKILL');
    await cluster?.stop();
  });

  async function installAndUse(): Promise<void> {
    await installDemo(cluster.words);
    await offerVfs(cluster.words, cluster.node.name);
    await attachTwoPods(cluster.words, { name: 'second', ...POD });
  }

  async function replaceBy(template: Template): Promise<void> {
    await umount();
    await mkdir(VOLUME, { recursive: true });
    await runProgram('mount', ['-t', 'tmpfs', 'a-volume', VOLUME]);
    await cluster.own('patch', 'daemonset', DAEMON, '--type=json', '--patch', JSON.stringify([{ op: 'replace', path: '/spec/template', value: template }]));
    await cluster.own('delete', 'pod', `--selector=${SELECTOR}`, '--grace-period=5');
  }

  const umount = () => runProgram('umount', [VOLUME]).catch(() => undefined);
  const wantVf = () => cluster.words(['apply', '-f', '-'], JSON.stringify(podWithVf({ name: probe, ...POD })));
  const noProbe = () => cluster.kubectl('delete', 'pod', probe, '--ignore-not-found', '--grace-period=0', '--force');

  /** Makes a pod that wants a VF, once the daemon runs: before that it would fail for that. The kubelet refuses it for good while no VF is offered. */
  async function askForVf(): Promise<'wanted' | 'has one'> {
    const found = (await cluster.kube.list(api.pods, { namespace: 'default' })).items.find(({ metadata: { name } }) => name === probe);
    if (found?.status?.phase === 'Failed') await noProbe();
    if (found?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true) return 'has one';
    if ((found === undefined || found.status?.phase === 'Failed') && (await daemonSays(await daemons())).includes('"the node runs"')) {
      await umount();
      await wantVf();
    }
    return 'wanted';
  }

  const daemons = async () => (await cluster.kube.list(api.pods, { namespace: NAMESPACE, labelSelector: SELECTOR })).items;

  /** What the containers of the daemon's pod have printed, and those before them, as the kubelet keeps it, for a while also of pods that are gone. */
  async function daemonSays(pods: readonly Pod[]): Promise<string> {
    const folders = (await readdir('/var/log/pods').catch(() => [])).filter((name) => pods.some(({ metadata: { uid } }) => uid !== undefined && name.endsWith(`_${uid}`)));
    const files = await Promise.all(folders.map(async (name) => (await readdir(join('/var/log/pods', name), { recursive: true }).catch(() => [])).filter((file) => file.endsWith('.log')).map((file) => join('/var/log/pods', name, file))));
    return (await Promise.all(files.flat().map((file) => readFile(file, 'utf8').catch(() => '')))).join('\n');
  }

  /** Mounts that the daemon has still, and the host no more. */
  async function held(): Promise<readonly string[]> {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const read = (pid: string, file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
    const daemons = (await Promise.all(pids.map(async (pid) => [pid, await read(pid, 'cmdline')] as const))).filter(([, words]) => words.includes('/opt/vfleet/lib/main.js\0node\0'));
    const hasVolume = async (pid: string) => (await read(pid, 'mountinfo')).includes(` ${VOLUME} `);
    return (await hasVolume('self')) || !(await Promise.all(daemons.map(([pid]) => hasVolume(pid)))).includes(true) ? [] : [`held: ${VOLUME}`];
  }

  /** All that is said of the daemon's pod and of the one that wants a VF: states, logs, events. */
  async function said(): Promise<string> {
    const [pods, events] = await Promise.all([daemons(), cluster.kube.list(api.events)]);
    const happened = events.items.map(({ involvedObject: { name }, reason, message }) => `${name === probe ? 'probe' : name} ${reason} ${message}`);
    return [...pods.map(({ status }) => JSON.stringify(status)), await daemonSays(pods), ...happened, ...(await held())].join('\n');
  }

  test('what is shipped is what is taken away, here or on emulated NICs, and the operator has nothing', async () => {
    const { spec } = (JSON.parse(await cluster.own('get', 'deployment', 'sriov-network-operator', '--output=json')) as { readonly spec: { readonly template: Template } }).spec.template;
    expect(rightsOf({ spec: { ...spec, initContainers: [] } })).toEqual([]);
    // The API server has kept every one of them, and no default of its has added any (test/installation/node-rights.test.ts compares the manifests).
    expect(rightsOf(shipped)).toContain('SYS_MODULE of node');
    for (const { rights } of removals) expect(rightsOf(shipped)).toEqual(expect.arrayContaining([...rights]));
    expect(rightsOf(shipped).filter((name) => name.startsWith('privileged'))).toEqual([]);
  });

  test.each(removals.map((removal, index) => [removal.rights.join(', '), removal, `probe-${index}`] as const))('without %s', async (name, { takeAway, seen }, ownProbe) => {
    await noProbe();
    probe = ownProbe;
    await cluster.kubectl('delete', 'events', '--all', '--all-namespaces');
    const template = structuredClone(shipped);
    takeAway(template);
    expect(template).not.toEqual(shipped);
    // Something is to be installed.
    await rm(join(cluster.node.cniBin, 'ib-sriov'), { force: true });
    await replaceBy(template);
    const outcome = await eventually(async () => {
      const text = await said();
      await writeFile(join(LOGS, `${name.replaceAll(/[^\w-]+/g, '_')}.txt`), text);
      const missing = seen.filter((words) => !words.test(text));
      if (missing.length === 0) return 'fails';
      if ((await askForVf()) === 'has one') return 'a pod has a VF';
      throw new Error(`not said yet: ${missing.join(', ')}`);
    });
    expect(outcome).toBe('fails');
  });

  test('with all of them again a pod gets its VF, and pods that were there have had theirs all the time', async () => {
    await noProbe();
    probe = 'probe-last';
    await replaceBy(shipped);
    await eventually(async () => expect(await askForVf()).toBe('has one'));
    expect(await held()).toEqual([]);
    const pings = (pod: string) => cluster.exec(pod, 'ping', '-c', '1', '-W', '30', '-I', 'net1', '10.10.10.100');
    await eventually(async () => expect([await pings(probe), await pings('second')]).toEqual([expect.stringContaining('1 packets received'), expect.stringContaining('1 packets received')]));
  });
});

/** One more plugin behind those of the cluster's network, before vfleet is put in front of them. */
async function addPlugin(cluster: DeliveredCluster, pid: number): Promise<void> {
  const folder = join(tmpdir(), 'of-others');
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'of-nobody');
  await writeFile(file, '', { mode: 0o600 });
  await chown(file, NOBODY, NOBODY);
  const plugin = join(cluster.node.cniBin, 'as-others-are');
  await writeFile(plugin, `#!/bin/sh\nexec '${process.execPath}' --disable-warning=ExperimentalWarning '${join(import.meta.dirname, 'plugin.ts')}' '${folder}' ${pid}\n`);
  await chmod(plugin, 0o755);
  const path = join(cluster.node.cniConf, '10-cluster.conflist');
  const network = JSON.parse(await readFile(path, 'utf8')) as { readonly plugins: readonly object[] };
  await writeFile(path, JSON.stringify({ ...network, plugins: [...network.plugins, { type: 'as-others-are' }] }));
}

/** As on nodes that Kubespray has set up. */
async function makeAnotherUsers(folder: string): Promise<void> {
  await chown(folder, NOBODY, NOBODY);
}
