/**
 * `npm run bench [-- NAME …]`: figures of this machine, with their ratios, in one run. Each benchmark is a module with `run(print)`;
 * without names all run that need nothing but this checkout.
 */
interface Benchmark {
  readonly says: string;
  readonly load: () => Promise<{ readonly run: (print: (line: string) => void, words: readonly string[]) => Promise<void> }>;
  /** Needs more than the checkout: runs only when named. */
  readonly onlyByName?: boolean;
}

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  rollout: { says: 'policy applied → all nodes Succeeded, and memory, for 10, 100, 1,000 simulated nodes', load: () => import('./rollout.ts') },
  sim: { says: 'the deterministic simulator: fleet, roll-outs up to 10,000 nodes, nodes, pods, seeds and crash points a core', load: () => import('./sim.ts'), onlyByName: true },
  cluster: { says: 'the embedded API server beside a real kube-apiserver with etcd: writes, reads, lists, watches, memory, start', load: () => import('./cluster.ts'), onlyByName: true },
  operator: { says: 'the operator on a real kube-apiserver: one policy over 1,000 and 5,000 nodes', load: () => import('./operator.ts'), onlyByName: true },
  injector: { says: 'the network resources injector over TLS: 200 networks, 2,000 pods/s offered; --peer=PATH for one in Go', load: () => import('./injector.ts'), onlyByName: true },
  node: { says: 'one process a node: memory, idle CPU and start with 128 VFs; Allocate and CNI calls', load: () => import('./node.ts'), onlyByName: true },
  host: { says: 'the Linux backend beside iproute2 and a shell on a real kernel: inventory of 2 PFs and 14 VFs, settings of 7 VFs', load: () => import('./host.ts'), onlyByName: true },
  cni: { says: 'CNI calls on a VF of a real kernel, from execution to result, warm and cold: native, portable, and a Go plugin; --peer=PATH for another', load: () => import('./cni.ts'), onlyByName: true },
  informers: { says: 'what 10,000 informers, or one of 100,000 objects, cost', load: () => import('../../packages/kube/bench/informers.ts') },
  fleet: { says: 'simulated NICs: building and discovering 10,000 nodes of 128 VFs', load: async () => { const { run } = await import('../../packages/hw-sim/bench/fleet.ts'); return { run: (print) => run(print) }; } },
};

const words = process.argv.slice(2);
const print = (line: string) => void process.stdout.write(`${line}\n`);
const unknown = words.filter((word) => !word.startsWith('-') && !Object.hasOwn(BENCHMARKS, word));
if (words.includes('--help') || unknown.length > 0) {
  if (unknown.length > 0) process.stderr.write(`there is no benchmark ${unknown.join(', ')}\n`);
  print('npm run bench -- [NAME …]');
  for (const [name, { says }] of Object.entries(BENCHMARKS)) print(`  ${name.padEnd(10)} ${says}`);
  process.exit(unknown.length > 0 ? 2 : 0);
}
const chosen = words.filter((word) => !word.startsWith('-'));
for (const [name, benchmark] of Object.entries(BENCHMARKS)) {
  if (chosen.length > 0 ? !chosen.includes(name) : benchmark.onlyByName === true) continue;
  print(`== ${name}: ${benchmark.says}`);
  await (await benchmark.load()).run(print, words.filter((word) => word.startsWith('-')));
}
