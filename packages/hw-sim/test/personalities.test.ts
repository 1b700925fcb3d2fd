// Goal: the NIC data is complete, sourced and self-consistent, and cards behave by their own data: ids, addresses, orders, quirks.
// Method: properties over all personalities, then tables of facts that documents print, then each vendor's order of operations.
import { describe, expect, test } from 'vitest';
import type { HardwareStep, PciAddress } from '@vfleet/core';
import { findNicModel, nicModels, personalities } from '@vfleet/hw-sim';
import { lab } from './support.ts';

const AT = '0000:81:00.0' as PciAddress;

describe('the data', () => {
  test.each(personalities.map((personality) => [personality.name.value, personality] as const))('%s: every value has a source', (_name, personality) => {
    for (const [key, { source }] of Object.entries(personality)) expect(source, key).toMatch(/\S{3}/);
  });

  test('names and aliases find exactly one card each', () => {
    const spellings = nicModels.flatMap((model) => [model.name, ...model.aliases].map((spelling) => spelling.toLowerCase().replaceAll(/[\s_-]/g, '')));
    expect(new Set(spellings).size).toBe(spellings.length);
    for (const model of nicModels) {
      expect(findNicModel(model.name.toUpperCase())).toBe(model);
      expect(findNicModel(model.name.replaceAll(' ', '-'))).toBe(model);
    }
    expect(findNicModel('no such card')).toBeUndefined();
  });

  test.each([
    ['X710', '8086', '1572', '154c', 'i40e', 'iavf'], ['XL710', '8086', '1583', '154c', 'i40e', 'iavf'],
    ['E810-CQDA2', '8086', '1592', '1889', 'ice', 'iavf'], ['E810-XXVDA4', '8086', '1593', '1889', 'ice', 'iavf'],
    ['82576', '8086', '10c9', '10ca', 'igb', 'igbvf'], ['ConnectX-4 Lx', '15b3', '1015', '1016', 'mlx5_core', 'mlx5_core'],
    ['ConnectX-5', '15b3', '1017', '1018', 'mlx5_core', 'mlx5_core'], ['ConnectX-6 Dx', '15b3', '101d', '101e', 'mlx5_core', 'mlx5_core'],
    ['BCM57414', '14e4', '16d7', '16dc', 'bnxt_en', 'bnxt_en'], ['BCM57508', '14e4', '1750', '1806', 'bnxt_en', 'bnxt_en'],
    ['T62100', '1425', '600d', '680d', 'cxgb4', 'cxgb4vf'], ['X2541', '1924', '0b03', '1b03', 'sfc', 'sfc'],
  ])('%s is %s:%s with VFs %s, drivers %s and %s', (name, vendor, pf, vf, pfDriver, vfDriver) => {
    expect(findNicModel(name)).toMatchObject({ vendor, pfDeviceId: pf, vfDeviceId: vf, pfDriver, vfDriver });
  });

  test.each(nicModels.map((model) => [model.name, model] as const))('%s: every VF it could have gets an address of its own, with a driver and a short name', async (_name, model) => {
    const ports = model.layout.kind === 'functionPerPort' ? model.layout.ports : model.layout.sriovFunctions.length;
    const pfs = Array.from({ length: ports }, (_, port) => ({ personality: model.name, pciAddress: `0000:81:00.${port}` }));
    const rig = lab({ pfs, options: { delayFactor: 0 } });
    for (const { pciAddress, totalVfs } of rig.node.inspect().pfs.filter((pf) => pf.totalVfs > 0)) {
      expect(await rig.apply({ kind: 'setNumVfs', pf: pciAddress, count: totalVfs })).toBe('ok');
    }
    const all = rig.node.inspect().pfs;
    const vfs = all.flatMap((pf) => pf.vfs);
    expect(vfs).toHaveLength(all.reduce((sum, pf) => sum + pf.totalVfs, 0));
    expect(new Set([...all, ...vfs].map(({ pciAddress }) => pciAddress)).size).toBe(all.length + vfs.length);
    const names = vfs.map(({ netdev }) => netdev!.name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.every((name) => name.length <= 15)).toBe(true);
    expect(new Set(vfs.map(({ netdev }) => netdev!.mac)).size).toBe(vfs.length);
    for (const vf of vfs) expect(await rig.node.hardware.apply({ kind: 'setMtu', device: vf.pciAddress, netns: 'host', mtu: 1400 })).toMatchObject({ ok: true });
  });

  test.each([
    ['82576', '0000:01:00.0', '0000:01:10.0'], // measured
    ['ConnectX-5', '0000:03:00.0', '0000:03:00.2'], // the Antrea guide
    ['T62100', '0000:02:00.0', '0000:02:01.0'], // the Chelsio paper
    ['E810-CQDA2', '0000:81:00.1', '0000:81:11.0'],
    ['X710', '0000:81:00.0', '0000:81:02.0'],
  ])('the first VF of %s at %s is %s', async (personality, pf, vf) => {
    const rig = lab({ pfs: [{ personality, pciAddress: pf, numVfs: 1 }] });
    expect(rig.node.inspect().pfs.flatMap((each) => each.vfs).map(({ pciAddress }) => pciAddress)).toEqual([vf]);
  });
});

