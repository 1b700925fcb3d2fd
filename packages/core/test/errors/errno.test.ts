// Goal: every failure of every hardware operation is explained: a code of the closed union, a cause, and what to do. Method: all pairs.
import { describe, expect, test } from 'vitest';
import { codeOfErrno, errnoName, errnoNumbers, explain, hardwareError, pciAddress } from '../../src/index.ts';
import type { Errno, HardwareCondition, HardwareOperation } from '../../src/index.ts';

const operations: readonly HardwareOperation[] = [
  'setNumVfs', 'setDriversAutoprobe', 'setEswitchMode', 'bindDriver', 'unbindDriver', 'setVf', 'setMtu', 'setLink', 'setNetdevMac', 'renameNetdev',
  'moveNetdev', 'setAddresses', 'setFeature', 'setDevlinkParam', 'createVdpa', 'deleteVdpa', 'setRdmaMode', 'moveRdma', 'discover', 'readFacts',
  'setKernelArguments', 'prepareHost', 'reboot', 'openVfio',
];
const errnos = Object.keys(errnoNumbers) as Errno[];
const conditions: readonly HardwareCondition[] = ['deadlinePassed', 'stuckWrite', 'writeWithoutEffect', 'probeWithoutEffect', 'driverNotLoaded', 'nodeDown'];

describe('explanations', () => {
  test('every operation and failure has code, cause and remedy', () => {
    for (const operation of operations) {
      for (const failure of [...errnos, ...conditions]) {
        const { code, cause, remedy } = explain(operation, failure);
        expect(code, `${operation} ${failure}`).toMatch(/^[a-zA-Z]+$/);
        expect(cause.length, `${operation} ${failure}`).toBeGreaterThan(10);
        expect(remedy.length, `${operation} ${failure}`).toBeGreaterThan(3);
      }
    }
  });

  test.each<[HardwareOperation, Errno | HardwareCondition, string, RegExp]>([
    ['setNumVfs', 'EBUSY', 'busy', /0 first/], ['setNumVfs', 'ENOMEM', 'noMemory', /pci=realloc/], ['setNumVfs', 'ENOSPC', 'noSpace', /lower numVfs/],
    ['setNumVfs', 'ERANGE', 'outOfRange', /lower numVfs/], ['bindDriver', 'EINVAL', 'invalid', /intel_iommu=on/], ['bindDriver', 'driverNotLoaded', 'gone', /modprobe/],
    ['setNetdevMac', 'EADDRNOTAVAIL', 'addressTaken', /through the PF/], ['setEswitchMode', 'EOPNOTSUPP', 'unsupported', /0 VFs/],
    ['discover', 'stuckWrite', 'blocked', /reboot the node/], ['setVf', 'deadlinePassed', 'timeout', /vfio/], ['setLink', 'nodeDown', 'gone', /wait/],
  ])('%s %s is %s', (operation, failure, code, remedy) => {
    const explanation = explain(operation, failure);
    expect(explanation.code).toBe(code);
    expect(explanation.remedy).toMatch(remedy);
  });

  test.each<[string, HardwareOperation, Errno | HardwareCondition, string, RegExp]>([
    ['ice', 'setNumVfs', 'EOPNOTSUPP', 'unsupported', /DDP/], ['i40e', 'setNumVfs', 'EINVAL', 'busy', /virtual machines/], ['bnxt_en', 'setNumVfs', 'writeWithoutEffect', 'io', /link up/],
    ['mlx5_core', 'setNumVfs', 'ERANGE', 'outOfRange', /NUM_OF_VFS/], ['mlx5_core', 'setVf', 'EOPNOTSUPP', 'unsupported', /representor/], ['igb', 'setVf', 'EINVAL', 'invalid', /link/],
    ['igb', 'setNumVfs', 'ENOMEM', 'noMemory', /pci=realloc/], ['no_such_driver', 'setNumVfs', 'EBUSY', 'busy', /0 first/], ['constructor', 'setNumVfs', 'EBUSY', 'busy', /0 first/],
  ])('of %s, %s %s is %s', (driver, operation, failure, code, remedy) => {
    const explanation = explain(operation, failure, driver);
    expect([explanation.code, explanation.remedy]).toEqual([code, expect.stringMatching(remedy)]);
    expect(hardwareError({ operation, failure, device: 'host', driver }).cause).toBe(explanation.cause);
  });

  test('an error carries its step, device and errno; a condition carries none', () => {
    const device = pciAddress('0000:81:00.0');
    const step = { kind: 'setNumVfs', pf: device, count: 300 } as const;
    const error = hardwareError({ operation: 'setNumVfs', failure: 'ERANGE', device, step, detail: 'asked for 300' });
    expect(error).toMatchObject({ code: 'outOfRange', errno: 'ERANGE', device, step });
    expect(error.cause).toMatch(/\(asked for 300\)$/);
    expect(hardwareError({ operation: 'discover', failure: 'nodeDown', device: 'host' })).not.toHaveProperty('errno');
  });
});

test('numbers and names of errnos', () => {
  for (const errno of errnos) {
    expect(errnoName(errnoNumbers[errno])).toBe(errno);
    expect(errnoName(-errnoNumbers[errno])).toBe(errno);
    expect(codeOfErrno(errno)).toMatch(/^[a-zA-Z]+$/);
  }
  expect(errnoName(4095)).toBeUndefined();
  expect(new Set(Object.values(errnoNumbers)).size).toBe(errnos.length);
});
