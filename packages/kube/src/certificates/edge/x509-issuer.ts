import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Extension, Name } from '@peculiar/asn1-x509';
import type { Clock } from '@vfleet/core';
import type { CertificateFacts, CertificateIssuer, KeyAndCertificate, ServingNames } from '../certificates.ts';

/** Clocks of clients may be behind. */
const BACKDATE_MS = 60 * 60 * 1000;
/** RFC 5758. */
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const COMMON_NAME = '2.5.4.3';

/**
 * Certificates of P-256 keys, put together from the structures of @peculiar/asn1-x509, which is loaded only when something is
 * issued: a start that finds its certificates on disk is quick. Keys and signatures are Node's own.
 */
export function x509Issuer(clock: Pick<Clock, 'now'>): CertificateIssuer {
  return {
    authority: (name, lifetimeMs) => issueAuthority(clock, name, lifetimeMs),
    serving: (authority, names, lifetimeMs, key) => issueServing(clock, authority, names, lifetimeMs, key),
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

interface Structures {
  readonly asn1: typeof import('@peculiar/asn1-schema');
  readonly x509: typeof import('@peculiar/asn1-x509');
}

async function loadStructures(): Promise<Structures> {
  const [asn1, x509] = await Promise.all([import('@peculiar/asn1-schema'), import('@peculiar/asn1-x509')]);
  return { asn1, x509 };
}

/** What is particular to one certificate. */
interface Contents {
  readonly issuer: Name;
  readonly subject: Name;
  readonly publicKey: KeyObject;
  readonly signingKey: KeyObject;
  readonly lifetimeMs: number;
  readonly extensions: readonly Extension[];
}

async function issueAuthority(clock: Pick<Clock, 'now'>, name: string, lifetimeMs: number): Promise<KeyAndCertificate> {
  const structures = await loadStructures();
  const { x509 } = structures;
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subject = commonName(structures, name);
  const extensions = [
    extension(structures, x509.id_ce_basicConstraints, new x509.BasicConstraints({ cA: true }), true),
    extension(structures, x509.id_ce_keyUsage, new x509.KeyUsage(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature), true),
    extension(structures, x509.id_ce_subjectKeyIdentifier, new x509.SubjectKeyIdentifier(keyIdentifier(structures, publicKey)), false),
  ];
  return { key: pemOf(privateKey), certificate: certificateOf(structures, clock, { issuer: subject, subject, publicKey, signingKey: privateKey, lifetimeMs, extensions }) };
}

async function issueServing(clock: Pick<Clock, 'now'>, authority: KeyAndCertificate, { addresses, dnsNames }: ServingNames, lifetimeMs: number, key: string | undefined): Promise<KeyAndCertificate> {
  const structures = await loadStructures();
  const { asn1, x509 } = structures;
  const privateKey = key === undefined ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey : createPrivateKey(key);
  const publicKey = createPublicKey(privateKey);
  const issuer = asn1.AsnConvert.parse(new X509Certificate(authority.certificate).raw, x509.Certificate).tbsCertificate;
  const signingKey = createPrivateKey(authority.key);
  const names = [...addresses.map((iPAddress) => new x509.GeneralName({ iPAddress })), ...dnsNames.map((dNSName) => new x509.GeneralName({ dNSName }))];
  const extensions = [
    extension(structures, x509.id_ce_basicConstraints, new x509.BasicConstraints(), true),
    extension(structures, x509.id_ce_keyUsage, new x509.KeyUsage(x509.KeyUsageFlags.digitalSignature), true),
    extension(structures, x509.id_ce_extKeyUsage, new x509.ExtendedKeyUsage([x509.id_kp_serverAuth]), false),
    extension(structures, x509.id_ce_subjectAltName, new x509.SubjectAlternativeName(names), false),
    extension(structures, x509.id_ce_authorityKeyIdentifier, new x509.AuthorityKeyIdentifier({ keyIdentifier: new x509.KeyIdentifier(sha1(issuer.subjectPublicKeyInfo.subjectPublicKey)) }), false),
  ];
  return { key: pemOf(privateKey), certificate: certificateOf(structures, clock, { issuer: issuer.subject, subject: commonName(structures, 'vfleet'), publicKey, signingKey, lifetimeMs, extensions }) };
}

function certificateOf({ asn1, x509 }: Structures, clock: Pick<Clock, 'now'>, { issuer, subject, publicKey, signingKey, lifetimeMs, extensions }: Contents): string {
  const signatureAlgorithm = new x509.AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 });
  const tbsCertificate = new x509.TBSCertificate({
    version: x509.Version.v3,
    serialNumber: serialNumber(),
    signature: signatureAlgorithm,
    issuer,
    validity: new x509.Validity({ notBefore: new Date(clock.now() - BACKDATE_MS), notAfter: new Date(clock.now() + lifetimeMs) }),
    subject,
    subjectPublicKeyInfo: publicKeyInfo({ asn1, x509 }, publicKey),
    extensions: new x509.Extensions([...extensions]),
  });
  const signatureValue = bytesOf(sign('sha256', new Uint8Array(asn1.AsnConvert.serialize(tbsCertificate)), signingKey));
  const certificate = asn1.AsnConvert.serialize(new x509.Certificate({ tbsCertificate, signatureAlgorithm, signatureValue }));
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(certificate).toString('base64').replace(/(.{64})/g, '$1\n').trimEnd()}\n-----END CERTIFICATE-----\n`;
}

function commonName({ x509 }: Structures, utf8String: string): Name {
  const value = new x509.AttributeValue({ utf8String });
  return new x509.Name([new x509.RelativeDistinguishedName([new x509.AttributeTypeAndValue({ type: COMMON_NAME, value })])]);
}

function extension({ asn1, x509 }: Structures, extnID: string, value: object, critical: boolean): Extension {
  return new x509.Extension({ extnID, critical, extnValue: new asn1.OctetString(asn1.AsnConvert.serialize(value)) });
}

function publicKeyInfo({ asn1, x509 }: Structures, key: KeyObject): InstanceType<Structures['x509']['SubjectPublicKeyInfo']> {
  return asn1.AsnConvert.parse(key.export({ format: 'der', type: 'spki' }), x509.SubjectPublicKeyInfo);
}

/** RFC 5280, 4.2.1.2: the hash of the key's bits. */
function keyIdentifier(structures: Structures, key: KeyObject): ArrayBuffer {
  return sha1(publicKeyInfo(structures, key).subjectPublicKey);
}

function sha1(bytes: ArrayBuffer): ArrayBuffer {
  return bytesOf(createHash('sha1').update(new Uint8Array(bytes)).digest());
}

function bytesOf(buffer: Buffer): ArrayBuffer {
  return Uint8Array.from(buffer).buffer;
}

function serialNumber(): ArrayBuffer {
  const bytes = randomBytes(16);
  // Positive, and of full length, as RFC 5280 asks.
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytesOf(bytes);
}

function pemOf(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString();
}
