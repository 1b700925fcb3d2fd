import type { Expectation } from '../scenarios/scenario.ts';
import type { ClusterView } from '../oracles/cluster-view.ts';
import type { World } from '../world.ts';

/** What of an expectation does not hold; undefined when it does. */
export function unmet(expectation: Expectation, world: World, view: ClusterView): string | undefined {
  switch (expectation.expect) {
    case 'nodes':
      return view.nodes().length === expectation.count ? undefined : `there are ${view.nodes().length} nodes instead of ${expectation.count}`;
    case 'running': {
      const running = view.pods().filter(({ metadata, status }) => metadata.labels?.['app'] === expectation.workload && status?.phase === 'Running').length;
      return running === expectation.count ? undefined : `${running} pods of ${expectation.workload} run instead of ${expectation.count}`;
    }
    case 'allocatable': {
      const found = view.node(expectation.node)?.status?.allocatable?.[expectation.resource];
      return Number(found) === expectation.count ? undefined : `${expectation.node} has ${found ?? 'no'} ${expectation.resource} instead of ${expectation.count}`;
    }
    case 'vfs': {
      for (const node of world.nodes()) {
        if (expectation.nodes !== undefined && !node.name.startsWith(expectation.nodes)) continue;
        const pf = node.hardware.inspect().pfs.find(({ pciAddress }) => pciAddress === expectation.pf);
        if (pf?.numVfs !== expectation.count) return `${expectation.pf} of ${node.name} has ${pf?.numVfs} VFs instead of ${expectation.count}`;
        if (expectation.mode !== undefined && pf.eswitchMode !== expectation.mode) return `${expectation.pf} of ${node.name} is in mode ${pf.eswitchMode}`;
      }
      return undefined;
    }
  }
}
