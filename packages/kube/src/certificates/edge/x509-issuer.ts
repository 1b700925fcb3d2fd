import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto';
import type { Clock } from '@vfleet/core';
import type { CertificateFacts, CertificateIssuer, KeyAndCertificate, ServingNames } from '../certificates.ts';
import { installReflectMetadata } from './reflect-metadata.ts';

/** Clocks of clients may be behind. */
const BACKDATE_MS = 60 * 60 * 1000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Certificates by @peculiar/x509, which is loaded only when something is issued: a start that finds its certificates on disk is quick. */
export function x509Issuer(clock: Pick<Clock, 'now'>): CertificateIssuer {
  return {
    authority: (name, lifetimeMs) => issueAuthority(clock, name, lifetimeMs),
    serving: (authority, names, lifetimeMs) => issueServing(clock, authority, names, lifetimeMs),
    read,
    isIssuedFor,
  };
}

function read({ key, certificate }: KeyAndCertificate): CertificateFacts | undefined {
  try {
    const parsed = new X509Certificate(certificate);
    return { isPair: parsed.checkPrivateKey(createPrivateKey(key)), notBeforeMs: Date.parse(parsed.validFrom), notAfterMs: Date.parse(parsed.validTo) };
  } catch {
    return undefined;
  }
}

function isIssuedFor(certificate: string, authority: string, { addresses, dnsNames }: ServingNames): boolean {
  try {
    const parsed = new X509Certificate(certificate);
    const signers = authority.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
    return (
      signers.some((signer) => parsed.verify(new X509Certificate(signer).publicKey)) &&
      addresses.every((address) => parsed.checkIP(address) !== undefined) && dnsNames.every((name) => parsed.checkHost(name) !== undefined)
    );
  } catch {
    return false;
  }
}

async function loadX509(): Promise<typeof import('@peculiar/x509')> {
  installReflectMetadata();
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(globalThis.crypto);
  return x509;
}

async function issueAuthority(clock: Pick<Clock, 'now'>, name: string, lifetimeMs: number): Promise<KeyAndCertificate> {
  const x509 = await loadX509();
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${name}`,
    notBefore: new Date(clock.now() - BACKDATE_MS),
    notAfter: new Date(clock.now() + lifetimeMs),
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

async function issueServing(clock: Pick<Clock, 'now'>, authority: KeyAndCertificate, { addresses, dnsNames }: ServingNames, lifetimeMs: number): Promise<KeyAndCertificate> {
  const x509 = await loadX509();
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const issuer = new x509.X509Certificate(authority.certificate);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: 'CN=vfleet',
    issuer: issuer.subject,
    notBefore: new Date(clock.now() - BACKDATE_MS),
    notAfter: new Date(clock.now() + lifetimeMs),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: await importPrivateKey(authority.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([...addresses.map((value) => ({ type: 'ip' as const, value })), ...dnsNames.map((value) => ({ type: 'dns' as const, value }))]),
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
