// Goal: the built-in IPAM plugins keep the files of host-local, never give one address to two owners, and leave nothing behind
// when a write fails.
// Method: MemFiles with a fault at every write in turn; drawn sequences of allocations and releases against a plain model.
import { MemFiles } from '@vfleet/core';
import type { WriteFault } from '@vfleet/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createIpam } from '../../src/ipam/index.ts';
import type { IpamRequest } from '../../src/ipam/index.ts';

const article = { type: 'host-local', subnet: '10.10.10.0/24', rangeStart: '10.10.10.100', rangeEnd: '10.10.10.200', gateway: '10.10.10.1' };
const request = (containerId: string, more: Partial<IpamRequest> = {}): IpamRequest => ({ containerId, ifname: 'net1', network: 'sriov-net-1', config: article, requestedIps: [], ...more });
const addressOf = (result: Awaited<ReturnType<ReturnType<typeof createIpam>['allocate']>>) => (result.ok ? result.value.ips.map((ip) => ip.address).join(' ') : result.error.code);

describe('host-local', () => {
  test('writes the files that the Go plugin writes', async () => {
    const files = new MemFiles();
    const result = await createIpam(files).allocate(request('c1'));
    expect(result).toEqual({ ok: true, value: { ips: [{ address: '10.10.10.100/24', gateway: '10.10.10.1' }], routes: [], dns: {} } });
    expect(await files.read('/var/lib/cni/networks/sriov-net-1/10.10.10.100')).toEqual({ ok: true, value: 'c1\r\nnet1' });
    expect(await files.read('/var/lib/cni/networks/sriov-net-1/last_reserved_ip.0')).toEqual({ ok: true, value: '10.10.10.100' });
  });

  test('gives one address out of each set, with routes, from a folder of its own', async () => {
    const files = new MemFiles();
    const config = {
      type: 'host-local', dataDir: '/run/ips', resolvConf: '/etc/resolv.conf', subnet: '192.0.2.0/29',
      ranges: [[{ subnet: 'fd00::/120', rangeStart: 'fd00::10' }]], routes: [{ dst: '0.0.0.0/0' }, { dst: '198.51.100.0/24', gw: '192.0.2.6' }],
    };
    await files.create('/etc/resolv.conf', 'nameserver 10.96.0.10\nsearch a b\noptions ndots:5\n# nothing\n');
    const result = await createIpam(files).allocate(request('c1', { config }));
    expect(result).toEqual({
      ok: true,
      value: {
        ips: [{ address: '192.0.2.2/29', gateway: '192.0.2.1' }, { address: 'fd00::10/120', gateway: 'fd00::1' }],
        routes: [{ dst: '0.0.0.0/0' }, { dst: '198.51.100.0/24', gw: '192.0.2.6' }],
        dns: { nameservers: ['10.96.0.10'], search: ['a', 'b'], options: ['ndots:5'] },
      },
    });
    expect(files.paths()).toEqual(['/etc/resolv.conf', '/run/ips/sriov-net-1/192.0.2.2', '/run/ips/sriov-net-1/fd00::10', '/run/ips/sriov-net-1/last_reserved_ip.0', '/run/ips/sriov-net-1/last_reserved_ip.1']);
  });

  test('goes round: an address that was just released is not the next one given', async () => {
    const ipam = createIpam(new MemFiles());
    const config = { ...article, rangeStart: '10.10.10.100', rangeEnd: '10.10.10.102' };
    const given: string[] = [];
    for (const container of ['a', 'b', 'c', 'd']) {
      given.push(addressOf(await ipam.allocate(request(container, { config }))));
      await ipam.release(request(container, { config }));
    }
    expect(given).toEqual(['10.10.10.100/24', '10.10.10.101/24', '10.10.10.102/24', '10.10.10.100/24']);
  });

  test('says what to do when the range is used up, and gives again after a release', async () => {
    const files = new MemFiles();
    const ipam = createIpam(files);
    const config = { ...article, rangeStart: '10.10.10.100', rangeEnd: '10.10.10.100' };
    expect(addressOf(await ipam.allocate(request('a', { config })))).toBe('10.10.10.100/24');
    const refused = await ipam.allocate(request('b', { config }));
    expect(!refused.ok && refused.error).toMatchObject({ code: 'exhausted', cause: expect.stringContaining('10.10.10.100-10.10.10.100'), remedy: expect.stringContaining('Widen the range') });
    await ipam.release(request('a', { config }));
    expect(addressOf(await ipam.allocate(request('b', { config })))).toBe('10.10.10.100/24');
  });

  test('a requested address is given, or refused with the reason', async () => {
    const ipam = createIpam(new MemFiles());
    const ask = (containerId: string, ...requestedIps: string[]) => ipam.allocate(request(containerId, { requestedIps }));
    expect(addressOf(await ask('a', '10.10.10.150'))).toBe('10.10.10.150/24');
    expect(addressOf(await ask('b', '10.10.10.151/24'))).toBe('10.10.10.151/24');
    expect(addressOf(await ask('c', '10.10.10.150'))).toBe('notAvailable');
    expect(addressOf(await ask('c', '10.10.11.1'))).toBe('notAvailable');
    expect(addressOf(await ask('c', '10.10.10.152', '10.10.10.153'))).toBe('notAvailable');
    expect(addressOf(await ask('c', 'ten'))).toBe('invalidConfig');
    const gateway = await ipam.allocate(request('d', { config: { ...article, rangeStart: '10.10.10.1' }, requestedIps: ['10.10.10.1'] }));
    expect(addressOf(gateway)).toBe('notAvailable');
  });

  test('a repeated request gets the same address; check tells held from free', async () => {
    const ipam = createIpam(new MemFiles());
    expect(addressOf(await ipam.allocate(request('a')))).toBe(addressOf(await ipam.allocate(request('a'))));
    expect(addressOf(await ipam.allocate(request('a', { ifname: 'net2' })))).toBe('10.10.10.101/24');
    expect((await ipam.check(request('a'))).ok).toBe(true);
    const free = await ipam.check(request('b'));
    expect(!free.ok && free.error.code).toBe('notReserved');
  });

  test('never two owners of one address, whatever the order of allocations and releases', async () => {
    const step = fc.record({ container: fc.integer({ min: 0, max: 9 }), release: fc.boolean() });
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const files = new MemFiles();
      const ipam = createIpam(files);
      const config = { type: 'host-local', subnet: '192.0.2.0/29' };
      const held = new Map<number, string>();
      for (const { container, release } of steps) {
        if (release) {
          await ipam.release(request(`c${container}`, { config }));
          held.delete(container);
          continue;
        }
        const given = addressOf(await ipam.allocate(request(`c${container}`, { config })));
        const others = [...held.entries()].filter(([owner]) => owner !== container).map(([, address]) => address);
        // A /29 has five addresses beside its gateway.
        const expected = held.get(container) ?? (held.size === 5 ? 'exhausted' : given);
        expect(given).toBe(expected);
        expect(others).not.toContain(given);
        if (given !== 'exhausted') held.set(container, given);
      }
      expect(files.paths().filter((path) => /\d$/.test(path) && !path.includes('last_')).length).toBe(held.size);
    }), { numRuns: 60 });
  });

  test('a write that fails leaves no reservation behind', async () => {
    const config = { type: 'host-local', ranges: [[{ subnet: '192.0.2.0/29' }], [{ subnet: 'fd00::/120' }]] };
    for (let faultAt = 0; faultAt < 4; faultAt++) {
      let writes = 0;
      const fault: WriteFault = (operation) => (operation !== 'remove' && writes++ === faultAt ? 'noSpace' : 'none');
      const files = new MemFiles(fault);
      const refused = await createIpam(files).allocate(request('a', { config }));
      expect(addressOf(refused)).toBe('storage');
      expect(files.paths().filter((path) => !path.includes('last_reserved_ip'))).toEqual([]);
    }
  });

  test('reads reservations of old versions, and names of folders that are no addresses do not confuse it', async () => {
    const files = new MemFiles();
    const folder = '/var/lib/cni/networks/sriov-net-1';
    await files.create(`${folder}/10.10.10.100`, 'old');
    await files.create(`${folder}/lock`, '');
    const ipam = createIpam(files);
    expect(addressOf(await ipam.allocate(request('a')))).toBe('10.10.10.101/24');
    await ipam.release(request('old'));
    expect(files.paths()).not.toContain(`${folder}/10.10.10.100`);
  });

  test.each([
    [{ type: 'host-local' }, 'neither "ranges" nor "subnet"'], [{ type: 'host-local', subnet: 7 }, 'subnet must be a string'], [{ type: 'host-local', ranges: {} }, 'list of lists'],
    [{ type: 'host-local', ranges: [{ subnet: '10.0.0.0/24' }] }, 'ranges[0] must be a list'], [{ type: 'host-local', ranges: [['x']] }, 'ranges[0][0]: must be an object'],
    [{ type: 'host-local', subnet: '10.0.0.0/24', routes: [{ dst: 'all' }] }, 'routes[0]: dst:'], [{ type: 'host-local', subnet: '10.0.0.0/24', ranges: [[{ subnet: '10.0.0.0/25' }]] }, 'overlaps with range set 0'],
  ])('refuses %j with the place of the mistake', async (config, words) => {
    const refused = await createIpam(new MemFiles()).allocate(request('a', { config }));
    expect(!refused.ok && refused.error).toMatchObject({ code: 'invalidConfig', cause: expect.stringContaining(words) });
  });

  test('a network name cannot leave its folder', async () => {
    const files = new MemFiles();
    expect(addressOf(await createIpam(files).allocate(request('a', { network: '../../../etc' })))).toBe('invalidConfig');
    expect(files.paths()).toEqual([]);
  });
});