describe('eswitch modes', () => {
  const mode = (to: 'legacy' | 'switchdev'): HardwareStep => ({ kind: 'setEswitchMode', pf: AT, mode: to });
  const vfs = (count: number): HardwareStep => ({ kind: 'setNumVfs', pf: AT, count });

  async function run(personality: string, steps: readonly HardwareStep[]) {
    const rig = lab({ pfs: [{ personality, pciAddress: AT, name: 'ens801f0' }] });
    const outcomes: string[] = [];
    for (const step of steps) outcomes.push(await rig.apply(step));
    return { rig, outcomes };
  }

  test('ice: mode with 0 VFs, then VFs with representors; with VFs the mode cannot change', async () => {
    const { rig, outcomes } = await run('E810-CQDA2', [mode('switchdev'), vfs(2), mode('legacy')]);
    expect(outcomes).toEqual(['ok', 'ok', 'EOPNOTSUPP']);
    expect(rig.pf().eswitchMode).toBe('switchdev');
    expect(rig.pf().vfs.map(({ representor }) => representor)).toEqual(['ens801f0_0', 'ens801f0_1']);
    expect(await rig.apply({ kind: 'setVf', pf: AT, vfIndex: 0, trust: true })).toBe('EOPNOTSUPP');
    expect((await run('E810-CQDA2', [vfs(2), mode('switchdev')])).outcomes).toEqual(['ok', 'EOPNOTSUPP']);
  });

  test('mlx5: VFs, unbind them, mode, bind again; with VFs bound it is busy; VLANs through the PF are legacy only', async () => {
    const { rig, outcomes } = await run('ConnectX-6 Dx', [vfs(2), mode('switchdev')]);
    expect(outcomes).toEqual(['ok', 'EBUSY']);
    for (const { pciAddress } of rig.pf().vfs) expect(await rig.apply({ kind: 'unbindDriver', device: pciAddress })).toBe('ok');
    expect(await rig.apply(mode('switchdev'))).toBe('ok');
    for (const { pciAddress } of rig.pf().vfs) expect(await rig.apply({ kind: 'bindDriver', device: pciAddress, driver: 'default' })).toBe('ok');
    expect(rig.pf()).toMatchObject({ eswitchMode: 'switchdev', numVfs: 2 });
    const vlan = (id: number): HardwareStep => ({ kind: 'setVf', pf: AT, vfIndex: 0, vlan: { id, qos: 0, protocol: '802.1q' } });
    expect(await rig.apply(vlan(5))).toBe('EOPNOTSUPP');
    expect(await rig.apply(vlan(0))).toBe('ok');
    expect(await rig.apply({ kind: 'setVf', pf: AT, vfIndex: 0, mac: '02:00:00:00:00:01' })).toBe('ok');
  });

  test.each([['X710', 'EOPNOTSUPP'], ['X2541', 'EOPNOTSUPP'], ['T62100', 'ENODEV']])('%s answers %s', async (personality, errno) => {
    expect((await run(personality, [mode('switchdev')])).outcomes).toEqual([errno]);
  });
});

