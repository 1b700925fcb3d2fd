/** Goal: the small pure parts of the kubelet answer as their models do. Method: tables of examples; bounds by property. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endingOf } from '@vfleet/kube-sim/kubelet/command.ts';
import { environmentOf } from '@vfleet/kube-sim/kubelet/environment.ts';
import { imageIdOf, imageNameOf } from '@vfleet/kube-sim/kubelet/images.ts';
import { addedInterfaceMessage, networkStatusText } from '@vfleet/kube/helpers/network-status.ts';
import { macOf, PodAddresses } from '@vfleet/kube-sim/kubelet/pod-addresses.ts';
import { goDuration } from '@vfleet/kube-sim/kubelet/pod-containers.ts';
import { pod } from '../scheduler/fixtures.ts';

describe('endingOf', () => {
  const ends = (command: string[], args?: string[]) => endingOf({ name: 'c', image: 'busybox', command, ...(args !== undefined && { args }) });

  it.each([
    [['true'], 0, 0],
    [['/bin/false'], 0, 1],
    [['sleep', '3'], 3000, 0],
    [['sleep', '1m', '0.5s'], 60_500, 0],
    [['sleep', 'soon'], 0, 1],
    [['echo', 'hi'], 0, 0],
    [['sh', '-c', 'exit 3'], 0, 3],
    [['sh', '-c', 'sleep 2; exit 1'], 2000, 1],
    [['bash', '-ec', 'false; sleep 100'], 0, 1],
    [['sh', '-c', 'false || echo saved'], 0, 0],
    [['sh', '-c', 'false && sleep 100'], 0, 1],
    [['sh', '-c', 'exec sleep 4'], 4000, 0],
    [['sh', '-c', 'sleep 1; echo done'], 1000, 0],
    [['/bin/bash', '-c', "ip a && echo 'done'"], 0, 0],
  ])('%j ends after %i ms with %i', (command, afterMs, exitCode) => {
    expect(ends(command)).toEqual({ afterMs, exitCode });
  });

  it.each([
    [['sleep', 'infinity']], [['/bin/bash', '-c', 'ip a && sleep infinity']], [['nginx']], [['sh']], [['sh', '-c', 'while true; do sleep 1; done']],
    [['sh', '-c', 'trap : TERM; sleep 100 & wait']], [['python3', '-m', 'http.server']],
  ])('%j runs on', (command) => {
    expect(ends(command)).toBeUndefined();
  });

  it('joins command and args, and knows one image', () => {
    expect(ends(['sh', '-c'], ['exit 7'])).toEqual({ afterMs: 0, exitCode: 7 });
    expect(endingOf({ name: 'c', image: 'docker.io/library/hello-world:latest' })).toEqual({ afterMs: 0, exitCode: 0 });
    expect(endingOf({ name: 'c', image: 'nginx' })).toBeUndefined();
  });

  it('never throws on any text', () => {
    fc.assert(fc.property(fc.array(fc.string()), (argv) => {
      const ending = ends(argv);
      if (ending !== undefined) expect(ending.afterMs).toBeGreaterThanOrEqual(0);
    }));
  });
});

describe('PodAddresses', () => {
  it('hands out every address but network, gateway and broadcast, each once', () => {
    fc.assert(fc.property(fc.integer({ min: 24, max: 30 }), (length) => {
      const addresses = new PodAddresses(`10.244.3.0/${length}`);
      const taken: string[] = [];
      for (let next = addresses.take(); next !== undefined; next = addresses.take()) taken.push(next);
      expect(taken.length).toBe(2 ** (32 - length) - 3);
      expect(new Set(taken).size).toBe(taken.length);
      expect(taken[0]).toBe('10.244.3.2');
      expect(taken).not.toContain(addresses.gateway);
      addresses.give(taken[0]!);
      expect(addresses.take()).toBe(taken[0]);
    }));
  });

  it('goes on after the last one, as host-local does, and keeps reserved ones', () => {
    const addresses = new PodAddresses('10.244.1.0/24');
    addresses.reserve('10.244.1.3');
    const first = addresses.take()!;
    addresses.give(first);
    expect([first, addresses.take(), addresses.take()]).toEqual(['10.244.1.2', '10.244.1.4', '10.244.1.5']);
  });

  it.each(['', '10.244.1.0', '10.244.1.0/31', '300.1.1.0/24', 'fd00::/64'])('refuses %j', (cidr) => {
    expect(() => new PodAddresses(cidr)).toThrow('no IPv4 range');
  });

  it('derives the bridge plugin\'s MAC', () => {
    expect(macOf('10.244.1.9')).toBe('0a:58:0a:f4:01:09');
  });
});

describe('network status', () => {
  const eth0 = { name: 'cbr0', interface: 'eth0', ips: ['10.244.1.9/24'], mac: '0a:58:0a:f4:01:09', default: true, dns: {}, gateway: ['10.244.1.1'] };
  const net1 = { 'device-info': { type: 'pci' }, dns: {}, name: 'default/sriov-net1', interface: 'net1', ips: ['102.100.2.201/24'], mac: '02:00:00:00:00:01' };

  it('is written as Multus writes it', () => {
    expect(networkStatusText([eth0, net1])).toBe([
      '[{', '    "name": "cbr0",', '    "interface": "eth0",', '    "ips": [', '        "10.244.1.9"', '    ],', '    "mac": "0a:58:0a:f4:01:09",', '    "default": true,',
      '    "dns": {},', '    "gateway": [', '        "10.244.1.1"', '    ]', '},{', '    "name": "default/sriov-net1",', '    "interface": "net1",', '    "ips": [',
      '        "102.100.2.201"', '    ],', '    "mac": "02:00:00:00:00:01",', '    "dns": {},', '    "device-info": {', '        "type": "pci"', '    }', '}]',
    ].join('\n'));
  });

  it('is announced as the paper shows', () => {
    expect(addedInterfaceMessage(eth0)).toBe('Add eth0 [10.244.1.9/24] from cbr0');
    expect(addedInterfaceMessage(net1)).toBe('Add net1 [102.100.2.201/24] from default/sriov-net1');
    expect(addedInterfaceMessage({ name: 'default/l2', interface: 'net1', dns: {} })).toBe('Add net1 [] from default/l2');
  });
});

describe('images', () => {
  it.each([
    ['busybox', 'docker.io/library/busybox:latest'],
    ['centos/tools', 'docker.io/centos/tools:latest'],
    ['quay.io/a/b:v1', 'quay.io/a/b:v1'],
    ['localhost:5000/x', 'localhost:5000/x:latest'],
  ])('%s is %s', (image, name) => {
    expect(imageNameOf(image)).toBe(name);
    expect(imageIdOf(image)).toMatch(/^[a-z0-9.:/-]+@sha256:[0-9a-f]{64}$/);
    expect(imageIdOf(image)).toBe(imageIdOf(name));
  });
});

describe('environmentOf', () => {
  it('has the devices, the fields a pod knows of itself, and the cluster\'s address', () => {
    const one = pod('p', {}, { labels: { app: 'x' } });
    const environment = environmentOf({
      pod: one, podAddress: '10.244.1.9', hostAddress: '172.18.0.2', nodeName: 'worker1',
      container: { name: 'main', image: 'x', env: [
        { name: 'PLAIN', value: 'a' }, { name: 'JOINED', value: '$(PLAIN)-$(ABSENT)-$$(PLAIN)' }, { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
        { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }, { name: 'APP', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      ] },
      allocations: [{ env: { PCIDEVICE_OPENSHIFT_IO_VF: '0000:81:02.0' }, mounts: [], devices: [], annotations: {} }],
    });
    expect(environment).toMatchObject({
      HOSTNAME: 'p', PLAIN: 'a', JOINED: 'a-$(ABSENT)-$(PLAIN)', NODE: 'worker1', IP: '10.244.1.9', APP: 'x', PCIDEVICE_OPENSHIFT_IO_VF: '0000:81:02.0', KUBERNETES_SERVICE_HOST: '10.96.0.1',
    });
  });
});

describe('goDuration', () => {
  it.each([[0, '0s'], [700, '700ms'], [1500, '1.5s'], [10_000, '10s'], [80_000, '1m20s']])('%i ms is %s', (durationMs, text) => {
    expect(goDuration(durationMs)).toBe(text);
  });
});
