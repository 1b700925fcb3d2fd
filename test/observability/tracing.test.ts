// Goal: what operator, admission, CNI and config daemon do arrives at a collector as spans that fit together, and nothing of it is loaded where it is off.
// Method: a real HTTP receiver as the endpoint; production code on the embedded API server and simulated NICs in real time.
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { HardwareStep } from '@vfleet/core';
import { silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createAdmission, createOperator } from '@vfleet/controllers';
import { tracedAdmission, tracedCni, tracedHardware, tracedHooks, tracedKube } from '@vfleet/controllers/tracing/traced.ts';
import { createFleet, nodesOf } from '@vfleet/hw-sim';
import * as api from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim';
import { run } from '../../packages/cli/src/program.ts';
import { startTracing } from '../../packages/cli/src/tracing.ts';
import { exampleFleet } from '../loop/harness.ts';
import { NAMESPACE, addNode } from '../operator/harness.ts';

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly status?: { readonly code: number; readonly message: string };
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}

const open = new AsyncDisposableStack();
const spans: Span[] = [];
const heard: { path: string; type: string; tenant: string; service: unknown }[] = [];
const ports = { clock: new RealClock(), random: new SystemRandom(), log: silentLog };
let endpoint: string;

beforeAll(async () => {
  const server = createServer((request, response) => {
    void (async () => {
      let text = '';
      for await (const chunk of request.setEncoding('utf8')) text += chunk as string;
      const { resourceSpans } = JSON.parse(text) as { readonly resourceSpans: readonly { readonly resource: { readonly attributes: readonly unknown[] }; readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[] };
      heard.push({ path: request.url ?? '', type: request.headers['content-type'] ?? '', tenant: String(request.headers['tenant']), service: resourceSpans[0]?.resource.attributes });
      spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.defer(async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  });
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => open.disposeAsync());

const terminal = { out: () => undefined, err: () => undefined, colours: false };
const tracing = async () => (await startTracing('vfleet-test', { environment: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'tenant=me' }, terminal }, ports))!;
const named = (name: string) => spans.filter((span) => span.name === name);
const attribute = (span: Span | undefined, key: string) => Object.values(span?.attributes.find((one) => one.key === key)?.value ?? {})[0];

test('a reconcile is a span, with what it asks of the API inside', { timeout: 120_000 }, async () => {
  const tracer = await tracing();
  const server = createApiServer(ports);
  const admin = server.client();
  const installed = await api.installCrds({ ...ports, kube: admin });
  expect(installed.ok).toBe(true);
  await admin.create(api.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  await addNode(admin, 'w1');
  const operator = createOperator({ ...ports, kube: tracedKube(tracer, server.client(), ports.clock) }, { identity: 'one', leaderElection: false }, tracedHooks(tracer));
  operator.start();
  await vi.waitFor(() => admin.get(api.nodeStates, { namespace: NAMESPACE, name: 'w1' }), { timeout: 60_000 });
  await operator.stop();
  await tracer[Symbol.asyncDispose]();
  server.stop();
  const [creation] = named('create sriovnetworknodestates');
  const parent = spans.find(({ spanId }) => spanId === creation?.parentSpanId);
  expect([parent?.name, parent?.traceId, attribute(parent, 'vfleet.key')]).toEqual(['reconcile node-states', creation?.traceId, 'w1']);
  expect(parent?.parentSpanId).toBeUndefined();
  expect(heard[0]).toEqual({ path: '/v1/traces', type: 'application/json', tenant: 'me', service: [{ key: 'service.name', value: { stringValue: 'vfleet-test' } }] });
});

test('requests for admission, CNI calls and steps on NICs are spans, with how they ended', { timeout: 120_000 }, async () => {
  const tracer = await tracing();
  const admission = tracedAdmission(tracer, createAdmission({ ...ports, kube: createApiServer(ports).client() }));
  expect((await admission.answer('/nowhere', '{}')).status).toBe(404);
  expect((await admission.answer('/mutate', '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","kind":{"group":"","version":"v1","kind":"Pod"},"operation":"CREATE","object":{}}}')).status).toBe(503);
  const handle = tracedCni(tracer, async ({ environment }) => ({ status: environment['CNI_COMMAND'] === 'DEL' ? 0 : 1, output: '{"code":11}' }));
  await handle({ environment: { CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'sandbox', CNI_IFNAME: 'net1' }, config: '{}' } as never);
  await handle({ environment: { CNI_COMMAND: 'DEL' }, config: '{}' } as never);
  const node = createFleet({ ...ports, delayFactor: 0 }).addNode([...nodesOf(exampleFleet('sriov-operator-article/fleet.yaml'))][0]!);
  const hardware = tracedHardware(tracer, node.hardware);
  const step = { kind: 'setNumVfs', pf: '0000:81:00.0', count: 2 } as HardwareStep;
  await tracer.span('internal', 'apply', {}, () => hardware.apply(step));
  await hardware.apply({ ...step, count: 10_000 } as HardwareStep);
  await expect(tracer.span('internal', 'broken', {}, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await tracer[Symbol.asyncDispose]();
  expect([named('admission /nowhere'), named('admission /mutate')].map(([span]) => [attribute(span, 'http.response.status_code'), span?.status?.message])).toEqual([['404', undefined], ['503', 'unavailable']]);
  expect([attribute(named('CNI ADD')[0], 'container.id'), named('CNI ADD')[0]?.status, named('CNI DEL')[0]?.status]).toEqual(['sandbox', { code: 2, message: '{"code":11}' }, undefined]);
  const [done, refused] = named('hardware setNumVfs');
  expect([done?.parentSpanId, done?.status, refused?.parentSpanId, refused?.status?.code]).toEqual([named('apply')[0]?.spanId, undefined, undefined, 2]);
  expect(named('broken')[0]?.status).toEqual({ code: 2, message: 'no' });
});

test('a share of traces is kept, whole or not at all; a collector that is away disturbs nobody', { timeout: 120_000 }, async () => {
  const begun = spans.length;
  const none = (await startTracing('x', { environment: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_TRACES_SAMPLER: 'always_off' }, terminal }, ports))!;
  expect(await none.span('internal', 'outer', {}, () => none.span('internal', 'inner', {}, async () => 7))).toBe(7);
  await none[Symbol.asyncDispose]();
  expect(spans).toHaveLength(begun);
  // Nobody listens on the port of a server that is closed.
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  const away = (await startTracing('x', { environment: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` }, terminal }, ports))!;
  expect(await away.span('internal', 'outer', {}, async () => 7)).toBe(7);
  await away[Symbol.asyncDispose]();
});

test('without an endpoint there is no tracer; a variable that cannot be followed ends the verb in words', async () => {
  expect(await startTracing('x', { environment: {}, terminal }, ports)).toBeUndefined();
  let said = '';
  const status = await run(['operator', '--no-webhooks', '--kubeconfig', '/nowhere'], { environment: {}, terminal: { ...terminal, err: (text) => void (said += text) } });
  expect([status, said]).toEqual([1, expect.stringContaining('no kubeconfig')]);
});
