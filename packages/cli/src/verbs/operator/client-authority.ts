import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Log } from '@vfleet/core';
import { CliFailure } from '../../failure.ts';

/**
 * A file that is mounted changes by its folder being exchanged, which notifications of the kernel miss. It is read: by its time of change, what
 * happens between the first reading and the first look at that time would never be seen.
 */
const LOOK_EVERY_MS = 2_000;

export interface FollowedClientAuthority extends Disposable {
  readonly settings: { readonly clientAuthority?: string };
}

/** Reads the authorities of clients, PEM, and tells of each change. One that cannot be read is logged, and what was trusted goes on. */
export function followClientAuthority(path: string | undefined, log: Log, changed: (clientAuthority: string) => void, lookEveryMs = LOOK_EVERY_MS): FollowedClientAuthority {
  if (path === undefined) return { settings: {}, [Symbol.dispose]: () => {} };
  const first = readAuthorities(path);
  if (first instanceof Error) throw new CliFailure(`--webhook-client-ca: ${first.message}`, 'It must be a file of certificates in PEM.');
  let current = first;
  let problem: string | undefined;
  const look = () => {
    const next = readAuthorities(path);
    if (next instanceof Error) {
      if (next.message === problem) return;
      problem = next.message;
      log.warn('the authorities of clients cannot be read; those from before go on', { path, cause: next.message });
      return;
    }
    problem = undefined;
    if (next === current) return;
    current = next;
    changed(next);
    log.info('the authorities of clients have changed', { path });
  };
  const timer = setInterval(look, lookEveryMs);
  return { settings: { clientAuthority: first }, [Symbol.dispose]: () => clearInterval(timer) };
}

function readAuthorities(path: string): string | Error {
  try {
    const text = readFileSync(path, 'utf8');
    const certificates = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
    if (certificates.length === 0) return new Error(`there is no certificate in ${path}`);
    for (const certificate of certificates) new X509Certificate(certificate);
    return text;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
