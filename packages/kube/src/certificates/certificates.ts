/** A private key (PKCS #8) and its certificate, both PEM. */
export interface KeyAndCertificate {
  readonly key: string;
  readonly certificate: string;
}

/** What a serving certificate is for: addresses and DNS names, at least one of either. */
export interface ServingNames {
  readonly addresses: readonly string[];
  readonly dnsNames: readonly string[];
}

/** What a pair is good for, as far as it can be read at all. */
export interface CertificateFacts {
  /** The key belongs to the certificate. */
  readonly isPair: boolean;
  /** Epoch milliseconds. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Issues and reads certificates; the real one is `edge/x509-issuer.ts`. */
export interface CertificateIssuer {
  /** A certificate authority that can sign serving certificates, self-signed. */
  authority(name: string, lifetimeMs: number): Promise<KeyAndCertificate>;
  /** With a new key, or with `key` (PEM, a P-256 one) as renewals without a new key have it. */
  serving(authority: KeyAndCertificate, names: ServingNames, lifetimeMs: number, key?: string): Promise<KeyAndCertificate>;
  /** Undefined for what is no pair of PEM texts. */
  read(pair: KeyAndCertificate): CertificateFacts | undefined;
  /** Whether `authority`, one certificate or several, has signed `certificate`, and it is for all of `names`. */
  isIssuedFor(certificate: string, authority: string, names: ServingNames): boolean;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** How long certificates last, and how long before their end they are issued anew. */
export const certificateTimes = { authorityMs: 10 * 365 * DAY_MS, servingMs: 365 * DAY_MS, renewBeforeMs: 30 * DAY_MS } as const;

/** Whether a pair can be used at `nowMs` and for a good while on. */
export function isUsable(issuer: CertificateIssuer, nowMs: number, pair: KeyAndCertificate): boolean {
  const facts = issuer.read(pair);
  return facts !== undefined && facts.isPair && facts.notBeforeMs <= nowMs && facts.notAfterMs - certificateTimes.renewBeforeMs > nowMs;
}
