import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { networkOwnerRef, parseJson, parseNetworkOwnerRef, renderNetworkAttachment } from '../../src/index.ts';
import type { NetworkObject, SriovNetworkSpec } from '../../src/index.ts';

// Goal: networks become the CNI configurations that existing CNI plugins read; invalid user JSON is refused with its place.
// Method: golden pairs, malformed input, and properties over drawn JSON.

const settings = { operatorNamespace: 'sriov-network-operator', resourcePrefix: 'openshift.io' };

function sriov(spec: Partial<SriovNetworkSpec>, namespace = settings.operatorNamespace): NetworkObject {
  return { kind: 'SriovNetwork', namespace, name: 'net', spec: { resourceName: 'nic', ...spec } };
}

function config(network: NetworkObject): string {
  const rendered = renderNetworkAttachment(network, settings);
  if (!rendered.ok) throw new Error(rendered.error.cause);
  return rendered.value.config;
}

function error(network: NetworkObject) {
  const rendered = renderNetworkAttachment(network, settings);
  if (rendered.ok) throw new Error('was rendered');
  return rendered.error;
}

describe('golden pairs', () => {
  test('a network for another namespace', () => {
    expect(renderNetworkAttachment(sriov({ networkNamespace: 'default', ipam: '{\n  "type": "host-local",\n  "subnet": "10.10.10.0/24"\n}\n' }), settings)).toEqual({
      ok: true,
      value: {
        namespace: 'default',
        name: 'net',
        config: '{"cniVersion":"1.0.0","name":"net","type":"sriov","vlan":0,"vlanQoS":0,"ipam":{"type":"host-local","subnet":"10.10.10.0/24"}}',
        annotations: {
          'k8s.v1.cni.cncf.io/resourceName': 'openshift.io/nic',
          'sriovnetwork.openshift.io/owner-ref': 'SriovNetwork.sriovnetwork.openshift.io/sriov-network-operator/net',
        },
      },
    });
  });

  test.each<[string, NetworkObject, string]>([
    [
      'all that SriovNetwork has',
      sriov({
        vlan: 100, vlanQoS: 5, vlanProto: '802.1AD', spoofChk: 'off', trust: 'on', linkState: 'auto', minTxRate: 0, maxTxRate: 1000, logLevel: 'debug', logFile: '/var/log/sriov cni.log',
        capabilities: '{"mac": true, "ips": true}', ipam: '{}',
      }),
      '{"cniVersion":"1.0.0","name":"net","type":"sriov","vlan":100,"vlanQoS":5,"vlanProto":"802.1ad","spoofchk":"off","trust":"on","link_state":"auto","min_tx_rate":0,"max_tx_rate":1000,' +
        '"logLevel":"debug","logFile":"/var/log/sriov cni.log","capabilities":{"mac":true,"ips":true},"ipam":{}}',
    ],
    [
      'chained plugins',
      sriov({ vlan: 7, metaPlugins: '{"type": "tuning", "sysctl": {"net.core.somaxconn": "5 00"}},\n{"type": "bandwidth"}' }),
      '{"cniVersion":"1.0.0","name":"net","plugins":[{"type":"sriov","vlan":7,"vlanQoS":0,"ipam":{}},{"type":"tuning","sysctl":{"net.core.somaxconn":"5 00"}},{"type":"bandwidth"}]}',
    ],
    [
      'InfiniBand',
      { kind: 'SriovIBNetwork', namespace: settings.operatorNamespace, name: 'ib', spec: { resourceName: 'nic', linkState: 'enable', ipam: '{"type":"whereabouts"}' } },
      '{"cniVersion":"1.0.0","name":"ib","type":"ib-sriov","link_state":"enable","ipam":{"type":"whereabouts"}}',
    ],
    [
      'Open vSwitch',
      { kind: 'OVSNetwork', namespace: settings.operatorNamespace, name: 'ovs', spec: { resourceName: 'nic', bridge: 'br0', vlan: 10, mtu: 9000, trunk: [{ minID: 1, maxID: 5 }, { id: 7 }], interfaceType: 'dpdk', capabilities: '{"mac":true}' } },
      '{"cniVersion":"1.0.0","name":"ovs","type":"ovs","bridge":"br0","vlan":10,"mtu":9000,"trunk":[{"minID":1,"maxID":5},{"id":7}],"interface_type":"dpdk","capabilities":{"mac":true},"ipam":{}}',
    ],
    [
      'Open vSwitch with nothing set',
      { kind: 'OVSNetwork', namespace: settings.operatorNamespace, name: 'ovs', spec: { resourceName: 'nic', vlan: 0 } },
      '{"cniVersion":"1.0.0","name":"ovs","type":"ovs","ipam":{}}',
    ],
  ])('%s', (_, network, expected) => expect(config(network)).toBe(expected));

  test('spaces within string values survive', () => {
    expect(JSON.parse(config(sriov({ ipam: '{ "type": "static", "note": "a b\\n c" }' })))).toMatchObject({ ipam: { note: 'a b\n c' } });
  });
});

