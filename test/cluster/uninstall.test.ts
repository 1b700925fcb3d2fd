// Goal: an uninstallation comes to its end on a real API server as on ours: it refuses by webhooks that nobody answers, keeps what finalizers hold, and
// deletes kinds in its own time. Method: the story of test/uninstall, each half on a server of its own.
import { describe, expect, test } from 'vitest';
import { customResourceDefinitionResource } from '@vfleet/kube';
import { kubeFromConfigFile } from '@vfleet/kube/adapters/client-node.ts';
import { startRealApiServer } from '../../tools/rigs/real-cluster.ts';
import { keepsWhatIsTheirs, leavesNothing, prepare, refusesStrangers } from '../uninstall/story.ts';
import { realServerIsBuilt } from './servers.ts';

async function cluster() {
  const open = new AsyncDisposableStack();
  const server = open.adopt(await startRealApiServer({ unsafeNoFsync: true }), (running) => running.stop());
  const [kube, operatorKube] = await Promise.all([1, 2].map(async () => open.adopt(await kubeFromConfigFile(server.kubeconfig), (one) => one.close())));
  return { kube: kube!, operatorKube: operatorKube!, kubeconfig: server.kubeconfig, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

describe.skipIf(!(await realServerIsBuilt()))('vfleet uninstall on a real API server', () => {
  test('the cluster is as it was before', async () => {
    await using one = await cluster();
    await prepare(one.kube);
    await leavesNothing(one.kube, one.operatorKube, one.kubeconfig);
    expect((await one.kube.list(customResourceDefinitionResource)).items.map(({ metadata: { name } }) => name)).toEqual(['network-attachment-definitions.k8s.cni.cncf.io']);
  });

  test('custom resources stay unless asked for, and hold nothing; another operator is not touched', async () => {
    await using one = await cluster();
    await prepare(one.kube);
    await keepsWhatIsTheirs(one.kube, one.operatorKube, one.kubeconfig);
    await refusesStrangers(one.kube, one.kubeconfig);
  });
});
