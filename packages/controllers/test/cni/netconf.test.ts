// Goal: configurations of the SR-IOV CNI plugin are read as that plugin reads them, and mistakes get the CNI error code and a cause.
// Method: all keys at once, tables of mistakes, precedence by hand, arbitrary JSON by property.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSriovConfig } from '../../src/cni/index.ts';
import type { JsonObject } from '../../src/json/fields.ts';

const base = { type: 'sriov', name: 'net', cniVersion: '1.0.0', deviceID: '0000:03:02.0' };
const parse = (more: JsonObject, args?: Record<string, string>) => parseSriovConfig({ ...base, ...more }, args);
const value = (more: JsonObject, args?: Record<string, string>) => {
  const parsed = parse(more, args);
  return parsed.ok ? parsed.value : parsed.error;
};

describe('parseSriovConfig', () => {
  test('every documented key', () => {
    expect(value({ mac: '02:AB:CD:00:00:09', vlan: 1234, vlanQoS: 5, vlanProto: '802.1AD', min_tx_rate: 50, max_tx_rate: 1500, spoofchk: 'off', trust: 'on', link_state: 'disable', logLevel: 'info', logFile: '/var/log/cni.log' })).toEqual({
      type: 'sriov', network: 'net', device: '0000:03:02.0', vlan: { id: 1234, qos: 5, protocol: '802.1ad' }, mac: '02:ab:cd:00:00:09', minTxMbps: 50, maxTxMbps: 1500, spoofCheck: false, trust: true, linkState: 'disable', requestedIps: [],
    });
  });

  test('only what is set; what the operator renders by default', () => {
    expect(value({ vlan: 0, vlanQoS: 0, ipam: {} })).toEqual({ type: 'sriov', network: 'net', device: '0000:03:02.0', vlan: { id: 0, qos: 0, protocol: '802.1q' }, requestedIps: [] });
    expect(value({})).toEqual({ type: 'sriov', network: 'net', device: '0000:03:02.0', requestedIps: [] });
    expect(value({ vlanQoS: 0 })).toEqual(value({}));
    expect(value({ spoofChk: 'on' })).toMatchObject({ spoofCheck: true });
  });

  test('a MAC of runtimeConfig wins over CNI_ARGS, that over the configuration', () => {
    const runtimeConfig = { mac: '02:00:00:00:00:0A' };
    expect(value({ mac: '02:00:00:00:00:0c', runtimeConfig }, { MAC: '02:00:00:00:00:0b' })).toMatchObject({ mac: '02:00:00:00:00:0a' });
    expect(value({ mac: '02:00:00:00:00:0c' }, { MAC: '02-00-00-00-00-0B' })).toMatchObject({ mac: '02:00:00:00:00:0b' });
    expect(value({ mac: '02:00:00:00:00:0c', runtimeConfig: { mac: '' } }, { MAC: '' })).toMatchObject({ mac: '02:00:00:00:00:0c' });
  });

  test('addresses asked for in three ways, each once', () => {
    expect(value({ runtimeConfig: { ips: ['10.0.0.5/24'] }, args: { cni: { ips: ['10.0.0.6', '10.0.0.5/24'] } } }, { IP: '10.0.0.7, 10.0.0.6' })).toMatchObject({ requestedIps: ['10.0.0.7', '10.0.0.6', '10.0.0.5/24'] });
  });

  test('InfiniBand has a GUID and no MAC', () => {
    expect(value({ type: 'ib-sriov', mac: '02:00:00:00:00:0c', runtimeConfig: { infinibandGUID: '02:11:22:33:44:55:66:77' }, link_state: 'auto' })).toEqual({ type: 'ib-sriov', network: 'net', device: '0000:03:02.0', guid: '02:11:22:33:44:55:66:77', linkState: 'auto', requestedIps: [] });
    expect(value({ type: 'ib-sriov', guid: 'ff:ff:ff:ff:ff:ff:ff:ff' })).toMatchObject({ code: 7 });
  });

  test.each<[JsonObject, number, string]>([
    [{ type: 'bridge' }, 7, '"bridge"'], [{ name: '' }, 7, 'no "name"'], [{ cniVersion: '2.0.0' }, 1, '2.0.0'], [{ deviceID: null }, 7, 'no device was given'], [{ deviceID: 'ens1f0' }, 7, 'no PCI address'],
    [{ vlan: 4095 }, 7, '0 to 4094'], [{ vlan: '100' }, 7, 'whole number'], [{ vlan: 1.5 }, 7, 'whole number'], [{ vlanQoS: 3 }, 7, 'need a vlan'], [{ vlan: 0, vlanQoS: 3 }, 7, 'other than 0'], [{ vlan: 5, vlanQoS: 8 }, 7, '0 to 7'],
    [{ vlanProto: '802.1q' }, 7, 'need a vlan'], [{ vlan: 0, vlanProto: '802.1AD' }, 7, 'other than 0'], [{ vlan: 5, vlanProto: '802.3' }, 7, 'use 802.1q'], [{ min_tx_rate: 300, max_tx_rate: 200 }, 7, 'above'], [{ max_tx_rate: -1 }, 7, 'whole number'],
    [{ spoofchk: true }, 7, 'must be a string'], [{ trust: 'yes' }, 7, 'use on, off'], [{ rdmaIsolation: 'yes' }, 7, 'use true or false'], [{ link_state: 'up' }, 7, 'use auto'], [{ mac: '01:00:5e:00:00:01' }, 7, 'multicast'], [{ mac: '00:00:00:00:00:00' }, 7, 'zeros'], [{ mac: 'abc' }, 7, 'no MAC'],
    [{ ipam: 'host-local' }, 7, 'must be an object'], [{ runtimeConfig: { ips: '10.0.0.1' } }, 7, 'list of strings'], [{ mtu: 10 }, 7, '68'],
  ])('%j is code %d: %s', (more, code, words) => {
    expect(value(more)).toMatchObject({ code, cause: expect.stringContaining(words), remedy: expect.stringMatching(/./) });
  });

  test('nothing makes it throw, and what is accepted is within its bounds', () => {
    const item = fc.oneof(fc.constantFrom('on', 'off', '802.1q', 'auto', '02:00:00:00:00:01', null, true, {}, []), fc.integer({ min: -2, max: 5000 }), fc.string());
    const keys = fc.constantFrom('vlan', 'vlanQoS', 'vlanProto', 'mac', 'spoofchk', 'trust', 'link_state', 'min_tx_rate', 'max_tx_rate', 'mtu', 'ipam', 'runtimeConfig', 'args', '__proto__');
    fc.assert(fc.property(fc.dictionary(keys, item as fc.Arbitrary<JsonObject[string]>), (more) => {
      const parsed = parse(more);
      const config = parsed.ok ? parsed.value : undefined;
      const { id, qos } = config?.vlan ?? { id: 0, qos: 0 };
      expect(id >= 0 && id <= 4094 && qos >= 0 && qos <= 7 && (qos === 0 || id > 0)).toBe(true);
      expect(parsed.ok || parsed.error.cause.length > 0).toBe(true);
    }), { numRuns: 500 });
  });
});
