import type { CertificateIssuer, KeyAndCertificate, ServingNames } from '@vfleet/kube';
import { certificateTimes, isUsable } from '@vfleet/kube';

/** What is stored about the webhooks' certificates. */
export interface StoredCertificates {
  /** The authority that signs; absent where none is stored. */
  readonly authority?: KeyAndCertificate;
  /** All that clients trust, newest first, PEM. It outlives `authority`: replicas may serve the older certificate for a while. */
  readonly bundle?: string;
  readonly serving?: KeyAndCertificate;
}

export type CertificateDecision =
  | { readonly kind: 'keep'; /** When to look again, epoch milliseconds. */ readonly untilMs: number }
  | { readonly kind: 'issueServing'; readonly because: string }
  | { readonly kind: 'issueAll'; readonly because: string };

/** What is to be done about certificates: nothing, a new serving certificate, or a new authority and then a serving certificate. */
export function decideCertificates(issuer: CertificateIssuer, nowMs: number, stored: StoredCertificates, names: ServingNames): CertificateDecision {
  const { authority, bundle, serving } = stored;
  if (authority === undefined || bundle === undefined) return { kind: 'issueAll', because: 'there is no certificate authority' };
  if (!isUsable(issuer, nowMs, authority)) return { kind: 'issueAll', because: 'the certificate authority ends soon, or its parts do not fit' };
  if (!bundle.includes(authority.certificate.trim())) return { kind: 'issueAll', because: 'the bundle lacks the certificate authority' };
  if (serving === undefined) return { kind: 'issueServing', because: 'there is no serving certificate' };
  if (!isUsable(issuer, nowMs, serving)) return { kind: 'issueServing', because: 'the serving certificate ends soon, or its parts do not fit' };
  if (!issuer.isIssuedFor(serving.certificate, authority.certificate, names)) return { kind: 'issueServing', because: 'the serving certificate is of another authority or for other names' };
  const ends = [authority, serving].map((pair) => issuer.read(pair)!.notAfterMs);
  return { kind: 'keep', untilMs: Math.min(...ends) - certificateTimes.renewBeforeMs };
}

/** A bundle with a new authority in front. The one before it stays; older ones have long ended. */
export function withAuthority(bundle: string | undefined, certificate: string): string {
  const before = bundle?.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/)?.[0];
  return before === undefined || before.trim() === certificate.trim() ? `${certificate.trim()}\n` : `${certificate.trim()}\n${before}\n`;
}
