// Goal: with certificates that somebody else keeps, the webhooks serve with them, follow them, and never issue or write any. Method: the embedded
// API server over HTTPS; the test plays cert-manager with a real issuer: late, wrong in each way, then right, then renewed.
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { silentLog } from '@vfleet/core';
import type { Kube, Log } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { serveAdmission } from '@vfleet/controllers/admission/edge/admission-service.ts';
import type { AdmissionService } from '@vfleet/controllers/admission/edge/admission-service.ts';
import { SERVING_SECRET } from '@vfleet/controllers/admission/certificates/keeper.ts';
import * as api from '@vfleet/kube';
import type { KeyAndCertificate } from '@vfleet/kube';
import { x509Issuer } from '@vfleet/kube/certificates/edge/x509-issuer.ts';
import { createApiServer } from '@vfleet/kube-sim';
import { serve } from '@vfleet/kube-sim/edge/serve.ts';
import { policy, post, prepare, servedSerial, tellStory } from './story.ts';

const namespace = 'sriov-network-operator';
const key = { namespace, name: SERVING_SECRET };
const clock = new RealClock();
const issuer = x509Issuer(clock);
const YEAR_MS = 365 * 86_400_000;
const names = { addresses: ['127.0.0.1'], dnsNames: ['localhost'] };
const soon = <Value>(check: () => Value | Promise<Value>) => vi.waitFor(check, { timeout: 120_000, interval: 50 });

const open = new AsyncDisposableStack();
let kube: Kube;
let authority: KeyAndCertificate;
const warnings: string[] = [];
const log: Log = { ...silentLog, warn: (_message, fields) => void warnings.push(String(fields?.['problem'])), with: () => log };

beforeAll(async () => {
  const folder = open.adopt(mkdtempSync(join(tmpdir(), 'vfleet-provided-')), (path) => rmSync(path, { recursive: true }));
  const server = createApiServer({ clock, random: new SystemRandom(), log: silentLog });
  open.adopt(await serve(server, { port: 0, host: '127.0.0.1', folder }), (served) => served.close());
  kube = server.client();
  await prepare(kube);
  authority = await issuer.authority('somebody', YEAR_MS);
}, 120_000);
afterAll(() => open.disposeAsync());

const start = (signal?: AbortSignal) => serveAdmission({ kube, clock, random: new SystemRandom(), log }, { namespace, port: 0, reachedBy: { kind: 'url', address: '127.0.0.1' }, certificates: 'provided', ...(signal === undefined ? {} : { signal }) });
const put = async (texts: Readonly<Record<string, string>>) => {
  await kube.patch(api.secrets, key, { type: 'apply', fieldManager: 'cert-manager', force: true, patch: { apiVersion: 'v1', kind: 'Secret', metadata: key, type: 'Opaque', data: Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text).toString('base64')])) } });
};
const texts = ({ key: tlsKey, certificate }: KeyAndCertificate, ca = authority.certificate) => ({ 'tls.key': tlsKey, 'tls.crt': certificate, 'ca.crt': ca });

test('whoever waits for certificates can be told to stop', async () => {
  const controller = new AbortController();
  const waiting = start(controller.signal);
  await soon(() => expect(warnings).toContain('it is not there yet: the webhooks are served when it is'));
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  await expect(start(AbortSignal.abort(new Error('at once')))).rejects.toThrow('at once');
});

