// Goal: the webhooks do over TLS what they promise, on an API server that calls them, and withstand clients that are none. Method:
// the embedded API server over HTTPS and the webhook server in one process; test/cluster tells the same story to a real one.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import * as api from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim';
import { serve } from '@vfleet/kube-sim/edge/serve.ts';
import { kubeFromConfigFile } from '@vfleet/kube/adapters/kubeconfig.ts';
import { policy, post, prepare, servedSerial, startAdmission, switchOff, tellStory } from './story.ts';
import type { AdmissionService } from '@vfleet/controllers/admission/edge/admission-service.ts';

const folder = mkdtempSync(join(tmpdir(), 'vfleet-admission-'));
const open = new AsyncDisposableStack();
let admission: AdmissionService;
let kube: ReturnType<typeof kubeFromConfigFile>;

beforeAll(async () => {
  open.defer(() => rmSync(folder, { recursive: true }));
  const apiServer = createApiServer({ clock: new RealClock(), random: new SystemRandom(), log: silentLog });
  const served = open.adopt(await serve(apiServer, { port: 0, host: '127.0.0.1', folder }), (server) => server.close());
  kube = open.adopt(kubeFromConfigFile(served.kubeconfigPath), (client) => client.close());
  await prepare(kube);
  admission = open.adopt(await startAdmission(kube), (running) => running.stop());
});
afterAll(() => open.disposeAsync());

test('policies are filled in and judged, networks and pools judged, pods injected', () => tellStory(kube));

const review = (object: object) => JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: { uid: 'u', kind: { group: 'sriovnetwork.openshift.io', version: 'v1', kind: 'SriovNetworkNodePolicy' }, operation: 'CREATE', namespace: 'n', name: 'x', object } });

test.each([
  ['GET', 405, { method: 'GET', body: '' }],
  ['another media type', 415, { headers: { 'content-type': 'text/plain' }, body: '{}' }],
  ['no media type', 415, { headers: {}, body: '{}' }],
  ['no JSON', 400, { body: '{"kind": "Admission' }],
  ['an empty body', 400, { body: '' }],
  ['no review', 400, { body: '{"kind": "Pod"}' }],
  ['a review without request', 400, { body: '{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}' }],
  ['JSON that is too deep', 400, { body: `${'['.repeat(100_000)}${']'.repeat(100_000)}` }],
  ['keys of prototypes', 400, { body: '{"__proto__": {"kind": "AdmissionReview"}, "constructor": 1}' }],
  ['a body of 8 MiB', 413, { body: Buffer.alloc(8 * 1024 * 1024, 0x20) }],
  ['another path', 404, { path: '/elsewhere', body: review({}) }],
])('%s is answered with %d', async (_, status, { path = '/validating-custom-resource', body, headers, method }: { path?: string; body: string | Buffer; headers?: Record<string, string>; method?: string }) => {
  expect(await post(admission, path, body, headers, method)).toMatchObject({ status });
});

test('an object of the wrong shape is refused with the path of what is wrong', async () => {
  const { text } = await post(admission, '/validating-custom-resource', review({ spec: { ...policy('x', {}).spec, numVfs: 'four' } }));
  expect(JSON.parse(text)).toMatchObject({ response: { uid: 'u', allowed: false, status: { code: 422, message: 'spec.numVfs must be an integer' } } });
});

test('health: the process runs, and is ready', async () => {
  for (const path of ['/healthz', '/readyz']) expect(await post(admission, path, '', {}, 'GET')).toEqual({ status: 200, text: 'ok' });
});

test('a client that is slow, or speaks no TLS, is let go and harms nobody', async () => {
  const slow = connect(admission.port, '127.0.0.1');
  const ended = new Promise((resolve) => slow.on('close', resolve));
  slow.on('error', () => {});
  slow.write('GET / HTTP/1.1\r\n');
  expect(await post(admission, '/healthz', '', {}, 'GET')).toMatchObject({ status: 200 });
  await ended;
});

test('certificates rotated under load: no request fails, and the new serial is served', async () => {
  const before = await servedSerial(admission);
  const wanted = Number(process.env['VFLEET_ADMISSION_REQUESTS'] ?? 1_000);
  let done = 0;
  const work = async () => {
    while (done < wanted) {
      done++;
      expect(await post(admission, '/mutating-custom-resource', review({ spec: policy('x', {}).spec }))).toMatchObject({ status: 200 });
    }
  };
  const working = Promise.all(Array.from({ length: 8 }, work));
  // What a person does to rotate is to delete the Secret: it is issued anew at once, and served to new connections. A replica that
  // starts then serves the same.
  await kube.delete(api.secrets, { namespace: 'sriov-network-operator', name: 'operator-webhook-service' });
  await vi.waitFor(async () => expect(await servedSerial(admission)).not.toBe(before), { timeout: 120_000, interval: 20 });
  const second = open.adopt(await startAdmission(kube), (running) => running.stop());
  expect(await servedSerial(second)).toBe(await servedSerial(admission));
  await working;
});

test('the operator configuration switches webhooks off', () => switchOff(kube));
