// Goal: nothing that is written to a cluster, and nothing that is sent to the webhooks, makes operator or admission throw, answer with the wrong
// code, patch twice or write for ever. Method: some thousand random objects, annotations, ConfigMaps and reviews; `npm run fuzz -- admission`
// plays as many as one likes. And what the fuzzer looks for is planted, so that it is known to look.
import { expect, test } from 'vitest';
import type { Admission } from '@vfleet/controllers';
import { fuzzReview } from '../../tools/fuzz/admission/reviews.ts';
import { startFleet } from '../../tools/fuzz/admission/fleet.ts';
import { fuzzAdmission } from '../../tools/fuzz/admission/run.ts';

test('random objects and reviews', { timeout: 600_000 }, async () => {
  const report = await fuzzAdmission({ seed: 'test', cases: 3_000 });
  expect(report.failures).toEqual([]);
  expect(report.cases).toBe(3_000);
  // A run in which everything was refused, or the operator did nothing, would show nothing.
  for (const outcome of ['written', 'refused by the API server', 'allowed', 'denied', 'not a review', 'no webhook', 'written by the operator']) expect([outcome, report.outcomes[outcome] ?? 0]).toEqual([outcome, expect.toSatisfy((count: number) => count > 20)]);
});

test('wrong answers are found', { timeout: 300_000 }, async () => {
  const { admission } = await startFleet('planted');
  const answering = (answer: (path: string, body: string) => ReturnType<Admission['answer']>): Admission => ({ start() {}, stop() {}, isReady: true, answer });
  let calls = 0;
  const planted: readonly (readonly [string, Admission])[] = [
    ['instead of', answering(async () => ({ status: 503, body: 'busy' }))],
    ['two answers', answering(async (path, body) => ({ ...(await admission.answer(path, body)), body: `${++calls}` }))],
    ['no answer to the request', answering(async (path, body) => {
      const { body: text, ...rest } = await admission.answer(path, body);
      return { ...rest, body: text.replace('"uid":"u"', '"uid":"v"') };
    })],
    ['patched twice', answering(async () => ({ status: 200, allowed: true, body: JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid: 'u', allowed: true, patchType: 'JSONPatch', patch: Buffer.from('[{"op":"add","path":"/a","value":1}]').toString('base64') } }) }))],
  ];
  for (const [found, broken] of planted) {
    const failures: string[] = [];
    for (let index = 1; index < 60; index++) failures.push((await fuzzReview(broken, 'planted', index)).failure ?? '');
    expect(failures.some((failure) => failure.includes(found))).toBe(true);
  }
});
