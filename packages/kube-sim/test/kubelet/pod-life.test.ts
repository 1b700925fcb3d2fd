/**
 * Goal: a pod on a simulated node lives as on a real one: scheduled, given devices and networks, running, ended, gone, with the status,
 * annotations and Events that people and controllers read. Method: a whole cluster in process under a virtual clock; every test
 * reads what the API server has.
 */
import { describe, expect, it } from 'vitest';
import type { Pod } from '@vfleet/kube';
import { leases, pods } from '@vfleet/kube';
import { rejectionOf } from '@vfleet/kube-sim/kubelet/admission.ts';
import { kubeletTiming } from '@vfleet/kube-sim/kubelet/options.ts';
import { asking, node, pod, VF } from '../scheduler/fixtures.ts';
import { FakeNetworks, FakePlugin, kubeletOf, rig } from './harness.ts';

const sleeper = (name: string, more: Parameters<typeof pod>[1] = {}) => pod(name, { containers: [{ name: 'main', image: 'busybox:1.36', command: ['sleep', 'infinity'] }], ...more });
const job = (name: string, script: string, restartPolicy: 'Never' | 'OnFailure' | 'Always') =>
  pod(name, { restartPolicy, containers: [{ name: 'main', image: 'busybox:1.36', command: ['sh', '-c', script] }] });

describe('a node', () => {
  it('registers as a kubelet does and keeps its lease', async () => {
    const { cluster, node: nodeNow, run } = await rig([{ name: 'worker1', labels: { zone: 'a' }, taints: [{ key: 'k', effect: 'NoSchedule' }] }]);
    const first = await nodeNow('worker1');
    expect(first.metadata.labels).toMatchObject({ 'kubernetes.io/hostname': 'worker1', 'kubernetes.io/os': 'linux', zone: 'a' });
    expect(first.spec).toMatchObject({ podCIDR: '10.244.0.0/24', taints: [{ key: 'k', effect: 'NoSchedule' }] });
    expect(first.status?.conditions?.map(({ type, status }) => `${type}=${status}`)).toEqual(['MemoryPressure=False', 'DiskPressure=False', 'PIDPressure=False', 'Ready=True']);
    expect(first.status?.allocatable).toMatchObject({ cpu: '32', memory: '130972Mi', pods: '110' });
    expect(first.status?.nodeInfo?.kubeletVersion).toMatch(/^v1\.34\./);
    const renewed = async () => (await cluster.kube.get(leases, { namespace: 'kube-node-lease', name: 'worker1' })).spec?.renewTime;
    const before = await renewed();
    await run(11_000);
    expect(await renewed()).not.toBe(before);
    await run(320_000);
    const beat = (await nodeNow('worker1')).status?.conditions?.[0];
    expect(beat?.lastHeartbeatTime).not.toBe(first.status?.conditions?.[0]?.lastHeartbeatTime);
    expect(beat?.lastTransitionTime).toBe(first.status?.conditions?.[0]?.lastTransitionTime);
  });

  it('advertises what device plugins list, and healthy ones only as allocatable', async () => {
    const one = await rig([{ name: 'worker1' }]);
    const plugin = new FakePlugin(['a', 'b', 'c']);
    const registration = kubeletOf(one, 'worker1').register(plugin);
    await one.run(100);
    expect((await one.node('worker1')).status?.allocatable?.[VF]).toBe('3');
    plugin.set([{ id: 'a', healthy: true, numaNodes: [] }, { id: 'b', healthy: false, numaNodes: [] }]);
    await one.run(100);
    const { capacity, allocatable } = (await one.node('worker1')).status!;
    expect([capacity?.[VF], allocatable?.[VF]]).toEqual(['2', '1']);
    registration.stop();
    await one.run(100);
    expect((await one.node('worker1')).status?.allocatable?.[VF]).toBe('0');
  });
});