describe('static', () => {
  const config = { type: 'static', addresses: [{ address: '10.1.1.5/24', gateway: '10.1.1.1' }, { address: 'fd00::5/64' }], routes: [{ dst: '::/0', gw: 'fd00::1' }], dns: { nameservers: ['1.1.1.1'] } };

  test('gives what is written', async () => {
    expect(await createIpam(new MemFiles()).allocate(request('a', { config }))).toEqual({
      ok: true, value: { ips: [{ address: '10.1.1.5/24', gateway: '10.1.1.1' }, { address: 'fd00::5/64' }], routes: [{ dst: '::/0', gw: 'fd00::1' }], dns: { nameservers: ['1.1.1.1'] } },
    });
  });

  test('gives what the pod asks for instead', async () => {
    const ipam = createIpam(new MemFiles());
    expect(addressOf(await ipam.allocate(request('a', { config, requestedIps: ['10.9.9.9/16'] })))).toBe('10.9.9.9/16');
    expect(addressOf(await ipam.allocate(request('a', { config, requestedIps: ['10.9.9.9'] })))).toBe('invalidConfig');
    expect(addressOf(await ipam.allocate(request('a', { config: { type: 'static' } })))).toBe('invalidConfig');
  });
});

test('an unknown type is refused with the names of those there are', async () => {
  const ipam = createIpam(new MemFiles());
  for (const type of ['dhcp', 'constructor', '__proto__']) {
    const refused = await ipam.allocate(request('a', { config: { type } }));
    expect(!refused.ok && refused.error).toMatchObject({ code: 'unknownType', cause: expect.stringContaining(type), remedy: expect.stringContaining('host-local, static') });
  }
  expect(addressOf(await ipam.allocate(request('a', { config: {} })))).toBe('invalidConfig');
});
