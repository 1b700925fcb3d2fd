// Goal: our webhooks work with a real API server: configurations accepted, called over TLS, refusals worded, pods patched. Method: the
// story of test/admission, told to a real kube-apiserver.
import { afterAll, beforeAll, describe, test } from 'vitest';
import { kubeFromConfigFile } from '@vfleet/kube/adapters/kubeconfig.ts';
import { startRealApiServer } from '../../tools/rigs/real-cluster.ts';
import { prepare, startAdmission, switchOff, tellStory } from '../admission/story.ts';
import { realServerIsBuilt } from './servers.ts';

describe.skipIf(!(await realServerIsBuilt()))('admission on a real API server', () => {
  const open = new AsyncDisposableStack();
  let kube: ReturnType<typeof kubeFromConfigFile>;

  beforeAll(async () => {
    const server = open.adopt(await startRealApiServer({ unsafeNoFsync: true }), (running) => running.stop());
    kube = open.adopt(kubeFromConfigFile(server.kubeconfig), (client) => client.close());
    await prepare(kube);
    open.adopt(await startAdmission(kube), (running) => running.stop());
  });
  afterAll(() => open.disposeAsync());

  test('policies are filled in and judged, networks and pools judged, pods injected', () => tellStory(kube));
  test('the operator configuration switches webhooks off', () => switchOff(kube));
});