describe('a pod', () => {
  it('gets a VF and a network, and tells so', async () => {
    const networks = new FakeNetworks();
    const one = await rig([{ name: 'worker1', podNetworks: networks }]);
    const kubelet = kubeletOf(one, 'worker1');
    kubelet.register(new FakePlugin(['0000:81:02.0', '0000:81:02.1']));
    await one.run(100);
    const created = await one.create({ ...asking('test', { [VF]: '1' }), metadata: { name: 'test', namespace: 'default', annotations: { 'k8s.v1.cni.cncf.io/networks': 'sriov-net1' } } });
    await one.run(1000);

    const { status, spec, metadata } = await one.pod('test');
    expect(spec?.nodeName).toBe('worker1');
    expect(status).toMatchObject({ phase: 'Running', hostIP: '172.18.0.2', podIP: '10.244.0.2', podIPs: [{ ip: '10.244.0.2' }], qosClass: 'BestEffort' });
    expect(Object.fromEntries(status!.conditions!.map(({ type, status: value }) => [type, value]))).toEqual({
      PodReadyToStartContainers: 'True', Initialized: 'True', Ready: 'True', ContainersReady: 'True', PodScheduled: 'True',
    });
    expect(status?.containerStatuses?.[0]).toMatchObject({ name: 'main', ready: true, started: true, restartCount: 0, image: 'docker.io/library/busybox:latest' });
    expect(status?.containerStatuses?.[0]?.containerID).toMatch(/^containerd:\/\/[0-9a-f]{64}$/);
    const networkStatus = JSON.parse(metadata.annotations!['k8s.v1.cni.cncf.io/network-status']!) as readonly Record<string, unknown>[];
    expect(networkStatus.map(({ name, interface: device, ips }) => [name, device, ips])).toEqual([['cbr0', 'eth0', ['10.244.0.2']], ['default/sriov-net1', 'net1', ['192.168.1.10']]]);
    expect(await one.eventsOf('test')).toEqual([
      'Scheduled: Successfully assigned default/test to worker1',
      'AddedInterface: Add eth0 [10.244.0.2/24] from cbr0',
      'AddedInterface: Add net1 [192.168.1.10/24] from default/sriov-net1',
      'Pulling: Pulling image "busybox"',
      expect.stringMatching(/^Pulled: Successfully pulled image "busybox" in 0s \(0s including waiting\)\. Image size: \d+ bytes\.$/),
      'Created: Created container: main',
      'Started: Started container main',
    ]);
    const described = kubelet.describePod(created.metadata.uid!);
    expect(described?.environments['main']).toMatchObject({ PCIDEVICE_OPENSHIFT_IO_VF: '0000:81:02.0', HOSTNAME: 'test' });
    expect(described?.interfaces.map((network) => network.interface)).toEqual(['eth0', 'net1']);
    expect(await kubelet.list()).toMatchObject([{ name: 'test', namespace: 'default', containers: [{ name: 'main', devices: [{ resourceName: VF, ids: ['0000:81:02.0'] }] }] }]);

    await one.cluster.kube.delete(pods, { namespace: 'default', name: 'test' });
    await one.run(1000);
    expect(await one.exists('test')).toBe(false);
    expect(networks.attached.size).toBe(0);
    expect(await kubelet.list()).toEqual([]);
    expect(await one.eventsOf('test')).toContain('Killing: Stopping container main');
  });

  it('starts and ends in the time it is given', async () => {
    const one = await rig([{ name: 'worker1', timing: kubeletTiming }]);
    await one.create(sleeper('slow'));
    await one.run(kubeletTiming.sandboxMs - 1);
    expect((await one.pod('slow')).status?.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'ContainerCreating' } });
    await one.run(kubeletTiming.imagePullMs + kubeletTiming.containerStartMs + 50);
    expect(await one.phase('slow')).toBe('Running');
    await one.cluster.kube.delete(pods, { namespace: 'default', name: 'slow' });
    await one.run(kubeletTiming.containerStopMs - 1);
    expect((await one.pod('slow')).metadata.deletionTimestamp).toBeDefined();
    await one.run(10);
    expect(await one.exists('slow')).toBe(false);
  });

  it('is killed when it does not end within its grace period', async () => {
    const one = await rig([{ name: 'worker1', timing: { ...kubeletTiming, containerStopMs: 60_000 } }]);
    await one.create(sleeper('stubborn', { terminationGracePeriodSeconds: 5 }));
    await one.run(5000);
    await one.cluster.kube.delete(pods, { namespace: 'default', name: 'stubborn' });
    await one.run(4900);
    expect(await one.exists('stubborn')).toBe(true);
    await one.run(200);
    expect(await one.exists('stubborn')).toBe(false);
  });

  it('completes, succeeded or failed, and gives back what it held', async () => {
    const one = await rig([{ name: 'worker1' }]);
    kubeletOf(one, 'worker1').register(new FakePlugin(['a']));
    await one.run(100);
    await one.create({ ...asking('good', { [VF]: '1' }), spec: { ...job('good', 'sleep 2', 'Never').spec!, containers: [{ ...job('good', 'sleep 2', 'Never').spec!.containers[0]!, resources: { limits: { [VF]: '1' } } }] } });
    await one.create(job('bad', 'sleep 1; exit 3', 'Never'));
    await one.run(1500);
    expect([await one.phase('good'), await one.phase('bad')]).toEqual(['Running', 'Failed']);
    await one.run(1500);
    const { status } = await one.pod('good');
    expect(status).toMatchObject({ phase: 'Succeeded', podIP: '10.244.0.2' });
    expect(status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'False', reason: 'PodCompleted' });
    expect(status?.conditions?.find(({ type }) => type === 'PodReadyToStartContainers')).toMatchObject({ status: 'False' });
    expect(status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
    expect((await one.pod('bad')).status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
    expect(await kubeletOf(one, 'worker1').list()).toEqual([]);
  });

  it('restarts a container that crashes, at once and then ever later', async () => {
    const one = await rig([{ name: 'worker1' }]);
    await one.create(job('crashing', 'sleep 1; exit 1', 'Always'));
    await one.run(2500);
    const { status } = await one.pod('crashing');
    expect(status?.phase).toBe('Running');
    expect(status?.containerStatuses?.[0]).toMatchObject({ restartCount: 1, ready: false, state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated: { exitCode: 1 } } });
    expect(status?.containerStatuses?.[0]?.state?.waiting?.message).toMatch(/^back-off 10s restarting failed container=main pod=crashing_default\(/);
    await one.run(10_000);
    expect((await one.pod('crashing')).status?.containerStatuses?.[0]?.restartCount).toBe(2);
    expect((await one.eventsOf('crashing')).some((event) => event.startsWith('BackOff: Back-off restarting failed container main in pod crashing_default('))).toBe(true);
  });

  it('runs init containers to completion, in order, before its containers', async () => {
    const one = await rig([{ name: 'worker1' }]);
    const init = (name: string, seconds: number) => ({ name, image: 'busybox:1.36', command: ['sleep', `${seconds}`] });
    await one.create(sleeper('staged', { initContainers: [init('first', 2), { ...init('side', 1), command: ['nginx'], restartPolicy: 'Always' as const }, init('second', 3)] }));
    await one.run(1000);
    const early = await one.pod('staged');
    expect(early.status?.phase).toBe('Pending');
    expect(early.status?.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'PodInitializing' } });
    expect(early.status?.conditions?.find(({ type }) => type === 'Initialized')).toMatchObject({ status: 'False', message: 'containers with incomplete status: [first side second]' });
    await one.run(5000);
    const late = await one.pod('staged');
    expect(late.status?.phase).toBe('Running');
    expect(late.status?.initContainerStatuses?.map(({ name, ready }) => [name, ready])).toEqual([['first', true], ['side', true], ['second', true]]);
    expect((await one.eventsOf('staged')).filter((event) => event.startsWith('Started'))).toEqual(['first', 'side', 'second', 'main'].map((name) => `Started: Started container ${name}`));
  });

  it('fails when an init container fails and nothing is restarted', async () => {
    const one = await rig([{ name: 'worker1' }]);
    await one.create(sleeper('broken', { restartPolicy: 'Never', initContainers: [{ name: 'init', image: 'busybox', command: ['false'] }] }));
    await one.run(1000);
    expect(await one.phase('broken')).toBe('Failed');
  });

  it('becomes ready when its readiness probe has waited its initial delay', async () => {
    const one = await rig([{ name: 'worker1' }]);
    await one.create(pod('probed', { containers: [{ name: 'main', image: 'x:1', readinessProbe: { initialDelaySeconds: 5, tcpSocket: { port: 80 } } }] }));
    await one.run(4000);
    expect((await one.pod('probed')).status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'False', reason: 'ContainersNotReady', message: 'containers with unready status: [main]' });
    await one.run(2000);
    expect((await one.pod('probed')).status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
  });

  it('fails when it is active past its deadline', async () => {
    const one = await rig([{ name: 'worker1' }]);
    await one.create(sleeper('late', { activeDeadlineSeconds: 10 }));
    await one.run(11_000);
    expect((await one.pod('late')).status).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' });
  });

  it('uses the host\'s address on the host\'s network', async () => {
    const one = await rig([{ name: 'worker1' }]);
    await one.create(sleeper('host', { hostNetwork: true }));
    await one.run(1000);
    expect((await one.pod('host')).status).toMatchObject({ phase: 'Running', podIP: '172.18.0.2', hostIP: '172.18.0.2' });
  });
});

