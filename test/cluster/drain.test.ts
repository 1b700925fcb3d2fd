// Goal: the drains that a cluster must live through, with two operators of which one is killed. Method: the story of test/operator, told to a
// real kube-apiserver: its evictions, budgets, watches and Leases, and no more rights than deploy/install.yaml gives. The test plays config
// daemons, kubelets, the disruption controller and people.
import { afterAll, beforeAll, describe, test, vi } from 'vitest';
import { deepEqual } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createOperator } from '@vfleet/controllers';
import * as api from '@vfleet/kube';
import { kubeFromConfigFile } from '@vfleet/kube/adapters/kubeconfig.ts';
import { startRealApiServer } from '../../tools/rigs/real-cluster.ts';
import { DrainStory, drainStories } from '../operator/drain-story.ts';
import { MortalKube } from '../operator/mortal-kube.ts';
import { clientOf, install } from './rbac-install.ts';
import { realServerIsBuilt } from './servers.ts';

describe.skipIf(!(await realServerIsBuilt()))('drains on a real API server', () => {
  const open = new AsyncDisposableStack();
  const bugs: unknown[] = [];
  let story: DrainStory;

  beforeAll(async () => {
    const server = open.adopt(await startRealApiServer({ unsafeNoFsync: true }), (running) => running.stop());
    const kube = open.adopt(kubeFromConfigFile(server.kubeconfig), (one) => one.close());
    const ports = { clock: new RealClock(), random: new SystemRandom(), log: silentLog };
    await install(server);
    await kube.create(api.serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'default', name: 'default' } });
    story = open.adopt(new DrainStory({
      kube,
      begin: async (identity) => {
        const client = open.adopt(await clientOf(server, 'operator'), (one) => one.close());
        const own = new MortalKube(client);
        const operator = createOperator({ ...ports, kube: own }, { identity }, { onBug: (error) => bugs.push(error) });
        operator.start();
        return { operator, kill: () => own.die() };
      },
      until: (says, holds) => vi.waitFor(async () => deepEqual({ says, holds: await holds() }, { says, holds: true }), { timeout: 240_000, interval: 50 }),
      pause: (ms) => sleep(ms),
    }), (told) => told.end());
    await story.begin();
  });
  afterAll(async () => {
    await open.disposeAsync();
    if (bugs.length > 0) throw new AggregateError(bugs, 'the operator made mistakes');
  });

  test.each(drainStories)('%s', (_, tell) => tell(story));
});
