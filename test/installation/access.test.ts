// Goal: what the manifest allows each component is what it needs: no more, no less. Method: the manifest as it is shipped, applied to the
// embedded API server; operator with admission and node with CNI, each by an API that refuses what its roles do not grant; a story in which
// they do all that they ever do; and then granted and used compared as sets.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { grantedTexts } from '@vfleet/controllers/installation/access.ts';
import { createApiServer } from '@vfleet/kube-sim';
import { serve } from '@vfleet/kube-sim/edge/serve.ts';
import { applyManifest, readManifest } from './apply.ts';
import { AuthorizedKube } from './authorized-kube.ts';
import { prepare, tellInstallation } from './story.ts';

test('granted and used are the same', { timeout: 600_000 }, async () => {
  await using open = new AsyncDisposableStack();
  const folder = open.adopt(mkdtempSync(join(tmpdir(), 'vfleet-access-')), (path) => rmSync(path, { recursive: true }));
  const server = createApiServer({ clock: new RealClock(), random: new SystemRandom(), log: silentLog });
  open.adopt(await serve(server, { port: 0, host: '127.0.0.1', folder }), (served) => served.close());
  const admin = server.client();
  await applyManifest(admin, readManifest(readFileSync(join(import.meta.dirname, '../../deploy/install.yaml'), 'utf8')));
  await prepare(admin);
  const [operator, node] = [new AuthorizedKube('operator', server.client({ fieldManager: 'operator' })), new AuthorizedKube('node', server.client({ fieldManager: 'node' }))];
  await tellInstallation({
    admin, operator, node,
    beforeNextStatus: (work) => {
      node.before = async ({ subresource, resource }) => {
        if (subresource !== 'status' || resource.plural !== 'sriovnetworknodestates') return;
        node.before = undefined;
        await work();
      };
    },
  });
  expect([...operator.refused, ...node.refused]).toEqual([]);
  expect({ operator: [...operator.used].sort(), node: [...node.used].sort() }).toEqual({ operator: [...grantedTexts('operator')].sort(), node: [...grantedTexts('node')].sort() });
});
