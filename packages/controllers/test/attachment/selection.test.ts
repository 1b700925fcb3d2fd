// Goal: every form of the networks annotation is read as Multus reads it; mistakes are named with their entry; nothing throws.
// Method: the forms by hand, round trips and arbitrary texts by property.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatShort, interfaceNames, parseChain, parseNetworks } from '../../src/attachment/index.ts';
import { stepsOf } from '../../src/attachment/plugin-chain.ts';

const value = (annotation: string) => {
  const parsed = parseNetworks(annotation, 'default');
  return parsed.ok ? parsed.value : parsed.error;
};

describe('parseNetworks', () => {
  test('the short form', () => {
    expect(value(' net-a , other/net-b@sriov0,net-c@x ')).toEqual([
      { name: 'net-a', namespace: 'default' }, { name: 'net-b', namespace: 'other', interface: 'sriov0' }, { name: 'net-c', namespace: 'default', interface: 'x' },
    ]);
    expect([value(''), value('  '), value('[]')]).toEqual([[], [], []]);
  });

  test('the JSON form, with every field', () => {
    const element = {
      name: 'net', namespace: 'ns', ips: ['10.0.0.5/24', 'fd00::5'], mac: 'CA:FE:C0:FF:EE:00', interface: 'eth7', 'infiniband-guid': '02:11:22:33:44:55:66:77', 'default-route': ['10.0.0.1'],
      'cni-args': { zone: 1 }, portMappings: [{ hostPort: 80 }], bandwidth: { ingressRate: 1 }, deviceID: '0000:81:01.0', 'ipam-claim-reference': 'x',
    };
    expect(value(JSON.stringify([element, { name: 'b', 'default-route': [] }]))).toEqual([
      {
        name: 'net', namespace: 'ns', ips: ['10.0.0.5/24', 'fd00::5'], mac: 'CA:FE:C0:FF:EE:00', interface: 'eth7', infinibandGuid: '02:11:22:33:44:55:66:77', defaultRoute: ['10.0.0.1'],
        cniArgs: { zone: 1 }, portMappings: [{ hostPort: 80 }], bandwidth: { ingressRate: 1 }, deviceId: '0000:81:01.0',
      },
      { name: 'b', namespace: 'default', defaultRoute: [] },
    ]);
  });

  test.each([
    ['a,', 'entry 2: it names no network'], ['a/b/c', 'entry 1: "a/b/c" is not of the form'], ['a@b@c', 'is not of the form'], ['Net', '"Net" is no name of a network'], ['ns_x/net', '"ns_x" is no name of a namespace'],
    ['a@', 'no interface name'], ['a@a-name-too-long-x', 'no interface name'], ['[', 'not JSON: line 1'], ['{"name": "a"}', 'must be a list'], ['["a"]', 'entry 1: it must be an object'], ['[{}]', 'names no network'],
    ['[{"name": 1}]', '"name" must be a string'], ['[{"name": "a", "ips": "10.0.0.1"}]', '"ips" must be a list'], ['[{"name": "a", "ips": ["x"]}]', '"x" is no IP address'], ['[{"name": "a", "mac": "x"}]', 'no MAC'],
    ['[{"name": "a", "infiniband-guid": "x"}]', 'no InfiniBand GUID'], ['[{"name": "a", "default-route": ["x"]}]', 'the gateway "x"'], ['[{"name": "a", "cni-args": []}]', '"cni-args" must be an object'],
  ])('%j is refused: %s', (annotation, words) => {
    expect(value(annotation)).toEqual(expect.stringContaining(words));
  });

  const name = fc.stringMatching(/^[a-z0-9](?:[-a-z0-9]{0,8}[a-z0-9])?$/);
  const selection = fc.record({ name, namespace: name, interface: fc.stringMatching(/^[a-z][a-z0-9.-]{0,13}$/) }, { requiredKeys: ['name', 'namespace'] });

  test('a list survives being written and read, in both forms', () => {
    fc.assert(fc.property(fc.array(selection, { minLength: 1, maxLength: 5 }), (selections) => {
      expect(value(selections.map(formatShort).join(','))).toEqual(selections);
      expect(value(JSON.stringify(selections))).toEqual(selections);
    }));
  });

  test('no text makes it throw', () => {
    const text = fc.oneof(fc.string(), fc.json(), fc.string({ unit: fc.constantFrom('a', '/', '@', ',', '[', '{', '"', ':', ' ') }), fc.array(fc.dictionary(fc.constantFrom('name', 'ips', 'mac', '__proto__', 'cni-args'), fc.jsonValue())).map((list) => JSON.stringify(list)));
    fc.assert(fc.property(text, (annotation) => void expect(typeof parseNetworks(annotation, 'default').ok).toBe('boolean')), { numRuns: 400 });
  });
});

describe('interfaceNames', () => {
  const names = (...interfaces: (string | undefined)[]) => {
    const given = interfaceNames(interfaces.map((ifname) => ({ name: 'n', namespace: 'd', ...(ifname === undefined ? {} : { interface: ifname }) })), ['lo', 'eth0']);
    return given.ok ? given.value : given.error;
  };

  test('by position, unless asked for', () => {
    expect(names(undefined, 'fast', undefined)).toEqual(['net1', 'fast', 'net3']);
  });

  test('no name twice', () => {
    expect(names('net2', undefined)).toContain('entries 1 and 2 would both be the interface "net2"');
    expect(names('eth0')).toContain('"eth0", which the pod has already');
  });
});

describe('parseChain', () => {
  test('one plugin, or several; the name of the network when the config has none', () => {
    const show = (config: object) => {
      const chain = parseChain(JSON.stringify(config), 'fallback');
      return chain.ok ? [chain.value.name, chain.value.cniVersion, chain.value.plugins.map((plugin) => plugin['type'])] : chain.error;
    };
    expect(show({ type: 'sriov', cniVersion: '0.3.1', name: 'n' })).toEqual(['n', '0.3.1', ['sriov']]);
    expect(show({ plugins: [{ type: 'sriov' }, { type: 'tuning' }] })).toEqual(['fallback', '0.1.0', ['sriov', 'tuning']]);
    expect([show({}), show({ plugins: [] }), show({ plugins: [{}] }), show({ type: 'a', name: '../x' }), show([])]).toEqual([
      expect.stringContaining('neither "type" nor "plugins"'), expect.stringContaining('at least one plugin'), expect.stringContaining('plugins[0]'), expect.stringContaining('"../x"'), 'its config is no JSON object',
    ]);
  });

  test('wishes go to the plugins that declare the capability; the rest is reported', () => {
    const chain = parseChain(JSON.stringify({ name: 'n', plugins: [{ type: 'sriov', capabilities: { mac: true, ips: false } }, { type: 'portmap', capabilities: { portMappings: true }, args: { cni: { a: 1 }, b: 2 } }] }), 'n');
    if (!chain.ok) throw new Error(chain.error);
    const { steps, unheard } = stepsOf(chain.value, { name: 'n', namespace: 'd', mac: '02:00:00:00:00:01', ips: ['10.0.0.1'], portMappings: [1], cniArgs: { a: 2 } }, '0000:81:01.0');
    expect(steps.map(({ config }) => [config['runtimeConfig'], config['args'], config['deviceID'], config['name']])).toEqual([
      [{ mac: '02:00:00:00:00:01' }, { cni: { a: 2 } }, '0000:81:01.0', 'n'], [{ portMappings: [1] }, { cni: { a: 2 }, b: 2 }, '0000:81:01.0', 'n'],
    ]);
    expect(unheard).toEqual(['ips']);
  });
});
