// Goal: the file of client authorities is read, followed, and never exchanged for one that cannot be read. Method: a file that is written,
// damaged, renewed and taken away, with certificates of a real issuer.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import type { Log } from '@vfleet/core';
import { silentLog } from '@vfleet/core';
import { RealClock } from '@vfleet/core/real.ts';
import { x509Issuer } from '@vfleet/kube/certificates/edge/x509-issuer.ts';
import { followClientAuthority } from '../src/verbs/operator/client-authority.ts';

const folder = mkdtempSync(join(tmpdir(), 'vfleet-client-authority-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'ca.crt');
const issuer = x509Issuer(new RealClock());
const soon = (check: () => void) => vi.waitFor(check, { timeout: 240_000, interval: 50 });

test('followed, and kept where the next one cannot be read', { timeout: 600_000 }, async () => {
  const [first, second] = await Promise.all(['first', 'second'].map(async (name) => (await issuer.authority(name, 86_400_000)).certificate));
  writeFileSync(path, first!);
  const warnings: unknown[] = [];
  const log: Log = { ...silentLog, warn: (_, fields) => void warnings.push(fields?.['cause']) };
  const changes: string[] = [];
  using followed = followClientAuthority(path, log, (next) => changes.push(next), 20);
  expect(followed.settings).toEqual({ clientAuthority: first });
  writeFileSync(path, 'damaged');
  await soon(() => expect(warnings).toEqual([expect.stringContaining('no certificate')]));
  writeFileSync(path, `${first}${second}`);
  await soon(() => expect(changes).toEqual([`${first}${second}`]));
  rmSync(path);
  await soon(() => expect(warnings.at(-1)).toContain('ENOENT'));
  writeFileSync(path, second!);
  await soon(() => expect(changes.at(-1)).toBe(second));
});

test.each([['nothing', undefined], ['a text', 'hello'], ['a damaged certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n']])('%s is refused at the start, in a sentence', (_, content) => {
  rmSync(path, { force: true });
  if (content !== undefined) writeFileSync(path, content);
  expect(() => followClientAuthority(path, silentLog, () => {})).toThrow('--webhook-client-ca');
});

test('without a file any client is answered', () => {
  using followed = followClientAuthority(undefined, silentLog, () => {});
  expect(followed.settings).toEqual({});
});
