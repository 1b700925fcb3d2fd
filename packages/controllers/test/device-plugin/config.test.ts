// Goal: every configuration in use is understood, and every mistake is named with its place; nothing makes the parser throw.
// Method: configurations of the public documents by hand, mistakes in a table, arbitrary JSON and text by property.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDevicePluginConfig } from '../../src/device-plugin/config.ts';
import { formatFunctionSet, holdsFunction, parseFunctionSet } from '../../src/device-plugin/function-set.ts';

const parse = (resource: object) => parseDevicePluginConfig(JSON.stringify({ resourceList: [resource] }), 'intel.com');

describe('parseDevicePluginConfig', () => {
  test('understands the Chelsio paper\'s ConfigMap', () => {
    const parsed = parse({ resourceName: 'chelsio_sriov_netdevice', selectors: { vendors: ['1425'], devices: ['680D'], drivers: ['cxgb4vf'] } });
    expect(parsed.problems).toEqual([]);
    expect(parsed.entries).toEqual([{ usable: true, resource: {
      resourceName: 'chelsio_sriov_netdevice', prefix: 'intel.com', fullName: 'intel.com/chelsio_sriov_netdevice', deviceType: 'netDevice', excludeTopology: false,
      selectors: [{ vendors: ['1425'], devices: ['680d'], drivers: ['cxgb4vf'], isRdma: false, needVhostNet: false }],
    } }]);
  });

  test('isRdma beside selectors is warned of, with the place it belongs to, and does nothing', () => {
    const parsed = parse({ resourcePrefix: 'mellanox.com', resourceName: 'cx5_sriov_switchdev', isRdma: true, selectors: { vendors: ['15b3'], devices: ['1018'], drivers: ['mlx5_core'] } });
    expect(parsed.problems).toEqual([{ severity: 'warning', code: 'misplacedKey', path: 'resourceList[0].isRdma', cause: '"isRdma" does nothing beside "selectors"', remedy: 'Move it into resourceList[0].selectors.' }]);
    expect(parsed.entries).toMatchObject([{ usable: true, resource: { fullName: 'mellanox.com/cx5_sriov_switchdev', selectors: [{ isRdma: false }] } }]);
  });

  test('keys are found in any case, as Go finds them', () => {
    const parsed = parse({ ResourceName: 'a', selectors: { PfNames: ['ens1f0#0,2-7'], IsRdma: true } });
    expect(parsed.problems).toEqual([]);
    expect(parsed.entries).toMatchObject([{ usable: true, resource: { selectors: [{ isRdma: true, pfNames: [{ pf: 'ens1f0', ranges: [{ first: 0, last: 0 }, { first: 2, last: 7 }] }] }] } }]);
  });

  test('an ordered list of selectors, additionalInfo, excludeTopology', () => {
    const parsed = parse({ resourceName: 'a', excludeTopology: true, additionalInfo: { '*': { token: 'x' }, '0000:81:00.1': { token: 'y' } }, selectors: [{ vendors: ['8086'] }, { rootDevices: ['0000:AF:00.0#1'] }] });
    expect(parsed.problems).toEqual([]);
    expect(parsed.entries).toMatchObject([{ resource: {
      excludeTopology: true, additionalInfo: { '*': { token: 'x' }, '0000:81:00.1': { token: 'y' } },
      selectors: [{ vendors: ['8086'] }, { rootDevices: [{ pf: '0000:af:00.0', ranges: [{ first: 1, last: 1 }] }] }],
    } }]);
  });

  test.each([
    [{ selectors: {} }, 'missing', 'resourceList[0].resourceName'],
    [{ resourceName: 'a' }, 'missing', 'resourceList[0].selectors'],
    [{ resourceName: 'a.b', selectors: {} }, 'invalidName', 'resourceList[0].resourceName'],
    [{ resourceName: 'a', resourcePrefix: 'Intel/com', selectors: {} }, 'invalidName', 'resourceList[0].resourcePrefix'],
    [{ resourceName: 7, selectors: {} }, 'wrongType', 'resourceList[0].resourceName'],
    [{ resourceName: 'a', deviceType: 'gpu', selectors: {} }, 'invalidValue', 'resourceList[0].deviceType'],
    [{ resourceName: 'a', deviceType: 'auxNetDevice', selectors: {} }, 'missing', 'resourceList[0].selectors.auxTypes'],
    [{ resourceName: 'a', deviceType: 'auxNetDevice', selectors: { auxTypes: ['eth'] } }, 'invalidValue', 'resourceList[0].selectors.auxTypes'],
    [{ resourceName: 'a', selectors: [] }, 'wrongType', 'resourceList[0].selectors'],
    [{ resourceName: 'a', selectors: ['x'] }, 'wrongType', 'resourceList[0].selectors[0]'],
    [{ resourceName: 'a', selectors: { vendors: '8086' } }, 'wrongType', 'resourceList[0].selectors.vendors'],
    [{ resourceName: 'a', selectors: { isRdma: 'yes' } }, 'wrongType', 'resourceList[0].selectors.isRdma'],
    [{ resourceName: 'a', selectors: { isRdma: true, vdpaType: 'vhost' } }, 'conflict', 'resourceList[0].selectors.vdpaType'],
    [{ resourceName: 'a', selectors: { vdpaType: 'other' } }, 'invalidValue', 'resourceList[0].selectors.vdpaType'],
    [{ resourceName: 'a', selectors: {}, additionalInfo: { '*': { n: 1 } } }, 'wrongType', 'resourceList[0].additionalInfo.*'],
    [{ resourceName: 'a', selectors: {}, excludeTopology: 1 }, 'wrongType', 'resourceList[0].excludeTopology'],
  ])('%j is an error, %s at %s', (resource, code, path) => {
    const parsed = parse(resource);
    expect(parsed.problems.filter(({ severity }) => severity === 'error')).toMatchObject([{ code, path }]);
    expect(parsed.entries).toMatchObject([{ usable: false }]);
  });

  test.each([
    [{ resourceName: 'a', selectors: {}, comment: 'x' }, 'unknownKey', 'resourceList[0].comment'],
    [{ resourceName: 'a', selectors: { venders: ['8086'] } }, 'unknownKey', 'resourceList[0].selectors.venders'],
    [{ resourceName: 'a', selectors: { excludeTopology: true } }, 'misplacedKey', 'resourceList[0].selectors.excludeTopology'],
    [{ resourceName: 'a', selectors: { auxTypes: ['sf'] } }, 'misplacedKey', 'resourceList[0].selectors.auxTypes'],
    [{ resourceName: 'a', deviceType: 'accelerator', selectors: { acpiIndexes: ['1'] } }, 'misplacedKey', 'resourceList[0].selectors.acpiIndexes'],
    [{ resourceName: 'a', deviceType: 'accelerator', selectors: { isRdma: true } }, 'misplacedKey', 'resourceList[0].selectors.isRdma'],
    [{ resourceName: 'a', deviceType: 'auxNetDevice', selectors: { auxTypes: ['sf'], pciAddresses: ['0000:81:00.0'] } }, 'misplacedKey', 'resourceList[0].selectors.pciAddresses'],
    [{ resourceName: 'a', selectors: { vendors: ['0x8086'] } }, 'neverMatches', 'resourceList[0].selectors.vendors[0]'],
    [{ resourceName: 'a', selectors: { pfNames: ['ens1f0', 'ens1f1#4-2'] } }, 'neverMatches', 'resourceList[0].selectors.pfNames[1]'],
    [{ resourceName: 'a', selectors: { rootDevices: ['ens1f0'] } }, 'neverMatches', 'resourceList[0].selectors.rootDevices[0]'],
    [{ resourceName: 'a', selectors: { linkTypes: ['ethernet'] } }, 'neverMatches', 'resourceList[0].selectors.linkTypes[0]'],
    [{ resourceName: 'a', selectors: { acpiIndexes: ['0101'] } }, 'neverMatches', 'resourceList[0].selectors.acpiIndexes[0]'],
    [{ resourceName: 'a', selectors: { pKeys: ['8001'] } }, 'neverMatches', 'resourceList[0].selectors.pKeys[0]'],
  ])('%j stays usable and is warned of, %s at %s', (resource, code, path) => {
    const parsed = parse(resource);
    expect(parsed.problems).toMatchObject([{ severity: 'warning', code, path }]);
    expect(parsed.entries).toMatchObject([{ usable: true }]);
  });

  test('an accelerator by all that selects one', () => {
    const parsed = parse({ resourceName: 'intel_fpga', deviceType: 'accelerator', selectors: { vendors: ['8086'], devices: ['0D90'], drivers: ['vfio-pci'], pciAddresses: ['0000:C1:00.0'] } });
    expect(parsed.problems).toEqual([]);
    expect(parsed.entries).toEqual([{ usable: true, resource: {
      resourceName: 'intel_fpga', prefix: 'intel.com', fullName: 'intel.com/intel_fpga', deviceType: 'accelerator', excludeTopology: false,
      selectors: [{ vendors: ['8086'], devices: ['0d90'], drivers: ['vfio-pci'], pciAddresses: ['0000:c1:00.0'], isRdma: false, needVhostNet: false }],
    } }]);
  });

  test('a subfunction by its PF and what that is', () => {
    const selectors = { vendors: ['15b3'], devices: ['A2D6'], drivers: ['mlx5_core'], auxTypes: ['sf'], pfNames: ['p0#1-5'], rootDevices: ['0000:03:00.0'], linkTypes: ['ether'], isRdma: true, needVhostNet: true };
    const parsed = parse({ resourceName: 'bf2_sf', resourcePrefix: 'nvidia.com', deviceType: 'auxNetDevice', selectors });
    expect(parsed.problems).toEqual([]);
    expect(parsed.entries).toMatchObject([{ usable: true, resource: { fullName: 'nvidia.com/bf2_sf', deviceType: 'auxNetDevice', selectors: [{ devices: ['a2d6'], pfNames: [{ pf: 'p0', ranges: [{ first: 1, last: 5 }] }], isRdma: true, needVhostNet: true }] } }]);
  });

  test('an accelerator is selected by nothing of the network: such keys are warned of and passed over, whatever they hold', () => {
    const parsed = parse({ resourceName: 'a', deviceType: 'accelerator', selectors: { vendors: ['8086'], pfNames: ['x'], isRdma: 'yes', vdpaType: 7 } });
    expect(parsed.problems.map(({ severity, path }) => `${severity} ${path}`)).toEqual(['pfNames', 'isRdma', 'vdpaType'].map((key) => `warning resourceList[0].selectors.${key}`));
    expect(parsed.entries).toMatchObject([{ usable: true, resource: { selectors: [{ vendors: ['8086'], isRdma: false, needVhostNet: false }] } }]);
  });

  test('two resources under one name, also across configurations', () => {
    const text = JSON.stringify({ resourceList: [{ resourceName: 'a', selectors: {} }, { resourceName: 'a', selectors: {} }, { resourceName: 'a', resourcePrefix: 'x.y', selectors: {} }] });
    const parsed = parseDevicePluginConfig(text, 'intel.com', new Set(['x.y/a']));
    expect(parsed.entries).toMatchObject([{ usable: true }, { usable: false }, { usable: false }]);
    expect(parsed.problems).toMatchObject([{ code: 'duplicate', path: 'resourceList[1].resourceName' }, { code: 'duplicate', path: 'resourceList[2].resourceName' }]);
  });

  test.each([['{', 'invalidJson', ''], ['[]', 'wrongType', ''], ['{"resourceList": {}}', 'wrongType', 'resourceList'], ['{}', 'missing', 'resourceList'], ['', 'invalidJson', '']])('%j as a whole is refused', (text, code, path) => {
    const parsed = parseDevicePluginConfig(text, 'intel.com');
    expect(parsed.entries).toBeUndefined();
    expect(parsed.problems).toMatchObject([{ severity: 'error', code, path }]);
  });

  test('no text and no JSON makes it throw; whatever is unusable has an error', () => {
    const keys = fc.constantFrom('resourceList', 'resourceName', 'selectors', 'vendors', 'pfNames', 'additionalInfo', 'isRdma', '__proto__', 'constructor', 'toString');
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof({ maxDepth: 5 }, fc.constantFrom('a', '8086', 'ens1#0-', true, null, 3), fc.array(tie('tree'), { maxLength: 3 }), fc.dictionary(keys, tie('tree'), { maxKeys: 5 })),
    }));
    const text = fc.oneof(fc.string(), fc.json(), tree.map((value) => JSON.stringify(value)), tree.map((value) => JSON.stringify({ resourceList: [value, { resourceName: 'b', selectors: value }] })));
    fc.assert(fc.property(text, (config) => {
      const parsed = parseDevicePluginConfig(config, 'intel.com');
      const unusable = parsed.entries === undefined || parsed.entries.some(({ usable }) => !usable);
      expect(parsed.problems.some(({ severity }) => severity === 'error')).toBe(unusable);
    }), { numRuns: 1000 });
  });
});

describe('function sets', () => {
  const range = fc.tuple(fc.nat(255), fc.nat(255)).map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }));
  const set = fc.record({ pf: fc.constantFrom('ens1f0', 'eth2', '0000:81:00.0'), ranges: fc.array(range, { minLength: 1, maxLength: 4 }) }, { requiredKeys: ['pf'] });

  test('survive being written and read', () => {
    fc.assert(fc.property(set, (value) => {
      expect(parseFunctionSet(formatFunctionSet(value))).toEqual({ ok: true, value });
    }));
  });

  test('hold what their ranges say; the PF itself only without ranges', () => {
    fc.assert(fc.property(set, fc.nat(255), (value, index) => {
      expect(holdsFunction(value, index)).toBe(value.ranges === undefined || value.ranges.some(({ first, last }) => index >= first && index <= last));
      expect(holdsFunction(value, undefined)).toBe(value.ranges === undefined);
    }));
  });

  test.each(['', '#1', 'a#', 'a#x', 'a#1-', 'a#-1', 'a#3-1', 'a#1#2', 'a#1,,2', 'a#1-2-3', 'a#999999'])('%j is refused', (text) => {
    expect(parseFunctionSet(text).ok).toBe(false);
  });
});
