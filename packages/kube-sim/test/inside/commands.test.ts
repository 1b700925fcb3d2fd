// Goal: commands in a simulated pod answer exactly as the tools print, what is not known says so with 127, and no input breaks it.
// Method: golden texts taken from iproute2 6.1, net-tools 2.10 and a shell; drawn words and scripts.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ContainerInside, InsideInterface } from '@vfleet/kube-sim/inside/container-inside.ts';
import { logText } from '@vfleet/kube-sim/inside/log.ts';
import { runCommand } from '@vfleet/kube-sim/inside/run-command.ts';

const lo: InsideInterface = { name: 'lo', link: 'loopback', isVeth: false, mac: '00:00:00:00:00:00', mtu: 65_536, up: true, carrier: true, addresses: ['127.0.0.1/8', '::1/128'] };
const eth0: InsideInterface = { name: 'eth0', link: 'ether', isVeth: true, mac: '0a:58:0a:f4:01:02', mtu: 1450, up: true, carrier: true, addresses: ['10.244.1.2/24'] };
const net1: InsideInterface = { name: 'net1', link: 'ether', isVeth: false, mac: 'a6:dd:26:df:92:94', mtu: 9000, up: true, carrier: true, addresses: ['10.10.10.100/24'], device: '0000:81:01.0' };
const inside = (more: Partial<ContainerInside> = {}): ContainerInside => ({
  hostname: 'sriov-test-pod', environment: { HOSTNAME: 'sriov-test-pod', A: 'b c' }, interfaces: [lo, eth0, net1], command: [], run: { id: '1', startedAtMs: Date.UTC(2026, 0, 1) }, ...more,
});
const sh = (script: string) => runCommand(['sh', '-c', script], inside());

describe('ip', () => {
  test('a', () => {
    expect(runCommand(['ip', 'a'], inside())).toEqual({
      exitCode: 0, err: '', out: [
        '1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000',
        '    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00',
        '    inet 127.0.0.1/8 scope host lo', '       valid_lft forever preferred_lft forever',
        '    inet6 ::1/128 scope host ', '       valid_lft forever preferred_lft forever',
        '2: eth0@if10: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UP group default ',
        '    link/ether 0a:58:0a:f4:01:02 brd ff:ff:ff:ff:ff:ff link-netnsid 0',
        '    inet 10.244.1.2/24 brd 10.244.1.255 scope global eth0', '       valid_lft forever preferred_lft forever',
        '    inet6 fe80::858:aff:fef4:102/64 scope link ', '       valid_lft forever preferred_lft forever',
        '3: net1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 9000 qdisc mq state UP group default qlen 1000',
        '    link/ether a6:dd:26:df:92:94 brd ff:ff:ff:ff:ff:ff',
        '    inet 10.10.10.100/24 brd 10.10.10.255 scope global net1', '       valid_lft forever preferred_lft forever',
        '    inet6 fe80::a4dd:26ff:fedf:9294/64 scope link ', '       valid_lft forever preferred_lft forever', '',
      ].join('\n'),
    });
  });

  test.each([['ip addr'], ['ip address show'], ['ip addr show dev net1'], ['/sbin/ip a s net1'], ['ip -d link'], ['ip link show net1'], ['ip l'], ['ip -4 a']])('%s is known', (line) => {
    expect(runCommand(line.split(' '), inside())).toMatchObject({ exitCode: 0, err: '', out: expect.stringContaining('net1') });
  });

  test('-d link show of a VF names its device', () => {
    expect(runCommand(['ip', '-d', 'link', 'show', 'net1'], inside()).out).toMatch(/^3: net1: .* mode DEFAULT group default qlen 1000\n {4}link\/ether a6:dd:26:df:92:94 .* parentbus pci parentdev 0000:81:01\.0 \n$/);
  });

  test('of a link that is down, or without carrier', () => {
    const state = (change: Partial<InsideInterface>) => runCommand(['ip', 'a', 'show', 'net1'], inside({ interfaces: [lo, { ...net1, ...change }] })).out;
    expect(state({ up: false, carrier: false })).toMatch(/^2: net1: <BROADCAST,MULTICAST> mtu 9000 qdisc noop state DOWN/);
    expect(state({ carrier: false })).toMatch(/^2: net1: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 9000 qdisc mq state DOWN/);
    expect(state({ up: false, carrier: false })).not.toContain('fe80');
  });

  test('of what is not there', () => {
    expect(runCommand(['ip', 'link', 'show', 'net9'], inside())).toEqual({ exitCode: 1, out: '', err: 'Device "net9" does not exist.\n' });
  });
});