test('what cannot be served with is said; what can is served, followed, and written by nobody here', { timeout: 300_000 }, async () => {
  let service: AdmissionService | undefined;
  const starting = start().then((one) => (service = one));
  const good = await issuer.serving(authority, names, YEAR_MS);
  const wrong: readonly (readonly [Readonly<Record<string, string>>, string])[] = [
    [{ 'tls.crt': good.certificate }, 'it lacks tls.crt or tls.key'],
    [{ 'tls.key': good.key, 'tls.crt': good.certificate }, 'it lacks ca.crt'],
    [texts({ key: authority.key, certificate: good.certificate }), 'tls.key is not the key of tls.crt'],
    [texts(good, (await issuer.authority('another', YEAR_MS)).certificate), 'is not of ca.crt'],
    [texts(await issuer.serving(authority, { addresses: [], dnsNames: ['localhost'] }, YEAR_MS)), 'not for all of localhost, 127.0.0.1'],
    [texts(await issuer.serving(authority, names, -1_000)), 'its certificate has ended'],
  ];
  for (const [bad, said] of wrong) {
    await put(bad);
    await soon(() => expect(warnings.at(-1)).toContain(said));
    expect(service).toBeUndefined();
  }
  await put(texts(good));
  const admission = open.adopt(await starting, (one) => one.stop());
  await soon(() => expect(admission.isReady).toBe(true));
  await tellStory(kube);
  expect(Math.abs(admission.expiry.serving - clock.now() - YEAR_MS)).toBeLessThan(3_600_000);
  const before = await servedSerial(admission);
  await put({ ...texts(good), 'tls.crt': 'damaged' });
  await soon(() => expect(warnings.at(-1)).toContain('no PEM'));
  expect(await servedSerial(admission)).toBe(before);
  await put(texts(await issuer.serving(authority, names, YEAR_MS)));
  await soon(async () => expect(await servedSerial(admission)).not.toBe(before));
  await kube.delete(api.secrets, key);
  await soon(() => expect(warnings.at(-1)).toBe('it was deleted; what was served goes on'));
  // Nothing is issued in its place, and there is no authority of our own.
  expect((await kube.list(api.secrets, { namespace })).items.map(({ metadata }) => metadata.name)).toEqual([]);
});

test('one file renewed, both at once, or one after the other while requests come: none fails, and the new serial is served', { timeout: 600_000 }, async () => {
  const first = await issuer.serving(authority, names, YEAR_MS);
  await put(texts(first));
  const admission = open.adopt(await start(), (one) => one.stop());
  await soon(() => expect(admission.isReady).toBe(true));
  const wanted = Number(process.env['VFLEET_ADMISSION_REQUESTS'] ?? 1_000);
  const object = policy('x', {});
  const body = JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: { uid: 'u', kind: { group: 'sriovnetwork.openshift.io', version: 'v1', kind: object.kind }, operation: 'CREATE', namespace, name: 'x', object } });
  let [done, rotating] = [0, true];
  const work = async () => {
    while (done < wanted || rotating) {
      done++;
      expect(await post(admission, '/mutating-custom-resource', body)).toMatchObject({ status: 200, text: expect.stringContaining('"allowed":true') });
    }
  };
  const working = Promise.all(Array.from({ length: 8 }, work));
  const requests = async (count: number) => {
    const from = done;
    await soon(() => expect(done).toBeGreaterThanOrEqual(from + count));
  };
  const served = (pair: KeyAndCertificate) => soon(async () => expect(await servedSerial(admission)).toBe(new X509Certificate(pair.certificate).serialNumber));
  const rotate = async () => {
    await served(first);
    const sameKey = await issuer.serving(authority, names, YEAR_MS, first.key);
    await put(texts(sameKey));
    await served(sameKey);
    await requests(wanted / 5);
    const both = await issuer.serving(authority, names, YEAR_MS);
    await put(texts(both));
    await served(both);
    await requests(wanted / 5);
    const last = await issuer.serving(authority, names, YEAR_MS);
    await put({ ...texts(both), 'tls.crt': last.certificate });
    await soon(() => expect(warnings.at(-1)).toContain('tls.key is not the key of tls.crt'));
    await requests(wanted / 5);
    await served(both);
    await put(texts(last));
    await served(last);
    expect(sameKey.key).toBe(first.key);
  };
  await Promise.race([working, rotate().finally(() => (rotating = false))]);
  await working;
  expect(done).toBeGreaterThanOrEqual(wanted);
});
