// Goal: health and readiness say what they know, and the server that shows them takes nothing from anybody. Method: checks that a test
// turns over, asked over HTTP, with requests that are none.
import { connect } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { silentLog } from '@vfleet/core';
import { Health } from '@vfleet/controllers/observability/health.ts';
import { MetricRegistry } from '@vfleet/controllers/observability/metric-registry.ts';
import { serveStatus } from '@vfleet/controllers/observability/edge/status-server.ts';

const open = new AsyncDisposableStack();
afterAll(() => open.disposeAsync());

async function served(problems: Readonly<Record<'live' | 'ready' | 'told', string | undefined>>) {
  const health = new Health();
  for (const counts of ['live', 'ready', 'told'] as const) health.add({ name: `a-${counts}`, counts, state: () => problems[counts] });
  const server = open.adopt(await serveStatus({ metrics: new MetricRegistry('node', silentLog), health, log: silentLog }, { port: 0 }), (one) => one.close());
  const ask = async (path: string, init?: RequestInit) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
    return { status: response.status, text: await response.text() };
  };
  return { server, ask };
}

test('while all is well, both say ok, and verbose what was looked at', async () => {
  const { ask } = await served({ live: undefined, ready: undefined, told: undefined });
  for (const path of ['/healthz', '/livez', '/readyz']) expect(await ask(path)).toEqual({ status: 200, text: 'ok' });
  expect(await ask('/healthz?verbose')).toEqual({ status: 200, text: '[+]a-live ok\nhealthz check passed' });
  expect((await ask('/readyz?verbose')).text).toBe('[+]a-live ok\n[+]a-ready ok\n[+]a-told ok\nreadyz check passed');
});

test('what is not ready is alive; what is not alive is not ready; what is only told counts for nothing', async () => {
  const notReady = await served({ live: undefined, ready: 'the cluster is being listed', told: 'no Multus' });
  expect(await notReady.ask('/healthz')).toEqual({ status: 200, text: 'ok' });
  expect(await notReady.ask('/readyz')).toEqual({ status: 503, text: '[-]a-ready failed: the cluster is being listed\nreadyz check failed' });
  expect((await notReady.ask('/readyz?verbose')).text).toContain('[~]a-told not yet: no Multus');
  const dead = await served({ live: 'EIO', ready: undefined, told: undefined });
  for (const path of ['/healthz', '/readyz']) expect(await dead.ask(path)).toMatchObject({ status: 503, text: expect.stringContaining('[-]a-live failed: EIO') });
  expect(await (await served({ live: undefined, ready: undefined, told: 'no Multus' })).ask('/readyz')).toMatchObject({ status: 200 });
});

test('a process that has no checks yet lives, and is not ready', async () => {
  const server = open.adopt(await serveStatus({ metrics: new MetricRegistry('node', silentLog), health: new Health(), log: silentLog }, { port: 0 }), (one) => one.close());
  const status = async (path: string) => (await fetch(`http://127.0.0.1:${server.port}${path}`)).status;
  expect([await status('/healthz'), await status('/readyz')]).toEqual([200, 503]);
});

test('only GET of what there is, and garbage ends its own connection only', async () => {
  const { ask, server } = await served({ live: undefined, ready: undefined, told: undefined });
  expect(await ask('/metrics', { method: 'POST', body: 'x'.repeat(1000) })).toMatchObject({ status: 405 });
  expect(await ask('/debug/pprof')).toMatchObject({ status: 404 });
  expect(await ask('/__proto__')).toMatchObject({ status: 404 });
  const garbage = connect(server.port, '127.0.0.1');
  const closed = new Promise((resolve) => garbage.on('close', resolve));
  garbage.on('error', () => {});
  garbage.resume();
  garbage.write(`\u0016\u0003\u0001${'\0'.repeat(64)}\r\n\r\n`);
  await closed;
  expect(await ask('/readyz')).toMatchObject({ status: 200 });
  expect((await fetch(`http://127.0.0.1:${server.port}/metrics`)).headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
});
