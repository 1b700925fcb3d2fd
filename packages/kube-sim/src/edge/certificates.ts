import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Clock, Files } from '@vfleet/core';
import { certificateTimes, isUsable } from '@vfleet/kube';
import type { ServingNames } from '@vfleet/kube';
import { x509Issuer } from '@vfleet/kube/certificates/edge/x509-issuer.ts';

/** What a TLS server needs, and what its clients need to trust it. */
export interface ServingIdentity {
  readonly key: string;
  readonly certificate: string;
  readonly caCertificate: string;
}

/** The identity kept in `folder`, issued where there is none, where it ends soon, or where its parts do not fit. Keys are 0600. */
export async function servingIdentity(files: Files, clock: Clock, folder: string, host: string): Promise<ServingIdentity> {
  const issuer = x509Issuer(clock);
  const read = async (name: string) => {
    const file = await files.read(join(folder, name));
    return file.ok ? file.value : '';
  };
  const [caKey = '', caCertificate = '', key = '', certificate = ''] = await Promise.all(['ca.key', 'ca.crt', 'server.key', 'server.crt'].map(read));
  const names: ServingNames = { addresses: [...new Set([host, '127.0.0.1'])], dnsNames: ['localhost', 'kubernetes.default.svc'] };
  const keptAuthority = { key: caKey, certificate: caCertificate };
  const isAuthorityGood = isUsable(issuer, clock.now(), keptAuthority);
  if (isAuthorityGood && isUsable(issuer, clock.now(), { key, certificate }) && issuer.isIssuedFor(certificate, caCertificate, names)) {
    return { key, certificate, caCertificate };
  }
  const authority = isAuthorityGood ? keptAuthority : await issuer.authority('vfleet-ca', certificateTimes.authorityMs);
  const serving = await issuer.serving(authority, names, certificateTimes.servingMs);
  const write = async (name: string, text: string, mode: number) => {
    const written = await files.replace(join(folder, name), text, { mode });
    if (!written.ok) throw new Error(`${written.error.path} cannot be written: ${written.error.cause}`);
  };
  // All at once, as each waits for the disk: parts of two identities, left by a process that was ended between them, do not fit and are issued again.
  await Promise.all([
    ...(isAuthorityGood ? [] : [write('ca.key', authority.key, 0o600), write('ca.crt', authority.certificate, 0o644)]),
    write('server.key', serving.key, 0o600),
    write('server.crt', serving.certificate, 0o644),
  ]);
  return { ...serving, caCertificate: authority.certificate };
}

/** A digest for comparing secrets in constant time. */
export function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
