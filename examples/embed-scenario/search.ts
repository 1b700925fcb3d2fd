/**
 * A search from code: an own scenario, an own mistake put between a component and its ports, and what the simulator says about it.
 * Run: node search.ts
 */
import { findScenario, References, runSeed, shrinkReplay, replayOf, violationText } from '@vfleet/sim';
import type { PortWrapper, Scenario } from '@vfleet/sim';

const scenario: Scenario = { ...findScenario('single-node')!, name: 'mine', faults: { forMs: 60_000 } };
const references = new References();

for (let seed = 1; seed <= 5; seed++) {
  const { violations, faultsFired, virtualMs } = await runSeed(scenario, String(seed), { references });
  console.log(`seed ${seed}: ${faultsFired.length} faults in ${Math.round(virtualMs / 1000)} s of virtual time, ${violations.length} violations`);
}

/** The attachment daemon loses what it writes down about VFs. */
const forgetful: PortWrapper = ({ component }, ports) => {
  const { files } = ports;
  if (component !== 'attachment' || files === undefined) return ports;
  const kept = (path: string) => !path.startsWith('/var/lib/cni/vfleet/vfs/');
  return {
    ...ports,
    files: {
      read: (path: string) => files.read(path), list: (folder: string) => files.list(folder), withLock: <Value>(path: string, work: () => Promise<Value>) => files.withLock(path, work),
      remove: (path: string) => files.remove(path), append: (path: string, text: string) => files.append(path, text),
      create: async (path: string, text: string) => (kept(path) ? files.create(path, text) : { ok: true as const, value: undefined }),
      replace: async (path: string, text: string) => (kept(path) ? files.replace(path, text) : { ok: true as const, value: undefined }),
    },
  };
};

const report = await runSeed(scenario, '1', { references, wrap: forgetful });
const replay = replayOf(report);
if (replay === undefined) throw new Error('the mistake was not found');
console.log(violationText({ ...report.violations[0]!, trace: report.violations[0]!.trace.slice(-3) }));
console.log(`needs ${(await shrinkReplay(scenario, replay, { references, wrap: forgetful })).faults.length} of ${replay.faults.length} faults`);
