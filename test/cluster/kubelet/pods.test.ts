// Goal: pods of a real kubelet get VFs, and give them back, whatever is restarted in between. Method: the article's manifests as they stand, on a real control
// plane, kubelet and containerd; the operator and `vfleet node` as processes, NICs of the article's fleet simulated.
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '@vfleet/kube';
import * as api from '@vfleet/kube';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ARTICLE, RESOURCE, NodeCluster, eventually, networkStatus, runProgram, sleeper } from './node-cluster.ts';

const LOGS = join(import.meta.dirname, '../../../.vfleet/cluster-logs');
const VARIABLE = 'PCIDEVICE_OPENSHIFT_IO_INTEL-SRIOV-NETDEVICE';
const ATTACHED_VFS = '/var/lib/cni/vfleet/vfs';
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

describe('a node', () => {
  let cluster: NodeCluster;
  beforeAll(async () => {
    cluster = await NodeCluster.start(LOGS);
  });
  afterAll(() => cluster?.stop());

  /** What the device plugin has told the container. */
  const devicesOf = async (pod: string): Promise<readonly string[]> => {
    const variables = (await cluster.exec(pod, 'env')).split('\n');
    return variables.flatMap((line) => (line.startsWith(`${VARIABLE}=`) ? line.slice(VARIABLE.length + 1).split(',') : []));
  };
  const attachedVfs = async () => (await readdir(ATTACHED_VFS)).length;
  /** The kubelet takes no pods for a device plugin that has gone until it is registered anew. */
  const untilRegistered = async (work: () => Promise<void> | void) => {
    const count = await cluster.registrations();
    await work();
    await eventually(async () => expect(await cluster.registrations()).toBeGreaterThan(count));
  };
  const run = async (pod: Pod): Promise<Pod> => {
    await cluster.create(api.pods, pod);
    return cluster.running(pod.metadata.name);
  };

  /** The kubelet refuses for good what is bound in the second in which it changes device plugins. */
  const runAsControllersDo = async (pod: Pod): Promise<void> => {
    for (;;) {
      await cluster.create(api.pods, pod);
      const { status } = await cluster.running(pod.metadata.name).catch(() => cluster.pod(pod.metadata.name));
      if (status?.phase === 'Running') return;
      expect(status).toMatchObject({ phase: 'Failed', reason: 'UnexpectedAdmissionError' });
      await cluster.delete(pod.metadata.name);
    }
  };

  test('is not ready as long as nobody can attach pods (STATUS), and then is', async () => {
    expect(await cluster.isReady()).toBe(false);
    cluster.startNode();
    await eventually(async () => expect(await cluster.isReady()).toBe(true));
  });

  test('offers the VFs of the article\'s policy', async () => {
    await eventually(() => cluster.apply(join(ARTICLE, 'policy.yaml'), join(ARTICLE, 'network.yaml')));
    await eventually(async () => expect(await cluster.allocatable(RESOURCE)).toBe(4));
  });

  test('gives one to the article\'s pod: variable, interface, status', async () => {
    await eventually(() => cluster.kubectl('get', 'net-attach-def', 'sriov-net-1'));
    await cluster.apply(join(ARTICLE, 'pod.yaml'));
    const pod = await cluster.running('sriov-test-pod');
    const [device, ...more] = await devicesOf('sriov-test-pod');
    expect([device, more]).toEqual([expect.stringMatching(/^0000:81:[0-9a-f]{2}\.[0-7]$/), []]);
    expect(networkStatus(pod)).toEqual([
      { name: 'cluster', interface: 'eth0', ips: [pod.status!.podIP], mac: expect.stringMatching(MAC), default: true, dns: {}, gateway: ['10.244.0.1'] },
      { name: 'default/sriov-net-1', interface: 'net1', ips: ['10.10.10.100'], mac: expect.stringMatching(MAC), mtu: 1500, dns: {}, 'device-info': { type: 'pci', version: '1.1.0', pci: { 'pci-address': device } } },
    ]);
    expect(await cluster.exec('sriov-test-pod', 'ip', 'address', 'show', 'eth0')).toContain(`inet ${pod.status!.podIP}/24`);
    expect(await cluster.exec('sriov-test-pod', 'ip', 'address', 'show', 'net1')).toMatch(/UP[^]* mtu 1500 [^]*inet 10\.10\.10\.100\/24/);
    expect(await cluster.exec('sriov-test-pod', 'cat', '/sys/class/net/net1/address')).toContain(networkStatus(pod)[1]!.mac);
    expect(await cluster.kubectl('get', 'events', '--field-selector', 'reason=AddedInterface', '-o', 'jsonpath={.items[*].message}')).toContain('Add net1 [10.10.10.100/24] from default/sriov-net-1');
  });

  test('restarts lose nothing: kubelet, daemon and runtime, in order and by force', async () => {
    const before = await cluster.pod('sriov-test-pod');
    const [device] = await devicesOf('sriov-test-pod');
    const restarts: readonly (readonly [string, () => Promise<void>])[] = [
      ['kubelet', () => untilRegistered(() => cluster.node.restartKubelet())],
      ['kubelet, killed', () => untilRegistered(() => cluster.node.restartKubelet('kill'))],
      ['vfleet node, killed', async () => {
        await cluster.endNode('SIGKILL');
        await untilRegistered(() => cluster.startNode());
      }],
      ['vfleet node, the new one before the old one ends', async () => {
        // One pod comes with the new process, and one as the old one ends.
        const first = untilRegistered(() => cluster.startNode());
        await runAsControllersDo(sleeper('with-both', { networks: 'sriov-net-1', vfs: 1 }));
        await first;
        await Promise.all([cluster.endNode('SIGTERM'), runAsControllersDo(sleeper('with-the-end', { networks: 'sriov-net-1', vfs: 1 }))]);
        for (const name of ['with-both', 'with-the-end']) await cluster.delete(name);
      }],
      ['containerd, killed', () => cluster.node.restartContainerd('kill')],
    ];
    for (const [index, [what, restart]] of restarts.entries()) {
      await restart();
      // A pod that starts now shows that the node is whole again, and that the VF in use is not given out twice.
      const name = `after-${index}`;
      await run(sleeper(name, { networks: 'sriov-net-1', vfs: 1 }));
      expect(await devicesOf(name), what).not.toContain(device);
      expect(await cluster.exec(name, 'ping', '-c', '2', '-W', '30', '-I', 'net1', '10.10.10.100'), what).toContain('2 packets received');
      await eventually(async () => expect(await cluster.allocatable(RESOURCE), what).toBe(4));
      const now = await cluster.pod('sriov-test-pod');
      expect([now.metadata.uid, now.status?.containerStatuses?.map(({ containerID, restartCount }) => [containerID, restartCount])], what)
        .toEqual([before.metadata.uid, before.status?.containerStatuses?.map(({ containerID, restartCount }) => [containerID, restartCount])]);
      expect([await devicesOf('sriov-test-pod'), networkStatus(now)], what).toEqual([[device], networkStatus(before)]);
      await cluster.delete(name);
    }
    await eventually(async () => expect(await attachedVfs()).toBe(1));
  });

  test('a pod that is deleted while the daemon is away gives its VF back when it has returned', async () => {
    await run(sleeper('left', { networks: 'sriov-net-1', vfs: 1 }));
    await cluster.endNode('SIGKILL');
    await cluster.kubectl('delete', 'pod', 'left', '--wait=false');
    const events = () => cluster.kubectl('get', 'events', '--field-selector', 'involvedObject.name=left', '-o', 'jsonpath={.items[*].message}');
    await eventually(async () => expect(await events()).toContain('the vfleet daemon of this node does not run'));
    expect(await attachedVfs()).toBe(2);
    await untilRegistered(() => cluster.startNode());
    await eventually(async () => expect(await attachedVfs()).toBe(1));
    await cluster.kubectl('wait', '--for=delete', 'pod/left', '--timeout=300s');
  });

  test('gives out every VF once, and the next pod waits for one to come back', async () => {
    const names = ['fill-0', 'fill-1', 'fill-2'];
    for (const name of names) await run(sleeper(name, { networks: 'sriov-net-1', vfs: 1 }));
    const given = (await Promise.all(['sriov-test-pod', ...names].map(devicesOf))).flat();
    expect(new Set(given).size).toBe(4);
    await cluster.create(api.pods, sleeper('late', { networks: 'sriov-net-1', vfs: 1 }));
    await eventually(async () => expect((await cluster.pod('late')).status?.conditions?.find(({ type }) => type === 'PodScheduled')).toMatchObject({ status: 'False', message: expect.stringContaining(`Insufficient ${RESOURCE}`) }));
    const [freed] = await devicesOf('fill-1');
    await cluster.delete('fill-1');
    await cluster.running('late');
    expect(await devicesOf('late')).toEqual([freed]);
    await cluster.delete('fill-0', 'fill-2', 'late');
    await eventually(async () => expect(await attachedVfs()).toBe(1));
  });

  test('reads the JSON form, and finds the configuration of a definition without one among the node\'s networks', async () => {
    // As an article on Onload has it: a definition without a configuration, and on each node a file with a macvlan on the NIC's port.
    await runProgram('ip', ['link', 'add', 'sfc0', 'up', 'type', 'veth', 'peer', 'name', 'sfc0-cable']);
    await runProgram('ip', ['link', 'set', 'sfc0-cable', 'up']);
    await mkdir('/etc/cni/multus/net.d', { recursive: true });
    await writeFile('/etc/cni/multus/net.d/onload-network.conf', JSON.stringify({
      cniVersion: '0.3.0', type: 'macvlan', name: 'onload-network', master: 'sfc0', mode: 'bridge',
      ipam: { type: 'host-local', subnet: '172.20.0.0/16', rangeStart: '172.20.10.1', rangeEnd: '172.20.10.253', routes: [{ dst: '0.0.0.0/0' }] },
    }));
    await cluster.create(api.networkAttachmentDefinitions, { apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition', metadata: { namespace: 'default', name: 'onload-network' } });
    const networks = JSON.stringify([{ name: 'onload-network', interface: 'sfc1' }, { name: 'sriov-net-1' }, { name: 'sriov-net-1', namespace: 'default', interface: 'third' }]);
    await run(sleeper('json-0', { networks, vfs: 2 }));
    await run(sleeper('json-1', { networks: 'onload-network@sfc1' }));
    const status = networkStatus(await cluster.pod('json-0'));
    expect(status.map(({ interface: ifname, ips }) => [ifname, ips?.[0]])).toEqual([['eth0', expect.stringMatching(/^10\.244\./)], ['sfc1', '172.20.10.1'], ['net2', expect.stringMatching(/^10\.10\.10\./)], ['third', expect.stringMatching(/^10\.10\.10\./)]]);
    // Each network has one of the pod's devices. The kubelet keeps sets: in its list they are in another order than in the variable.
    const infos = (await devicesOf('json-0')).map((device) => ({ type: 'pci', version: '1.1.0', pci: { 'pci-address': device } }));
    expect(status.slice(2).map((one) => one['device-info'])).toEqual(expect.arrayContaining(infos));
    expect(infos).toHaveLength(2);
    expect(await cluster.exec('json-1', 'ping', '-c', '3', '-W', '10', '-I', 'sfc1', '172.20.10.1')).toMatch(/3 packets received/);
    await cluster.delete('json-0', 'json-1');
  });

  test('says in an Event what keeps a pod from its network, and starts the pod when that is mended', async () => {
    await cluster.create(api.networkAttachmentDefinitions, { apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition', metadata: { namespace: 'default', name: 'of-the-node' } });
    await cluster.create(api.pods, sleeper('early', { networks: 'of-the-node' }));
    const events = () => cluster.kubectl('get', 'events', '--field-selector', 'involvedObject.name=early', '-o', 'jsonpath={.items[*].message}');
    await eventually(async () => expect(await events()).toContain('NetworkAttachmentDefinition default/of-the-node cannot be used: it has no config, and no file in /etc/cni/multus/net.d of this node has a network "of-the-node"'));
    await writeFile('/etc/cni/multus/net.d/10-of-the-node.conf', JSON.stringify({ cniVersion: '1.0.0', name: 'of-the-node', type: 'bridge', bridge: 'later0', ipam: {} }));
    expect(networkStatus(await cluster.running('early')).map(({ name }) => name)).toEqual(['cluster', 'default/of-the-node']);
    await cluster.delete('early');
  });

  test('hands device files over by CDI', async () => {
    // The node has none of its own; what is looked at is what the container gets.
    await runProgram('mknod', ['/dev/vhost-net', 'c', '10', '238']);
    await untilRegistered(async () => {
      await cluster.endNode('SIGTERM');
      cluster.startNode('--use-cdi');
    });
    await cluster.create(api.nodePolicies, {
      apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodePolicy', metadata: { namespace: 'sriov-network-operator', name: 'vhost' },
      spec: { resourceName: 'vhost', nodeSelector: { 'feature.node.kubernetes.io/network-sriov.capable': 'true' }, numVfs: 2, priority: 99, nicSelector: { pfNames: ['ens801f1'] }, deviceType: 'netdevice', needVhostNet: true },
    });
    await eventually(async () => expect(await cluster.allocatable('openshift.io/vhost')).toBe(2));
    expect(await readdir('/var/run/cdi')).toEqual(['sriov-dp-openshift.io-net-pci.json']);
    await run(sleeper('cdi', { vfs: 1, resource: 'openshift.io/vhost' }));
    expect(await cluster.exec('cdi', 'ls', '-l', '/dev/vhost-net', '/dev/net/tun')).toMatch(/10, 238[^]*10, 200|10, 200[^]*10, 238/);
    expect(await cluster.exec('cdi', 'env')).toMatch(/^PCIDEVICE_OPENSHIFT_IO_VHOST=0000:81:/m);
    await cluster.delete('cdi');
  });

  test('takes back what a runtime has forgotten (GC), by libcni as runtimes have it', async () => {
    await mkdir('/etc/cni/direct', { recursive: true });
    const [free] = await eventually(async () => {
      const vfs = await cluster.freeVfs();
      expect(vfs).toHaveLength(3);
      return vfs;
    });
    await writeFile('/etc/cni/direct/direct.conflist', JSON.stringify({ cniVersion: '1.1.0', name: 'direct', plugins: [{ type: 'sriov', deviceID: free, ipam: { type: 'host-local', subnet: '10.77.0.0/24' } }] }));
    await runProgram('ip', ['netns', 'add', 'forgotten']);
    const libcni = (command: string, ...more: readonly string[]) => cluster.libcni(command, 'direct', '/run/netns/forgotten', 'forgotten-1', 'net1', ...more);
    await libcni('status');
    expect(JSON.parse(await libcni('add'))).toMatchObject({ cniVersion: '1.1.0', interfaces: [{ name: 'net1', sandbox: '/run/netns/forgotten', pciID: free }], ips: [{ address: '10.77.0.2/24' }] });
    await libcni('check');
    await libcni('gc', 'forgotten-1');
    await libcni('check');
    expect(await runProgram('ip', ['-netns', 'forgotten', 'address', 'show', 'net1'])).toContain('10.77.0.2/24');
    // The runtime has lost its own notes, or its libcni would call DEL by itself first.
    await rm('/run/libcni', { recursive: true });
    await libcni('gc');
    await expect(runProgram('ip', ['-netns', 'forgotten', 'address', 'show', 'net1'])).rejects.toThrow('net1');
    expect(await attachedVfs()).toBe(1);
    await eventually(async () => expect(await cluster.freeVfs()).toContain(free));
    await runProgram('ip', ['netns', 'delete', 'forgotten']);
  });

  test('leaves nothing of pods that are gone', async () => {
    await cluster.delete('sriov-test-pod');
    await eventually(async () => expect([await attachedVfs(), await readdir('/var/lib/cni/vfleet/pods')]).toEqual([0, []]));
    await eventually(async () => expect((await readdir('/run/netns')).length).toBe(0));
    const addresses = await Promise.all(['cluster', 'sriov-net-1', 'onload-network'].map(async (network) => (await readdir(`/var/lib/cni/networks/${network}`)).filter((name) => /^\d/.test(name))));
    expect(addresses.flat()).toEqual([]);
    expect(await cluster.allocatable(RESOURCE)).toBe(4);
    await rm('/etc/cni/multus', { recursive: true });
  });
});