describe('networks that fail', () => {
  it('are tried again until they work, with the cause in an Event, and nothing is left behind', async () => {
    const networks = new FakeNetworks();
    networks.failWith = 'no address is free.';
    const one = await rig([{ name: 'worker1', podNetworks: networks }]);
    await one.create(sleeper('waiting'));
    await one.run(5000);
    expect(await one.phase('waiting')).toBe('Pending');
    const causes = (await one.eventsOf('waiting')).filter((event) => event.startsWith('FailedCreatePodSandBox'));
    expect(causes.length).toBeGreaterThan(1);
    expect(causes[0]).toContain('no address is free. Wait.');
    networks.failWith = undefined;
    await one.run(16_000);
    expect(await one.phase('waiting')).toBe('Running');
    expect((await one.pod('waiting')).status?.podIP).toMatch(/^10\.244\.0\./);
    expect(networks.attached.size).toBe(1);
  });

  it('keep a pod and its devices until they are detached', async () => {
    const networks = new FakeNetworks();
    const one = await rig([{ name: 'worker1', podNetworks: networks }]);
    kubeletOf(one, 'worker1').register(new FakePlugin(['a']));
    await one.run(100);
    await one.create(asking('held', { [VF]: '1' }));
    await one.run(1000);
    networks.detachFailures = 2;
    await one.cluster.kube.delete(pods, { namespace: 'default', name: 'held' });
    await one.run(500);
    expect(await one.exists('held')).toBe(true);
    expect((await kubeletOf(one, 'worker1').list()).length).toBe(1);
    expect((await one.eventsOf('held')).some((event) => event.startsWith('FailedKillPod') && event.includes('the VF is busy'))).toBe(true);
    await one.run(3000);
    expect(await one.exists('held')).toBe(false);
    expect(networks.attached.size).toBe(0);
  });

  it('say so when nothing attaches networks at all', async () => {
    const one = await rig([{ name: 'worker1' }]);
    await one.create(pod('asking', {}, { annotations: { 'k8s.v1.cni.cncf.io/networks': 'sriov-net1' } }));
    await one.run(1000);
    expect((await one.eventsOf('asking')).some((event) => event.includes('nothing on this node attaches networks'))).toBe(true);
  });
});

