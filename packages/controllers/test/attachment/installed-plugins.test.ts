// Goal: plugins of the node get what the chain had before them, in the words of the network's version, and what they answer is taken over.
// Method: a runner that remembers what it was given; real plugins are run in test/node-data-plane and on a real kernel.
import { describe, expect, test } from 'vitest';
import { installedPlugins } from '../../src/attachment/index.ts';
import type { CniResult, PluginCall } from '../../src/attachment/index.ts';
import type { PluginExecution, PluginOutcome } from '../../src/cni/plugin-runner.ts';

const previous: CniResult = {
  interfaces: [{ name: 'br0' }, { name: 'net1', mac: '02:00:00:00:00:01', mtu: 1500, sandbox: '/run/netns/a' }],
  ips: [{ address: '10.1.1.2/24', gateway: '10.1.1.1' }], routes: [{ dst: '0.0.0.0/0', gw: '10.1.1.1' }], dns: {},
};
const call = (more: Partial<PluginCall> = {}): PluginCall => ({
  type: 'portmap', config: { cniVersion: '1.0.0', name: 'net', type: 'portmap', snat: true }, previous, containerId: 'c1', netns: '/run/netns/a', ifname: 'net1', cniArgs: { K8S_POD_NAME: 'web' }, ...more,
});

function plugins(outcome: PluginOutcome) {
  const executions: PluginExecution[] = [];
  const chained = installedPlugins({ has: (type) => type === 'portmap', run: async (execution) => (executions.push(execution), outcome) });
  return { chained, executions };
}

const answer = (value: object): PluginOutcome => ({ kind: 'ended', status: 0, output: JSON.stringify(value) });

describe('ADD', () => {
  test('hands on what was before: addresses at the pod\'s interface, nothing that the version has no word for', async () => {
    const { chained, executions } = plugins(answer({ cniVersion: '1.0.0', interfaces: [{ name: 'net1', sandbox: '/run/netns/a', mac: '02:00:00:00:00:02' }], ips: [{ address: '10.1.1.2/24', interface: 0 }], routes: [{ dst: '0.0.0.0/0' }], dns: { domain: 'x' } }));
    expect(await chained.add(call())).toEqual({ ok: true, value: { interfaces: [{ name: 'net1', sandbox: '/run/netns/a', mac: '02:00:00:00:00:02' }], ips: [{ address: '10.1.1.2/24' }], routes: [{ dst: '0.0.0.0/0' }], dns: { domain: 'x' } } });
    expect(executions.map(({ type, environment }) => [type, environment['CNI_COMMAND'], environment['CNI_ARGS']])).toEqual([['portmap', 'ADD', 'K8S_POD_NAME=web']]);
    expect(JSON.parse(executions[0]!.input)).toEqual({
      cniVersion: '1.0.0', name: 'net', type: 'portmap', snat: true,
      prevResult: {
        cniVersion: '1.0.0', interfaces: [{ name: 'br0' }, { name: 'net1', mac: '02:00:00:00:00:01', sandbox: '/run/netns/a' }],
        ips: [{ interface: 1, address: '10.1.1.2/24', gateway: '10.1.1.1' }], routes: [{ dst: '0.0.0.0/0', gw: '10.1.1.1' }], dns: {},
      },
    });
  });

  test('the first of a chain gets no result', async () => {
    const { chained, executions } = plugins(answer({ cniVersion: '0.3.1', interfaces: [], dns: {} }));
    await chained.add(call({ previous: undefined, config: { cniVersion: '0.3.1', name: 'net', type: 'portmap' } }));
    expect(JSON.parse(executions[0]!.input)).not.toHaveProperty('prevResult');
  });

  test.each<[string, PluginOutcome, number]>([
    ['a refusal keeps its code', { kind: 'ended', status: 1, output: '{"code":11,"msg":"busy"}' }, 11],
    ['routes that are none', answer({ cniVersion: '1.0.0', routes: [{ dst: 'x' }] }), 6],
    ['name servers that are none', answer({ cniVersion: '1.0.0', dns: { nameservers: 'x' } }), 6],
    ['a plugin that cannot be run', { kind: 'failed', cause: 'it is gone' }, 5],
  ])('%s', async (_name, outcome, code) => {
    expect(await plugins(outcome).chained.add(call())).toMatchObject({ ok: false, error: { code } });
  });
});

test.each([['1.0.0', 'CHECK'], ['0.3.1', undefined]])('CHECK in a network of version %s', async (cniVersion, command) => {
  const { chained, executions } = plugins({ kind: 'ended', status: 0, output: '' });
  expect(await chained.check(call({ config: { cniVersion, name: 'net', type: 'portmap' } }))).toEqual({ ok: true, value: undefined });
  expect(executions[0]?.environment['CNI_COMMAND']).toBe(command);
  if (command !== undefined) expect(JSON.parse(executions[0]!.input)).toMatchObject({ prevResult: { ips: [{ address: '10.1.1.2/24' }] } });
});

test('DEL needs no answer', async () => {
  const { chained, executions } = plugins({ kind: 'ended', status: 0, output: '' });
  expect(await chained.del(call())).toEqual({ ok: true, value: undefined });
  expect(executions[0]!.environment['CNI_COMMAND']).toBe('DEL');
});

test('what is not installed is not there', () => {
  const { chained } = plugins(answer({}));
  expect([chained.has('portmap'), chained.has('bandwidth')]).toEqual([true, false]);
});