describe('quirks', () => {
  test('bnxt: with the PF down the write succeeds and makes nothing, which the port reports', async () => {
    const rig = lab({ pfs: [{ personality: 'BCM57414', pciAddress: AT, adminUp: false }] });
    expect(await rig.wait(rig.node.sysfs.writeDevice(AT, 'sriov_numvfs', '4'))).toBe('ok');
    expect(rig.pf().numVfs).toBe(0);
    const made = await rig.wait(rig.node.hardware.apply({ kind: 'setNumVfs', pf: AT, count: 4 }));
    expect(made).toMatchObject({ ok: false, error: { code: 'io', cause: expect.stringContaining('there are 0'), remedy: expect.stringContaining('link up') } });
    await rig.apply({ kind: 'setLink', device: AT, netns: 'host', up: true });
    expect(await rig.apply({ kind: 'setNumVfs', pf: AT, count: 4 })).toBe('ok');
  });

  test('Chelsio: SR-IOV functions have no port; their management netdev comes and goes with the VFs; function 4 has the port', async () => {
    const rig = lab({ pfs: [{ personality: 'T62100', slot: 2 }] });
    const [pf0, , , , port] = rig.node.inspect().pfs;
    expect(rig.node.inspect().pfs.map(({ pciAddress, totalVfs }) => [pciAddress, totalVfs])).toEqual([
      ['0000:02:00.0', 16], ['0000:02:00.1', 16], ['0000:02:00.2', 16], ['0000:02:00.3', 16], ['0000:02:00.4', 0],
    ]);
    expect(pf0).not.toHaveProperty('netdev');
    expect(port).toMatchObject({ deviceId: '640d', netdev: { name: 'ens2f4' } });
    expect(await rig.apply({ kind: 'setNumVfs', pf: port!.pciAddress, count: 1 })).toBe('ENOENT');
    expect(await rig.apply({ kind: 'setVf', pf: pf0!.pciAddress, vfIndex: 0, mac: '02:00:00:00:00:01' })).toBe('ENODEV');
    expect(await rig.apply({ kind: 'setNumVfs', pf: pf0!.pciAddress, count: 2 })).toBe('ok');
    expect(rig.pf().netdev!.name).toBe('mgmtpf0,0');
    expect(rig.pf().vfs.map(({ pciAddress }) => pciAddress)).toEqual(['0000:02:01.0', '0000:02:01.4']);
    expect(await rig.apply({ kind: 'setVf', pf: pf0!.pciAddress, vfIndex: 0, spoofCheck: true })).toBe('EOPNOTSUPP');
    expect(await rig.apply({ kind: 'setVf', pf: pf0!.pciAddress, vfIndex: 0, trust: true })).toBe('EOPNOTSUPP');
    expect(await rig.apply({ kind: 'setVf', pf: pf0!.pciAddress, vfIndex: 0, mac: '02:00:00:00:00:01' })).toBe('ok');
    await rig.apply({ kind: 'setLink', device: rig.vf(0).pciAddress, netns: 'host', up: true });
    expect(rig.vf(0).netdev!.carrier).toBe(true);
    rig.node.setCable(port!.pciAddress, false);
    expect(rig.vf(0).netdev!.carrier).toBe(false);
    await rig.apply({ kind: 'setNumVfs', pf: pf0!.pciAddress, count: 0 });
    expect(rig.pf()).not.toHaveProperty('netdev');
  });

  test('ice: a MAC set through the PF is in force at once; a trusted VF may use another, an untrusted one may not', async () => {
    const rig = lab({ pfs: [{ personality: 'E810-CQDA2', pciAddress: AT, numVfs: 1 }] });
    const device = rig.vf(0).pciAddress;
    await rig.apply({ kind: 'setVf', pf: AT, vfIndex: 0, mac: '02:00:00:00:00:01' });
    expect(rig.vf(0).netdev!.mac).toBe('02:00:00:00:00:01');
    const other: HardwareStep = { kind: 'setNetdevMac', device, netns: 'host', mac: '02:00:00:00:00:02' };
    expect(await rig.apply(other)).toBe('EADDRNOTAVAIL');
    await rig.apply({ kind: 'setVf', pf: AT, vfIndex: 0, trust: true });
    expect(await rig.apply(other)).toBe('ok');
  });

  test('InfiniBand: GUIDs through the PF, no MAC or VLAN; names begin with ib', async () => {
    const rig = lab({ pfs: [{ personality: 'ConnectX-5', pciAddress: AT, linkType: 'IB', numVfs: 1 }] });
    expect(rig.pf()).toMatchObject({ linkType: 'IB', netdev: { name: 'ibp129s0f0np0' }, rdmaDevices: ['ibp129s0f0'] });
    expect(rig.vf(0).settings).toMatchObject({ nodeGuid: '00:00:00:00:00:00:00:00' });
    const guid = '02:00:00:00:00:00:00:01';
    expect(await rig.apply({ kind: 'setVf', pf: AT, vfIndex: 0, nodeGuid: guid, portGuid: guid })).toBe('ok');
    expect(rig.vf(0).settings).toMatchObject({ nodeGuid: guid, portGuid: guid });
    expect(rig.vf(0).netdev!.mac.endsWith(guid)).toBe(true);
    expect(await rig.apply({ kind: 'setVf', pf: AT, vfIndex: 0, mac: '02:00:00:00:00:01' })).toBe('EOPNOTSUPP');
    expect(await rig.apply({ kind: 'setVf', pf: AT, vfIndex: 0, portGuid: 'nonsense' })).toBe('EINVAL');
    await rig.apply({ kind: 'setNumVfs', pf: AT, count: 0 });
    await rig.apply({ kind: 'setNumVfs', pf: AT, count: 1 });
    expect(rig.vf(0).settings).toMatchObject({ nodeGuid: '00:00:00:00:00:00:00:00', portGuid: '00:00:00:00:00:00:00:00' });
  });

  test('vDPA where the card has it, twice is EEXIST; features and RDMA by card', async () => {
    const rig = lab({ pfs: [{ personality: 'ConnectX-6 Dx', pciAddress: AT, numVfs: 1 }, { personality: 'X710', pciAddress: '0000:18:00.0', numVfs: 1 }] });
    const [x710, cx6] = rig.node.inspect().pfs as [ReturnType<typeof rig.pf>, ReturnType<typeof rig.pf>];
    const device = cx6.vfs[0]!.pciAddress;
    expect(await rig.apply({ kind: 'createVdpa', device, type: 'vhost' })).toBe('ok');
    expect(await rig.apply({ kind: 'createVdpa', device, type: 'virtio' })).toBe('EEXIST');
    expect(rig.vf(0, 1).vdpaType).toBe('vhost');
    expect(await rig.apply({ kind: 'deleteVdpa', device })).toBe('ok');
    expect(await rig.apply({ kind: 'deleteVdpa', device })).toBe('ENODEV');
    expect(await rig.apply({ kind: 'createVdpa', device: x710.vfs[0]!.pciAddress, type: 'vhost' })).toBe('EOPNOTSUPP');
    expect(cx6.vfs[0]!.rdmaDevices).toEqual(['rocep129s0f0v0']);
    expect(x710.vfs[0]!.rdmaDevices).toEqual([]);
    expect(await rig.apply({ kind: 'setFeature', device: AT, feature: 'hw-tc-offload', enabled: true })).toBe('ok');
    expect(await rig.apply({ kind: 'setFeature', device: AT, feature: 'no-such-feature', enabled: true })).toBe('EOPNOTSUPP');
  });

  test('MTU limits are the card’s', async () => {
    const rig = lab({ pfs: [{ personality: 'E810-CQDA2', pciAddress: AT }] });
    const mtu = (value: number): HardwareStep => ({ kind: 'setMtu', device: AT, netns: 'host', mtu: value });
    expect(await rig.apply(mtu(9702))).toBe('ok');
    for (const bad of [9703, 67, 1500.5, NaN]) expect(await rig.apply(mtu(bad))).toBe('EINVAL');
    expect(rig.pf().netdev!.mtu).toBe(9702);
  });
});