describe('admission by the node', () => {
  const bound = (name: string, quantities: Record<string, string>, more: Parameters<typeof asking>[2] = {}) => asking(name, quantities, { nodeName: 'worker1', ...more });

  it('refuses a pod bound by hand for which no device is left', async () => {
    const one = await rig([{ name: 'worker1' }]);
    kubeletOf(one, 'worker1').register(new FakePlugin(['a']));
    await one.run(100);
    await one.create(bound('first', { [VF]: '1' }));
    await one.run(500);
    await one.create(bound('second', { [VF]: '1' }));
    await one.run(500);
    expect(await one.phase('first')).toBe('Running');
    const message = `Allocate failed due to requested number of devices unavailable for ${VF}. Requested: 1, Available: 0, which is unexpected`;
    expect((await one.pod('second')).status).toMatchObject({ phase: 'Failed', reason: 'UnexpectedAdmissionError', message: `Pod was rejected: ${message}` });
    expect(await one.eventsOf('second')).toEqual([`UnexpectedAdmissionError: ${message}`]);
    await one.cluster.kube.delete(pods, { namespace: 'default', name: 'second' });
    await one.run(100);
    expect(await one.exists('second')).toBe(false);
  });

  it.each([
    ['cpu', bound('p', { cpu: '40' }), 'OutOfcpu', "Node didn't have enough resource: cpu, requested: 40000, used: 0, capacity: 32000"],
    ['labels', bound('p', {}, { nodeSelector: { zone: 'b' } }), 'NodeAffinity', "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"],
  ])('refuses for %s', async (_what, wanted, reason, message) => {
    const one = await rig([{ name: 'worker1' }]);
    await one.create(wanted);
    await one.run(500);
    expect((await one.pod('p')).status).toMatchObject({ phase: 'Failed', reason, message: `Pod was rejected: ${message}` });
  });

  it('refuses a pod that does not tolerate a NoExecute taint', () => {
    const tainted = node('worker1', {}, { spec: { taints: [{ key: 'k', effect: 'NoExecute' }] } });
    const judge = (wanted: Pod) => rejectionOf({ pod: wanted, node: tainted, allocatable: new Map([['pods', 9]]), others: [], used: new Map() });
    expect(judge(bound('p', {}))).toEqual({ reason: 'TaintToleration', message: "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate" });
    expect(judge(bound('p', {}, { tolerations: [{ operator: 'Exists' }] }))).toBeUndefined();
  });

  it('admits a pod for a resource that the node has never heard of, as kubelet does', async () => {
    const one = await rig([{ name: 'worker1' }]);
    await one.create(bound('p', { 'example.com/unknown': '1' }));
    await one.run(500);
    expect(await one.phase('p')).toBe('Running');
  });
});

