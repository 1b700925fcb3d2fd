// Goal: what is written into aliases and names comes back as it was, fits where the kernel keeps it, and nothing else is taken for it. Method:
// properties over all that a VF can be told.
import { pciAddress } from '@vfleet/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bridgeName, keyOfName, limiterName, representorName, spareName, switchKeyOf, trunkName } from '../../src/standin/names.ts';
import { encodeEnd, encodePort, encodeSwitch, parseEnd, parsePort, parseSwitch } from '../../src/standin/records.ts';
import { mac, pf, portRecord } from './arbitraries.ts';

const key = fc.stringMatching(/^[0-9a-z]{7}$/);
const vlan = fc.record({ id: fc.integer({ min: 0, max: 4094 }), protocol: fc.constantFrom('802.1q' as const, '802.1ad' as const) });

describe('aliases', () => {
  test('a port, a switch and an end come back as they were, and are nothing else', () => {
    fc.assert(fc.property(key, portRecord, fc.record({ pf, numVfs: fc.integer({ min: 0, max: 65_535 }), eswitchMode: fc.constantFrom('legacy' as const, 'switchdev' as const) }), (own, port, record) => {
      expect(parsePort(own, encodePort(own, port))).toEqual(port);
      expect(parseSwitch(own, encodeSwitch(own, record))).toEqual(record);
      expect(parseEnd(encodeEnd(own, port.device))).toEqual({ key: own, device: port.device });
      expect([parsePort(own, encodeSwitch(own, record)), parseSwitch(own, encodePort(own, port)), parseEnd(encodePort(own, port)), parsePort('other00', encodePort(own, port))]).toEqual([undefined, undefined, undefined, undefined]);
    }));
  });

  test('with the path of a pod\'s namespace they fit into an alias', () => {
    fc.assert(fc.property(key, portRecord, (own, port) => {
      expect(encodePort(own, { ...port, netns: '/var/run/netns/cni-01234567-89ab-cdef-0123-456789abcdef' }).length).toBeLessThan(256);
    }));
  });

  test('any other text is nobody\'s', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), mac, fc.string().map((text) => `vfleet 0000000 port ${text}`)), (text) => {
      expect([parsePort('0000000', text), parseSwitch('0000000', text), parseEnd(text)]).toEqual([undefined, undefined, undefined]);
    }));
  });
});

describe('names', () => {
  test('fit, are told apart, and tell whose they are', () => {
    fc.assert(fc.property(key, fc.integer({ min: 0, max: 65_535 }), fc.uniqueArray(vlan, { selector: ({ id, protocol }) => `${id} ${protocol}`, maxLength: 8 }), (own, index, vlans) => {
      const names = [representorName(own, index), spareName(own, index), limiterName(own, index), ...vlans.flatMap((one) => [bridgeName(own, one), trunkName(own, one)])];
      expect(names.filter((name) => name.length > 15)).toEqual([]);
      expect(new Set(names).size).toBe(names.length);
      expect(new Set(names.map(keyOfName))).toEqual(new Set([own]));
    }));
  });

  test('a key that somebody else uses is left to him; one\'s own stays', () => {
    const address = pciAddress('0000:81:00.0');
    const link = (name: string, alias?: string) => ({ index: 7, isInfiniBand: false, up: true, carrier: true, name, altNames: [], mac: '', mtu: 1500, vfs: [], ...(alias === undefined ? {} : { alias }) });
    const first = switchKeyOf('node-a', address, []);
    expect(switchKeyOf('node-a', address, [link('eth0'), link('vfpio0')])).toBe(first);
    expect(switchKeyOf('node-a', address, [link(representorName(first, 0)), link(bridgeName(first, { id: 0, protocol: '802.1q' }), encodeSwitch(first, { pf: address, numVfs: 1, eswitchMode: 'legacy' }))])).toBe(first);
    expect(switchKeyOf('node-a', address, [link(representorName(first, 0), 'the uplink of the database')])).not.toBe(first);
    expect(switchKeyOf('node-a', address, [link(bridgeName(first, { id: 0, protocol: '802.1q' }), encodeSwitch(first, { pf: pciAddress('0000:82:00.0'), numVfs: 1, eswitchMode: 'legacy' }))])).not.toBe(first);
    expect(switchKeyOf('node-b', address, [])).not.toBe(first);
  });
});
