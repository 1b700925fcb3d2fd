import { createHash, createPrivateKey, webcrypto, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import type { Clock, Files } from '@vfleet/core';
import { installReflectMetadata } from './reflect-metadata.ts';

/** What a TLS server needs, and what its clients need to trust it. */
export interface ServingIdentity {
  readonly key: string;
  readonly certificate: string;
  readonly caCertificate: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const CA_LIFETIME_MS = 10 * 365 * DAY_MS;
const SERVING_LIFETIME_MS = 365 * DAY_MS;
/** Certificates are issued anew this long before they end. */
const RENEW_BEFORE_MS = 30 * DAY_MS;
/** Clocks of clients may be behind. */
const BACKDATE_MS = 60 * 60 * 1000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** The identity kept in `folder`, issued where there is none, where it ends soon, or where its parts do not fit. Keys are 0600. */
export async function servingIdentity(files: Files, clock: Clock, folder: string, host: string): Promise<ServingIdentity> {
  const read = async (name: string) => {
    const file = await files.read(join(folder, name));
    return file.ok ? file.value : undefined;
  };
  const [caKey, caCertificate, key, certificate] = await Promise.all(['ca.key', 'ca.crt', 'server.key', 'server.crt'].map(read));
  const isCaGood = caKey !== undefined && caCertificate !== undefined && isUsable(clock, caKey, caCertificate);
  if (isCaGood && key !== undefined && certificate !== undefined && isUsable(clock, key, certificate) && isIssuedFor(certificate, caCertificate, host)) {
    return { key, certificate, caCertificate };
  }
  const authority = isCaGood ? { key: caKey, certificate: caCertificate } : await issueAuthority(clock);
  const serving = await issueServing(clock, authority, host);
  const write = async (name: string, text: string, mode: number) => {
    const written = await files.replace(join(folder, name), text, { mode });
    if (!written.ok) throw new Error(`${written.error.path} cannot be written: ${written.error.cause}`);
  };
  if (!isCaGood) {
    await write('ca.key', authority.key, 0o600);
    await write('ca.crt', authority.certificate, 0o644);
  }
  await write('server.key', serving.key, 0o600);
  await write('server.crt', serving.certificate, 0o644);
  return { ...serving, caCertificate: authority.certificate };
}

interface KeyAndCertificate {
  readonly key: string;
  readonly certificate: string;
}

function isUsable(clock: Clock, key: string, certificate: string): boolean {
  try {
    const parsed = new X509Certificate(certificate);
    const now = clock.now();
    return parsed.checkPrivateKey(createPrivateKey(key)) && Date.parse(parsed.validFrom) <= now && Date.parse(parsed.validTo) - RENEW_BEFORE_MS > now;
  } catch {
    return false;
  }
}

function isIssuedFor(certificate: string, caCertificate: string, host: string): boolean {
  const parsed = new X509Certificate(certificate);
  return parsed.verify(new X509Certificate(caCertificate).publicKey) && parsed.checkIP(host) !== undefined;
}

async function loadX509(): Promise<typeof import('@peculiar/x509')> {
  // Loaded only where something is issued: a later start reads files and is quick.
  installReflectMetadata();
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(globalThis.crypto);
  return x509;
}

async function issueAuthority(clock: Clock): Promise<KeyAndCertificate> {
  const x509 = await loadX509();
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=vfleet-ca',
    notBefore: new Date(clock.now() - BACKDATE_MS),
    notAfter: new Date(clock.now() + CA_LIFETIME_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { key: await privateKeyPem(keys.privateKey), certificate: certificate.toString('pem') };
}

async function issueServing(clock: Clock, authority: KeyAndCertificate, host: string): Promise<KeyAndCertificate> {
  const x509 = await loadX509();
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const issuer = new x509.X509Certificate(authority.certificate);
  const names = [host, '127.0.0.1'].filter((name, index, all) => all.indexOf(name) === index);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: 'CN=vfleet',
    issuer: issuer.subject,
    notBefore: new Date(clock.now() - BACKDATE_MS),
    notAfter: new Date(clock.now() + SERVING_LIFETIME_MS),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: await importPrivateKey(authority.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([...names.map((name) => ({ type: 'ip' as const, value: name })), { type: 'dns', value: 'localhost' }, { type: 'dns', value: 'kubernetes.default.svc' }]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { key: await privateKeyPem(keys.privateKey), certificate: certificate.toString('pem') };
}

function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  // Positive, as RFC 5280 asks.
  bytes[0]! &= 0x7f;
  return Buffer.from(bytes).toString('hex');
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return `-----BEGIN PRIVATE KEY-----\n${der.toString('base64').replace(/(.{64})/g, '$1\n').trimEnd()}\n-----END PRIVATE KEY-----\n`;
}

function importPrivateKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' });
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign']);
}

/** A digest for comparing secrets in constant time. */
export function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