describe('a kubelet that restarts', () => {
  it('finds its pods running, with their devices and addresses', async () => {
    const networks = new FakeNetworks();
    const one = await rig([{ name: 'worker1', podNetworks: networks }]);
    const kubelet = kubeletOf(one, 'worker1');
    kubelet.register(new FakePlugin(['a', 'b']));
    await one.run(100);
    await one.create(asking('kept', { [VF]: '1' }));
    await one.create(asking('deleted', { [VF]: '1' }));
    await one.run(1000);
    const before = await one.pod('kept');
    kubelet.stop();
    await one.cluster.kube.delete(pods, { namespace: 'default', name: 'deleted' }, { gracePeriodSeconds: 0 });
    await one.run(5000);
    expect(networks.attached.size).toBe(2);
    void kubelet.start();
    await one.run(5000);
    const after = await one.pod('kept');
    expect(after.status?.containerStatuses).toEqual(before.status?.containerStatuses);
    expect(after.metadata.annotations).toEqual(before.metadata.annotations);
    expect((await kubelet.list()).map(({ name }) => name)).toEqual(['kept']);
    expect(networks.attached.size).toBe(1);
    await one.create(asking('next', { [VF]: '1' }));
    await one.run(1000);
    expect((await one.pod('next')).status?.podIP).not.toBe(after.status?.podIP);
    expect(await one.phase('next')).toBe('Running');
  });

  it('refuses pods whose devices are not back after a reboot, and keeps those whose devices are', async () => {
    const one = await rig([{ name: 'worker1' }]);
    const kubelet = kubeletOf(one, 'worker1');
    const plugin = new FakePlugin(['a', 'b']);
    const registration = kubelet.register(plugin);
    await one.run(100);
    await one.create(asking('p', { [VF]: '1' }));
    await one.run(1000);
    void kubelet.reboot();
    await one.run(1000);
    expect(await one.phase('p')).toBe('Running');
    expect((await kubelet.list())[0]?.containers[0]?.devices[0]?.ids).toEqual(['a']);
    registration.stop();
    void kubelet.reboot();
    await one.run(1000);
    expect((await one.pod('p')).status).toMatchObject({ phase: 'Failed', reason: 'UnexpectedAdmissionError', message: `Pod was rejected: Allocate failed due to cannot allocate unregistered device ${VF}, which is unexpected` });
    expect(await kubelet.list()).toEqual([]);
  });

  it('starts the pods anew after a reboot, and gives the old networks back', async () => {
    const networks = new FakeNetworks();
    const one = await rig([{ name: 'worker1', podNetworks: networks }]);
    const kubelet = kubeletOf(one, 'worker1');
    await one.create(sleeper('steady'));
    await one.run(1000);
    const before = await one.pod('steady');
    void kubelet.reboot();
    await one.run(5000);
    const after = await one.pod('steady');
    expect(after.status?.phase).toBe('Running');
    expect(after.status?.containerStatuses?.[0]?.restartCount).toBe(1);
    expect(after.status?.containerStatuses?.[0]?.containerID).not.toBe(before.status?.containerStatuses?.[0]?.containerID);
    expect(after.status?.podIP).not.toBe(before.status?.podIP);
    expect(after.status?.podIPs).toEqual([{ ip: after.status?.podIP }]);
    expect(networks.attached.size).toBe(1);
    expect((await one.eventsOf('worker1')).some((event) => event.startsWith('Rebooted'))).toBe(true);
  });
});
