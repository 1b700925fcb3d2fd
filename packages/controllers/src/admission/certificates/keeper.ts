import type { Clock, Kube, Log, Random, Timer } from '@vfleet/core';
import { isKubeError, webhookNames } from '@vfleet/core';
import type { CertificateIssuer, KeyAndCertificate, Secret, ServingNames } from '@vfleet/kube';
import { Informer, certificateTimes, secrets } from '@vfleet/kube';
import { decideCertificates, withAuthority } from './decision.ts';
import type { StoredCertificates } from './decision.ts';

export interface KeeperPorts {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly issuer: CertificateIssuer;
}

/** What a webhook server serves with and what API servers are to trust. */
export interface WebhookIdentity extends KeyAndCertificate {
  /** PEM, one certificate or two. */
  readonly bundle: string;
}

/** The authority, with its key; nobody but the operator reads it. */
export const AUTHORITY_SECRET = 'vfleet-webhook-ca';
/** What the webhooks serve with. */
export const SERVING_SECRET = webhookNames.operatorService;
const LOOK_AGAIN_AT_MOST_MS = 60 * 60 * 1000;
const RETRY_MS = 1_000;

/**
 * Keeps the webhooks' certificates in Secrets, issues them where they are missing and anew before they end. Any number of replicas
 * may do this at once: writes name the version that they replace, and who loses reads what the winner wrote.
 */
export class CertificateKeeper {
  readonly #ports: KeeperPorts;
  readonly #namespace: string;
  readonly #names: ServingNames;
  readonly #changed: (identity: WebhookIdentity) => void;
  #current: string | undefined;
  readonly #stored: readonly Informer<Secret>[];
  #timer: Timer | undefined;
  #round: Promise<void> = Promise.resolve();
  #stopped = false;

  /** `changed` is told of the first identity and of each that replaces it. */
  constructor(ports: KeeperPorts, namespace: string, names: ServingNames, changed: (identity: WebhookIdentity) => void) {
    this.#ports = ports;
    this.#namespace = namespace;
    this.#names = names;
    this.#changed = changed;
    // By name each, so that a role can name them too.
    this.#stored = [AUTHORITY_SECRET, SERVING_SECRET].map((name) => new Informer(ports, secrets, { namespace, fieldSelector: `metadata.name=${name}` }));
    const look = () => this.#look();
    for (const informer of this.#stored) informer.subscribe({ added: look, updated: look, deleted: look });
  }

  start(): void {
    for (const informer of this.#stored) informer.start();
    void Promise.all(this.#stored.map((informer) => informer.synced)).then(() => this.#look());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    for (const informer of this.#stored) informer.stop();
  }

  /** One look after the other: each begins with what the last one wrote. */
  #look(): void {
    if (this.#stopped || !this.#stored.every((informer) => informer.hasSynced)) return;
    this.#timer?.cancel();
    this.#round = this.#round.then(() => this.#lookOnce());
  }

  async #lookOnce(): Promise<void> {
    if (this.#stopped) return;
    let waitMs = RETRY_MS;
    try {
      waitMs = await this.#keep();
    } catch (error) {
      if (!isKubeError(error)) throw error;
      // A conflict is a replica that was quicker; reading again finds what it wrote.
      if (error.reason !== 'Conflict' && error.reason !== 'AlreadyExists') this.#ports.log.warn('certificates of the webhooks could not be looked after', { cause: error.message });
    }
    // Rounds that were asked for at once each end here; one timer is enough.
    this.#timer?.cancel();
    if (!this.#stopped) this.#timer = this.#ports.clock.setTimer(waitMs, () => this.#look());
  }

  /** Gives how long to wait before the next look, in milliseconds. */
  async #keep(): Promise<number> {
    const { clock, issuer, log } = this.#ports;
    const [authoritySecret, servingSecret] = await Promise.all([this.#secret(AUTHORITY_SECRET), this.#secret(SERVING_SECRET)]);
    const stored = storedCertificates(authoritySecret, servingSecret);
    const decision = decideCertificates(issuer, clock.now(), stored, this.#names);
    if (decision.kind === 'keep') {
      this.#tell({ ...stored.serving!, bundle: stored.bundle! });
      return Math.max(RETRY_MS, Math.min(LOOK_AGAIN_AT_MOST_MS, decision.untilMs - clock.now()));
    }
    log.info('certificates of the webhooks are issued', { what: decision.kind, because: decision.because });
    let { authority, bundle } = stored;
    if (decision.kind === 'issueAll' || authority === undefined || bundle === undefined) {
      authority = await issuer.authority('vfleet-webhook-ca', certificateTimes.authorityMs);
      bundle = withAuthority(bundle, authority.certificate);
      await this.#put(AUTHORITY_SECRET, authoritySecret, 'Opaque', { 'ca.crt': bundle, 'tls.crt': authority.certificate, 'tls.key': authority.key });
    }
    const serving = await issuer.serving(authority, this.#names, certificateTimes.servingMs);
    await this.#put(SERVING_SECRET, servingSecret, 'kubernetes.io/tls', { 'ca.crt': bundle, 'tls.crt': serving.certificate, 'tls.key': serving.key });
    this.#tell({ ...serving, bundle });
    return LOOK_AGAIN_AT_MOST_MS;
  }

  #tell(identity: WebhookIdentity): void {
    const text = identity.certificate + identity.bundle;
    if (this.#stopped || this.#current === text) return;
    this.#current = text;
    this.#changed(identity);
  }

  async #secret(name: string): Promise<Secret | undefined> {
    try {
      return await this.#ports.kube.get(secrets, { namespace: this.#namespace, name });
    } catch (error) {
      if (isKubeError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  async #put(name: string, before: Secret | undefined, type: string, texts: Readonly<Record<string, string>>): Promise<void> {
    const data = Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, Buffer.from(text, 'utf8').toString('base64')]));
    const { kube } = this.#ports;
    if (before === undefined) await kube.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: this.#namespace }, type, data });
    else await kube.update(secrets, { ...before, data });
  }
}

function storedCertificates(authority: Secret | undefined, serving: Secret | undefined): StoredCertificates {
  const pair = (secret: Secret | undefined): KeyAndCertificate | undefined => {
    const [key, certificate] = [decoded(secret, 'tls.key'), decoded(secret, 'tls.crt')];
    return key === undefined || certificate === undefined ? undefined : { key, certificate };
  };
  const [authorityPair, servingPair, bundle] = [pair(authority), pair(serving), decoded(authority, 'ca.crt')];
  return {
    ...(authorityPair === undefined ? {} : { authority: authorityPair }), ...(servingPair === undefined ? {} : { serving: servingPair }),
    ...(bundle === undefined ? {} : { bundle }),
  };
}

function decoded(secret: Secret | undefined, key: string): string | undefined {
  const data = secret?.data;
  return data !== undefined && Object.hasOwn(data, key) ? Buffer.from(data[key]!, 'base64').toString('utf8') : undefined;
}
