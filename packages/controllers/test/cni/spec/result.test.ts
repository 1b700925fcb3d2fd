// Goal: a result survives the way from version to version as far as both have words for it, and strange ones are refused. Method: properties
// over results and versions; then the forms of each version letter by letter.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatResult, mergedResult, parseResult } from '../../../src/cni/spec/result.ts';
import type { SpecResult } from '../../../src/cni/spec/result.ts';
import { CNI_VERSIONS, isAtLeast } from '../../../src/cni/spec/versions.ts';

const full: SpecResult = {
  interfaces: [{ name: 'net1', mac: '02:00:00:00:00:01', mtu: 1500, sandbox: '/run/netns/a', pciID: '0000:81:01.0' }],
  ips: [{ interface: 0, address: '10.1.1.5/24', gateway: '10.1.1.1' }, { interface: 0, address: 'fd00::5/64' }],
  routes: [{ dst: '0.0.0.0/0', gw: '10.1.1.1', mtu: 1400 }, { dst: '::/0' }],
  dns: { nameservers: ['10.1.1.1'] },
};
const older = { name: 'net1', mac: '02:00:00:00:00:01', sandbox: '/run/netns/a' };

describe('the forms', () => {
  test('1.1.0 has everything', () => {
    expect(formatResult(full, '1.1.0')).toEqual({ cniVersion: '1.1.0', ...full });
  });

  test('1.0.0 has no MTU, no PCI address and no route attributes', () => {
    expect(formatResult(full, '1.0.0')).toEqual({ cniVersion: '1.0.0', interfaces: [older], ips: full.ips, routes: [{ dst: '0.0.0.0/0', gw: '10.1.1.1' }, { dst: '::/0' }], dns: full.dns });
  });

  test.each(['0.3.0', '0.3.1', '0.4.0'] as const)('%s says the family of each address', (version) => {
    expect(formatResult(full, version)).toMatchObject({ cniVersion: version, interfaces: [older], ips: [{ version: '4', address: '10.1.1.5/24', interface: 0 }, { version: '6', address: 'fd00::5/64', interface: 0 }] });
  });

  test.each(['0.1.0', '0.2.0'] as const)('%s has one address a family, and no interfaces', (version) => {
    expect(formatResult(full, version)).toEqual({
      cniVersion: version, ip4: { ip: '10.1.1.5/24', gateway: '10.1.1.1', routes: [{ dst: '0.0.0.0/0', gw: '10.1.1.1' }] }, ip6: { ip: 'fd00::5/64', routes: [{ dst: '::/0' }] }, dns: full.dns,
    });
  });

  test('what is empty is left out, but dns stays', () => {
    expect(formatResult({ interfaces: [], ips: [], routes: [], dns: {} }, '1.1.0')).toEqual({ cniVersion: '1.1.0', dns: {} });
  });
});

describe('properties', () => {
  const address = fc.oneof(fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })), fc.tuple(fc.constant('fd00::1'), fc.integer({ min: 0, max: 128 }))).map(([ip, length]) => `${ip}/${length}`);
  const result: fc.Arbitrary<SpecResult> = fc.array(fc.record({ name: fc.string({ minLength: 1, maxLength: 15 }), sandbox: fc.constantFrom('', '/run/netns/a'), vendor: fc.string() }, { requiredKeys: ['name'] }), { maxLength: 3 }).chain((interfaces) =>
    fc.record({
      interfaces: fc.constant(interfaces),
      ips: fc.array(fc.record({ address, ...(interfaces.length === 0 ? {} : { interface: fc.integer({ min: 0, max: interfaces.length - 1 }) }) }), { maxLength: 4 }),
      routes: fc.array(fc.record({ dst: address }), { maxLength: 3 }),
      dns: fc.constant({}),
    }),
  );

  test('from 0.3.0 on, writing and reading gives the same result back, fields of others included', () => {
    fc.assert(fc.property(result, fc.constantFrom(...CNI_VERSIONS.filter((version) => isAtLeast(version, '0.3.0'))), (one, version) => {
      expect(parseResult(formatResult(one, version), version)).toEqual({ ok: true, value: one });
    }));
  });

  test('before, the first address of each family stays, with its routes', () => {
    fc.assert(fc.property(result, fc.constantFrom('0.1.0' as const, '0.2.0' as const), (one, version) => {
      const read = parseResult(formatResult(one, version), version);
      const first = (six: boolean) => one.ips.filter(({ address: text }) => String(text).includes(':') === six).slice(0, 1);
      const kept = [...first(false), ...first(true)].map(({ address: text }) => ({ address: text }));
      expect(read.ok && read.value.ips).toEqual(kept);
    }));
  });

  test('in a chain, every address still points at its own interface', () => {
    fc.assert(fc.property(result, result, (before, own) => {
      const merged = mergedResult(before, own);
      const named = (one: SpecResult) => one.ips.map((ip) => [ip['address'], typeof ip['interface'] === 'number' ? one.interfaces[ip['interface']] : undefined]);
      expect(named(merged)).toEqual([...named(before), ...named(own)]);
    }));
  });

  test('any JSON is read or refused with a sentence', () => {
    fc.assert(fc.property(fc.jsonValue(), fc.constantFrom(...CNI_VERSIONS), (value, version) => {
      const read = parseResult(value, version);
      expect(read.ok || read.error.length > 0).toBe(true);
    }));
  });
});

test.each([
  [[], 'no JSON object'], [{ ips: {} }, '"ips" is no list'], [{ ips: [1] }, '"ips" is no list'], [{ ips: [{ address: '10.0.0.1' }] }, 'ips[0] has no address with a prefix length'],
  [{ ips: [{ address: '10.0.0.1/24', interface: 0 }] }, 'ips[0] is of an interface that is not listed'], [{ interfaces: 'eth0' }, '"interfaces" is no list'],
])('%j is refused', (value, says) => {
  expect(parseResult(value, '1.0.0')).toMatchObject({ ok: false, error: expect.stringContaining(says) as string });
});

test('an interface of −1, as some plugins of 0.3 wrote it, is none', () => {
  expect(parseResult({ ips: [{ version: '4', address: '10.0.0.1/24', interface: -1 }] }, '0.3.1')).toMatchObject({ ok: true });
});
