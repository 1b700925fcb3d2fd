// Goal: simulated NICs are after a restart of their process as they were before it. Method: drawn steps through the record, a second fleet that is
// opened from it, and both seen as their inventories; then bad files, and the reboot that forgets.
import { MemFiles, silentLog } from '@vfleet/core';
import type { HardwareStep, PciAddress } from '@vfleet/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RememberedHardware } from '../src/remembered-hardware.ts';
import { lab } from './support.ts';

const PF = '0000:81:00.0' as PciAddress;
const PATH = '/simulated/node.jsonl';
const ports = (files: MemFiles) => ({ files, log: silentLog });
const node = () => lab({ pfs: [{ personality: 'E810-CQDA2', pciAddress: PF, name: 'ens1f0', totalVfs: 8 }], options: { delayFactor: 0 } });

async function opened(files: MemFiles) {
  const { node: simulated, wait } = node();
  const hardware = await wait(RememberedHardware.open(simulated.hardware, ports(files), PATH));
  return { simulated, wait, hardware };
}

type Opened = Awaited<ReturnType<typeof opened>>;

/** Without what a NIC draws by chance, or counts. */
function seen({ simulated }: Opened): unknown {
  return JSON.parse(JSON.stringify(simulated.inspect(), (key, value: unknown) => (key === 'mac' || key === 'ifIndex' || key === 'index' ? undefined : value)));
}

const vf = fc.nat(3);
const drawn = fc.oneof(
  fc.record({ kind: fc.constant('numVfs' as const), count: fc.constantFrom(0, 4) }),
  fc.record({ kind: fc.constantFrom('move' as const, 'home' as const, 'up' as const, 'down' as const, 'vfio' as const, 'kernel' as const), vf }),
  fc.record({ kind: fc.constant('settings' as const), vf, vlan: fc.integer({ min: 0, max: 4_094 }), trust: fc.boolean() }),
  fc.record({ kind: fc.constant('mtu' as const), vf, mtu: fc.integer({ min: 1_000, max: 1_500 }) }),
  fc.record({ kind: fc.constant('both' as const), vlan: fc.integer({ min: 1, max: 4_094 }) }),
);

function stepOf(act: typeof drawn extends fc.Arbitrary<infer Act> ? Act : never, of: Opened): HardwareStep | undefined {
  if (act.kind === 'numVfs') return { kind: 'setNumVfs', pf: PF, count: act.count };
  if (act.kind === 'both') return { kind: 'setVfs', pf: PF, vfs: [0, 1].map((vfIndex) => ({ vfIndex, vlan: { id: act.vlan, qos: 0, protocol: '802.1q' } })) };
  const device = of.simulated.inspect().pfs[0]!.vfs[act.vf]?.pciAddress;
  if (device === undefined) return undefined;
  const pod = `/run/netns/pod${act.vf}`;
  switch (act.kind) {
    case 'move':
      return { kind: 'moveNetdev', device, from: 'host', to: pod, name: 'net1' };
    case 'home':
      return { kind: 'moveNetdev', device, from: pod, to: 'host', name: `vf${act.vf}` };
    case 'up':
      return { kind: 'setLink', device, netns: pod, up: true };
    case 'down':
      return { kind: 'setLink', device, netns: 'host', up: false };
    case 'vfio':
      return { kind: 'bindDriver', device, driver: 'vfio-pci' };
    case 'kernel':
      return { kind: 'bindDriver', device, driver: 'default' };
    case 'settings':
      return { kind: 'setVf', pf: PF, vfIndex: act.vf, vlan: { id: act.vlan, qos: 0, protocol: '802.1q' }, trust: act.trust };
    case 'mtu':
      return { kind: 'setMtu', device, netns: 'host', mtu: act.mtu };
  }
}

test('a second process finds what the first has left', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(drawn, { maxLength: 40 }), async (acts) => {
      const files = new MemFiles();
      const first = await opened(files);
      for (const act of acts) {
        const step = stepOf(act, first);
        if (step !== undefined) await first.wait(first.hardware.apply(step));
      }
      const second = await opened(files);
      expect(seen(second)).toEqual(seen(first));
      const homes = (of: Opened) => of.simulated.inspect().pfs[0]!.vfs.map(({ netdev }) => netdev?.name);
      expect(homes(second)).toEqual(homes(first));
    }),
    { numRuns: 200 },
  );
});

test('of two processes, while one takes over from the other, either knows what the other one does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(drawn, fc.boolean()), { maxLength: 40 }), fc.nat(40), async (acts, begin) => {
      const files = new MemFiles();
      const both = [await opened(files)];
      for (const [index, [act, isSecond]] of acts.entries()) {
        if (index === begin) both.push(await opened(files));
        const who = both[isSecond ? 1 : 0] ?? both[0]!;
        await who.wait(who.hardware.discover());
        const step = stepOf(act, who);
        if (step !== undefined) await who.wait(who.hardware.apply(step));
      }
      for (const { wait, hardware } of both) await wait(hardware.discover());
      expect(seen(both.at(-1)!)).toEqual(seen(both[0]!));
    }),
    { numRuns: 200 },
  );
});

test('a pod\'s namespace and its VF are known again', async () => {
  const files = new MemFiles();
  const first = await opened(files);
  await first.wait(first.hardware.apply({ kind: 'setNumVfs', pf: PF, count: 2 }));
  const [device] = first.simulated.inspect().pfs[0]!.vfs.map(({ pciAddress }) => pciAddress);
  await first.wait(first.hardware.apply({ kind: 'moveNetdev', device: device!, from: 'host', to: '/run/netns/a', name: 'net1' }));
  const second = await opened(files);
  expect(second.simulated.namespaces).toEqual(['/run/netns/a']);
  expect((await second.wait(second.hardware.apply({ kind: 'moveNetdev', device: device!, from: '/run/netns/a', to: 'host', name: 'vf0' }))).ok).toBe(true);
});

test('what is torn, or no step, is passed over; a reboot forgets', async () => {
  const files = new MemFiles();
  await files.replace(PATH, `{"kind":"setNumVfs","pf":"${PF}","count":3}\nnonsense\n{"kind":"launch"}\n[]\n{"kind":"setVf","pf":"${PF}","vfInd`);
  const { simulated, wait, hardware } = await opened(files);
  expect(simulated.inspect().pfs[0]!.vfs).toHaveLength(3);
  await wait(hardware.forget());
  expect(await files.read(PATH)).toEqual({ ok: true, value: '' });
});

test('the file stays small, however often something is set', async () => {
  const files = new MemFiles();
  const { wait, hardware } = await opened(files);
  await wait(hardware.apply({ kind: 'setNumVfs', pf: PF, count: 1 }));
  for (let vlan = 1; vlan <= 1_100; vlan++) await wait(hardware.apply({ kind: 'setVf', pf: PF, vfIndex: 0, vlan: { id: vlan, qos: 0, protocol: '802.1q' } }));
  const text = await files.read(PATH);
  expect(text.ok && text.value.split('\n').length).toBeLessThan(200);
});

test('a disk that takes nothing keeps nobody from working', async () => {
  const { wait, hardware } = await opened(new MemFiles(() => 'noSpace'));
  expect((await wait(hardware.apply({ kind: 'setNumVfs', pf: PF, count: 1 }))).ok).toBe(true);
});
