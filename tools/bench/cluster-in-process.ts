/** What the embedded API server does in one process with its client: creates, gets and merge patches a second, as one line of JSON. */
import { SeededRandom, SimClock } from '@vfleet/core';
import { configMapResource } from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim/api-server.ts';

export interface InProcessFigures {
  readonly createsPerSecond: number;
  readonly getsPerSecond: number;
  readonly patchesPerSecond: number;
}

const inFlight = 16;

async function rate(durationMs: number, one: (number: number) => Promise<unknown>): Promise<number> {
  let count = 0;
  const startedMs = performance.now();
  const endMs = startedMs + durationMs;
  await Promise.all(Array.from({ length: inFlight }, async () => {
    while (performance.now() < endMs) await one(count++);
  }));
  return (count / (performance.now() - startedMs)) * 1_000;
}

async function measure(durationMs: number): Promise<InProcessFigures> {
  const server = createApiServer({ clock: new SimClock(), random: new SeededRandom('bench') });
  const kube = server.client();
  const key = (number: number) => ({ namespace: 'default', name: `o${number}` });
  let made = 0;
  const data = { 'config.json': '{"resourceList":[{"resourceName":"nics","selectors":{"vendors":["8086"]}}]}', counter: '0' };
  const create = () => {
    const { namespace, name } = key(made++);
    return kube.create(configMapResource, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name, labels: { app: 'bench' } }, data });
  };
  await rate(durationMs / 4, create);
  const createsPerSecond = await rate(durationMs, create);
  const getsPerSecond = await rate(durationMs, (number) => kube.get(configMapResource, key(number % made)));
  const patchesPerSecond = await rate(durationMs, (number) => kube.patch(configMapResource, key(number % made), { type: 'merge', patch: { data: { counter: String(number) } } }));
  server.stop();
  return { createsPerSecond, getsPerSecond, patchesPerSecond };
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(await measure(Number(process.argv[2] ?? 2_000)))}\n`);
