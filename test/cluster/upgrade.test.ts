// Goal: a real API server lets the Go operator's cluster be taken over as ours does: its immutable selectors, its merging of applied lists by several
// managers, its generations. Method: the story of test/upgrade, installed by kubectl with the words of docs/upgrade.md.
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { kubeFromConfigFile } from '@vfleet/kube/adapters/client-node.ts';
import { startRealApiServer } from '../../tools/rigs/real-cluster.ts';
import { goesBack, takesOver, takesWebhooksOver } from '../upgrade/story.ts';
import { clientOf, kubectl } from './rbac-install.ts';
import { realServerIsBuilt } from './servers.ts';

describe.skipIf(!(await realServerIsBuilt()))('an upgrade from the Go operator on a real API server', () => {
  test('everything is taken over as it is, with the rights of the manifest', async () => {
    await using open = new AsyncDisposableStack();
    const server = open.adopt(await startRealApiServer({ unsafeNoFsync: true }), (running) => running.stop());
    const kube = open.adopt(await kubeFromConfigFile(server.kubeconfig), (one) => one.close());
    const manifest = join(dirname(server.kubeconfig), 'install.yaml');
    const apply = async (objects: readonly object[]) => {
      await writeFile(manifest, objects.map((object) => JSON.stringify(object)).join('\n---\n'));
      const said = await kubectl(server, 'apply', '--server-side', '--force-conflicts', '-f', manifest);
      expect(said.split('\n').filter((line) => /warning/i.test(line))).toEqual([]);
    };
    // The account is there once the manifest is applied; what is asked for before is asked of nobody.
    const operator = { kube };
    await takesOver({ kube, get operatorKube() { return operator.kube; }, kubeconfig: server.kubeconfig, apply: async (objects) => {
      await apply(objects);
      operator.kube = open.adopt(await clientOf(server, 'operator'), (one) => one.close());
    } });
    await takesWebhooksOver({ kube, operatorKube: operator.kube, kubeconfig: server.kubeconfig, apply });
    await goesBack({ kube, operatorKube: operator.kube, kubeconfig: server.kubeconfig, apply });
  });
});