describe('refused', () => {
  test.each([
    ['ipam', '{"type": "static"', 1, 18],
    ['ipam', '{\n  type: "static"\n}', 2, 3],
    ['capabilities', '{"mac": yes}', 1, 9],
    ['metaPlugins', '{"type": "a"}, {"type": "b"', 1, 28],
    ['metaPlugins', '{"type": "a"},', 1, 15],
    ['metaPlugins', '{"type": "a"} {"type": "b"}', 1, 15],
    ['metaPlugins', '{"type": "a"},\n{"type": b}', 2, 10],
    ['metaPlugins', '{"type": "a"}], "x": [{"type": "b"}', 1, 15],
  ])('%s %j at line %i, column %i', (field, text, line, column) => {
    expect(error(sriov({ [field]: text }))).toMatchObject({ kind: 'invalidJson', field, line, column, cause: expect.stringContaining(field), remedy: expect.stringMatching(/./) });
  });

  test.each([
    ['ipam', '[]'], ['ipam', '"dhcp"'], ['ipam', 'null'], ['capabilities', '{"mac": "yes"}'], ['capabilities', '[true]'],
    ['metaPlugins', '[{"type": "a"}]'], ['metaPlugins', '{"name": "a"}'], ['metaPlugins', '1'], ['metaPlugins', '{"type": ""}'],
  ])('%s %s is JSON of the wrong shape', (field, text) => expect(error(sriov({ [field]: text }))).toMatchObject({ kind: 'wrongShape', field }));

  test('a foreign namespace outside the operator namespace', () => {
    expect(error(sriov({ networkNamespace: 'b' }, 'a'))).toMatchObject({ kind: 'networkNamespaceNotAllowed' });
    expect(renderNetworkAttachment(sriov({}, 'a'), settings)).toMatchObject({ ok: true, value: { namespace: 'a' } });
  });

  test('an empty resourceName', () => expect(error(sriov({ resourceName: '' }))).toMatchObject({ kind: 'resourceNameMissing' }));
});

test('whatever JSON a user writes comes out as the same JSON', () => {
  const json = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }));
  fc.assert(
    fc.property(json, fc.array(json, { maxLength: 3 }), fc.constantFrom(0, 2), (ipam, chained, indent) => {
      const plugins = chained.map((plugin) => ({ ...plugin, type: 'tuning' }));
      const metaPlugins = plugins.map((plugin) => JSON.stringify(plugin, undefined, indent)).join(' ,\n');
      const made = JSON.parse(config(sriov({ ipam: JSON.stringify(ipam, undefined, indent), metaPlugins }))) as { readonly plugins?: readonly { readonly ipam?: unknown }[] };
      const normal = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;
      if (plugins.length === 0) expect((made as { readonly ipam?: unknown }).ipam).toEqual(normal(ipam));
      else {
        expect(made.plugins?.[0]?.ipam).toEqual(normal(ipam));
        expect(made.plugins?.slice(1)).toEqual(normal(plugins));
      }
    }),
  );
});

test('any text at all is either rendered as valid JSON or refused within the text', () => {
  const text = fc.oneof(fc.string(), fc.json(), fc.json().chain((whole) => fc.nat(whole.length).map((length) => whole.slice(0, length))), fc.string({ unit: fc.constantFrom(...'{}[]",:\\ \n1et') }));
  fc.assert(
    fc.property(text, fc.constantFrom('ipam', 'capabilities', 'metaPlugins'), (value, field) => {
      const rendered = renderNetworkAttachment(sriov({ [field]: value }), settings);
      if (rendered.ok) JSON.parse(rendered.value.config);
      else if (rendered.error.kind === 'invalidJson') {
        const { line, column } = rendered.error;
        expect(value.split('\n')[line - 1]!.length + 1).toBeGreaterThanOrEqual(column);
        expect(column).toBeGreaterThan(0);
      }
    }),
    { numRuns: 1000 },
  );
});

test('parseJson accepts exactly what JSON.parse accepts', () => {
  const text = fc.oneof(fc.json(), fc.string({ unit: fc.constantFrom(...'{}[]",:\\ \t\n01.-+eEu/tfalsn\u0001é') }), fc.string().map((inner) => `"${inner}"`));
  fc.assert(
    fc.property(text, (drawn) => {
      let expected: { readonly value: unknown } | undefined;
      try {
        expected = { value: JSON.parse(drawn) as unknown };
      } catch {
        expected = undefined;
      }
      const parsed = parseJson(drawn);
      expect(parsed.ok).toBe(expected !== undefined);
      if (parsed.ok) expect(parsed.value).toEqual(expected?.value);
    }),
    { numRuns: 3000 },
  );
  expect(parseJson('['.repeat(100_000))).toMatchObject({ ok: false, error: { cause: expect.stringContaining('nested') } });
  expect(parseJson(`"${'a'.repeat(5_000_000)}`)).toMatchObject({ ok: false, error: { offset: 5_000_001 } });
  expect(parseJson('"a\nb"')).toMatchObject({ ok: false, error: { line: 1, column: 3, cause: expect.stringContaining('line break') } });
});

test('owner references are read back, and nothing else is', () => {
  for (const kind of ['SriovNetwork', 'SriovIBNetwork', 'OVSNetwork'] as const) {
    const key = { kind, namespace: 'a', name: 'b' };
    expect(parseNetworkOwnerRef(networkOwnerRef(key))).toEqual(key);
  }
  for (const text of ['', 'a/b/c', 'SriovNetwork.sriovnetwork.openshift.io/a', 'SriovNetwork.sriovnetwork.openshift.io/a/b/c', 'SriovNetwork.example.com/a/b']) {
    expect(parseNetworkOwnerRef(text)).toBeUndefined();
  }
});