test('ifconfig net1', () => {
  expect(runCommand(['ifconfig', 'net1'], inside()).out).toBe([
    'net1: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 9000',
    '        inet 10.10.10.100  netmask 255.255.255.0  broadcast 10.10.10.255',
    '        inet6 fe80::a4dd:26ff:fedf:9294  prefixlen 64  scopeid 0x20<link>',
    '        ether a6:dd:26:df:92:94  txqueuelen 1000  (Ethernet)',
    '        RX packets 0  bytes 0 (0.0 B)', '        RX errors 0  dropped 0  overruns 0  frame 0',
    '        TX packets 0  bytes 0 (0.0 B)', '        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0', '', '',
  ].join('\n'));
  expect(runCommand(['ifconfig', 'net9'], inside())).toEqual({ exitCode: 1, out: '', err: 'net9: error fetching interface information: Device not found\n' });
});

describe('others', () => {
  test.each([
    [['env'], 'HOSTNAME=sriov-test-pod\nA=b c\n', 0], [['printenv', 'A'], 'b c\n', 0], [['printenv', 'Z'], '', 1], [['hostname'], 'sriov-test-pod\n', 0], [['true'], '', 0], [['false'], '', 1],
    [['echo', '-n', 'a', 'b'], 'a b', 0], [['cat', '/sys/class/net/net1/address'], 'a6:dd:26:df:92:94\n', 0], [['cat', '/sys/class/net/net1/mtu', '/etc/hostname'], '9000\nsriov-test-pod\n', 0],
    [['cat', '/sys/class/net/net9/address'], '', 1], [['ls', '/sys/class/net'], 'eth0\nlo\nnet1\n', 0], [['printenv', '__proto__'], '', 1],
  ] as const)('%j', (argv, out, exitCode) => {
    expect(runCommand(argv, inside())).toMatchObject({ out, exitCode });
  });

  test.each([
    ['echo a && echo b', 'a\nb\n', 0], ['false || echo "$HOSTNAME; $A"', 'sriov-test-pod; b c\n', 0], ["false && echo no; echo '$A' ${A}", '$A b c\n', 0], ['false; exit 7', '', 7], ['exec hostname', 'sriov-test-pod\n', 0], ['false\n', '', 1],
  ])('sh -c %j', (script, out, exitCode) => {
    expect(sh(script)).toEqual({ out, err: '', exitCode });
  });

  test.each([['htop'], ['bash'], ['sh'], ['ip route'], ['ping -c 1 10.10.10.1'], ['cat /etc/passwd'], ['']])('%s: status 127 and what can be asked', (line) => {
    expect(runCommand(line.split(' '), inside())).toMatchObject({ out: '', exitCode: 127, err: expect.stringMatching(/this pod is simulated.*it answers ip/) });
  });

  test('a script with anything unknown in it does nothing at all', () => {
    for (const script of ['echo a; ping 1.1.1.1', 'echo a | wc', 'for i in 1 2; do echo; done', 'echo $(date)', 'ip a > /tmp/x']) expect(sh(script)).toMatchObject({ out: '', exitCode: 127 });
  });

  test('drawn: words and scripts give an answer, never an exception', () => {
    const word = fc.oneof(fc.constantFrom('ip', 'a', '-d', 'link', 'show', 'dev', 'net1', 'ifconfig', 'sh', '-c', 'env', 'cat', '&&', ';', '"', "'", '$A', 'exit', '\\'), fc.string({ maxLength: 8, unit: 'binary' }));
    fc.assert(fc.property(fc.array(word, { maxLength: 8 }), fc.boolean(), (words, asScript) => {
      const { exitCode } = asScript ? sh(words.join(' ')) : runCommand(words, inside());
      expect(exitCode).toBeGreaterThanOrEqual(0);
    }), { numRuns: 2000 });
  });
});

describe('logs', () => {
  const article = inside({ command: ['/bin/bash', '-c', 'ip a && sleep infinity'] });
  const all = { timestamps: false };
  test('a container has printed what its command prints before it waits', () => {
    expect(logText(article, 0, all)).toBe(runCommand(['ip', 'a'], article).out);
    expect(logText(inside({ command: ['sh', '-c', 'echo one; sleep 1; echo two; ./server; echo never'] }), 0, all)).toBe('one\ntwo\n');
    expect(logText(inside({ command: ['./server'] }), 0, all)).toBe('');
    expect(logText(inside(), 0, all)).toBe('');
  });

  test('tail, limit, since and timestamps', () => {
    const talker = inside({ command: ['sh', '-c', 'echo one; echo two; echo three'] });
    expect(logText(talker, 0, { ...all, tailLines: 2 })).toBe('two\nthree\n');
    expect(logText(talker, 0, { ...all, tailLines: 0 })).toBe('');
    expect(logText(talker, 0, { ...all, limitBytes: 5 })).toBe('one\nt');
    expect(logText(talker, 1000, { ...all, sinceMs: 1001 })).toBe('');
    expect(logText(talker, Date.UTC(2026, 0, 1), { timestamps: true, tailLines: 1 })).toBe('2026-01-01T00:00:00.000000000Z three\n');
  });
});
