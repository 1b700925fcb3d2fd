// Goal: what the pods of the DaemonSet may do on their node is what the table of reasons says, no more and no less, and each of it is taken away by a test. Method: the
// manifests as they are shipped, read back; the lists of what the tests take away.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nodeRightName, nodeRights } from '@vfleet/controllers/installation/node-rights.ts';
import type { NodeRight } from '@vfleet/controllers/installation/node-rights.ts';
import { removals, rightsOf } from '../cluster/least-rights/removals.ts';
import type { Container, Template } from '../cluster/least-rights/removals.ts';
import { lostWithout } from '../kernel/programs/deeds.ts';
import { readManifest } from './apply.ts';

const ROOT = join(import.meta.dirname, '../..');

function templateOf(manifest: string): Template & { readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } } {
  const daemonSet = readManifest(readFileSync(join(ROOT, manifest), 'utf8')).find(({ kind }) => kind === 'DaemonSet') as unknown as { readonly spec: { readonly template: ReturnType<typeof templateOf> } };
  return daemonSet.spec.template;
}

const containersOf = ({ spec }: Template): readonly Container[] => [...spec.containers, ...spec.initContainers];
const names = (rights: readonly NodeRight[]) => rights.map(nodeRightName).sort();
const taken = nodeRights.filter(({ kind }) => kind !== 'confinement');

describe('rights on the node', () => {
  test.each([['deploy/install.yaml', (right: NodeRight) => right.only === undefined], ['deploy/demo.yaml', () => true]] as const)('%s gives those of the table', (manifest, isGiven) => {
    const template = templateOf(manifest);
    expect([...rightsOf(template)].sort()).toEqual(names(taken.filter(isGiven)));
    for (const { name, securityContext } of containersOf(template)) {
      expect(securityContext).toMatchObject({ privileged: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } });
      expect(securityContext['procMount']).toBeUndefined();
      for (const right of nodeRights) if (right.kind === 'confinement' && right.container === name) expect(securityContext[right.field]).toEqual(right.value);
      // Both say the same, or an API server refuses the pod.
      const annotation = template.metadata.annotations?.[`container.apparmor.security.beta.kubernetes.io/${name}`];
      expect(annotation).toBe(securityContext['appArmorProfile'] === undefined ? undefined : 'unconfined');
    }
  });

  test('no right stands twice, and each has its reason', () => {
    expect(new Set(names(nodeRights)).size).toBe(nodeRights.length);
    for (const { why, without } of nodeRights) expect([why.length > 10, without.length > 5]).toEqual([true, true]);
  });

  test('each is taken away where the table says that it is', () => {
    const onKubelet = removals.flatMap(({ rights }) => rights);
    expect([...onKubelet].sort()).toEqual(names(nodeRights.filter(({ shownOn }) => shownOn === 'kubelet')));
    const onKernel = [...Object.keys(lostWithout).map((name) => `${name} of node`), 'sys of node'];
    for (const right of nodeRights) if (right.shownOn === 'kernel') expect(onKernel).toContain(nodeRightName(right));
    // The capabilities that a kubelet shows are taken away on the kernel, too.
    expect(Object.keys(lostWithout).sort()).toEqual(taken.flatMap((right) => (right.kind === 'capability' && right.container === 'node' && right.only === undefined ? [right.name] : [])).sort());
    expect(readFileSync(join(ROOT, 'test/kernel/suite/40-host-cli.test.ts'), 'utf8')).toContain('a read-only sysfs');
    for (const right of nodeRights) expect([nodeRightName(right), right.shownOn === 'securityModule']).toEqual([nodeRightName(right), right.kind === 'confinement']);
  });
});
