/**
 * Code of one's own on the Hardware port: the same function serves on a host and on simulated ones, of which one has a fault on purpose.
 * Run: node fleet.ts
 */
import { SeededRandom, SimClock } from '@vfleet/core';
import type { Hardware, HardwareError, PciAddress, Result } from '@vfleet/core';
import { createFleet, faultRules, nodesOf, parseFleet } from '@vfleet/hw-sim';

/** Makes VFs on the first PF and trusts the first of them. On a real host, `hardware` is what `createLinuxHardware` of @vfleet/hw-linux gives. */
async function trustedVf(hardware: Hardware, count: number): Promise<Result<PciAddress, HardwareError | 'no PF'>> {
  const before = await hardware.discover();
  if (!before.ok) return before;
  const pf = before.value.pfs[0];
  if (pf === undefined) return { ok: false, error: 'no PF' };
  for (const step of [{ kind: 'setNumVfs', pf: pf.pciAddress, count }, { kind: 'setVf', pf: pf.pciAddress, vfIndex: 0, trust: true }] as const) {
    const done = await hardware.apply(step);
    if (!done.ok) return done;
  }
  const after = await hardware.discover();
  if (!after.ok) return after;
  const vf = after.value.pfs[0]?.vfs.find(({ settings }) => settings.trust);
  return vf === undefined ? { ok: false, error: 'no PF' } : { ok: true, value: vf.pciAddress };
}

const spec = parseFleet({
  nodes: ['host-a', 'host-b'].map((name) => ({ name, pfs: [{ personality: 'ConnectX-6 Dx', pciAddress: '0000:03:00.0', name: 'eth0' }] })),
});
if (!spec.ok) throw new Error(spec.error.map(({ path, cause }) => `${path}: ${cause}`).join('\n'));

const clock = new SimClock();
const faults = faultRules([{ name: 'firmware without VFs', node: 'host-b', operation: 'setNumVfs', fault: { kind: 'errno', errno: 'ENOENT' } }]);
const fleet = createFleet({ clock, random: new SeededRandom('hosts'), faults });

for (const node of [...nodesOf(spec.value)].map((one) => fleet.addNode(one))) {
  const trusted = await clock.settle(trustedVf(node.hardware, 8));
  if (trusted.ok) console.log(`${node.name}: ${node.inspect().pfs[0]?.numVfs} VFs, ${trusted.value} trusted`);
  else if (trusted.error === 'no PF') console.log(`${node.name}: no PF`);
  else console.log(`${node.name}: refused at ${trusted.error.step?.kind}: ${trusted.error.cause} — ${trusted.error.remedy}`);
}
