import type { Namespaces } from '../../src/cni/index.ts';
import type { FakeHardware } from './fake-hardware.ts';

/** Namespaces as a process of the host sees them: of a path that leads nowhere it cannot say why. */
export function fakeNamespaces(hardware: Pick<FakeHardware, 'namespaces'>, isHidden: () => boolean = () => false): Namespaces {
  const sees = (netns: string) => !isHidden() && hardware.namespaces.has(netns);
  return {
    identify: async (netns) => (sees(netns) ? 'this boot' : undefined),
    look: async (netns, identity) => {
      if (sees(netns)) return { kind: 'present' };
      return identity === 'a boot before' ? { kind: 'gone', evidence: 'the node has booted since' } : { kind: 'unknown', cause: `there is nothing at ${netns}`, remedy: 'Mount it.' };
    },
  };
}
