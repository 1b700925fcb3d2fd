import type { KeyAndCertificate, Secret, ServingNames } from '@vfleet/kube';
import { Informer, secrets } from '@vfleet/kube';
import { SERVING_SECRET } from './keeper.ts';
import type { KeeperPorts, WebhookIdentity } from './keeper.ts';

/**
 * Serves with what somebody else keeps in the Secret of the webhooks: cert-manager, which writes `tls.crt`, `tls.key` and `ca.crt`, or a person.
 * It issues nothing and writes nothing; a Secret that cannot be served with is logged, and what was served goes on.
 */
export class ProvidedCertificates {
  readonly #ports: KeeperPorts;
  readonly #names: ServingNames;
  readonly #changed: (identity: WebhookIdentity) => void;
  readonly #stored: Informer<Secret>;
  #current: string | undefined;

  /** `changed` is told of the first identity and of each that replaces it. */
  constructor(ports: KeeperPorts, namespace: string, names: ServingNames, changed: (identity: WebhookIdentity) => void) {
    this.#ports = ports;
    this.#names = names;
    this.#changed = changed;
    this.#stored = new Informer(ports, secrets, { namespace, fieldSelector: `metadata.name=${SERVING_SECRET}` });
    this.#stored.subscribe({ added: (secret) => this.#look(secret), updated: (_, secret) => this.#look(secret), deleted: () => this.#told('it was deleted; what was served goes on') });
  }

  start(): void {
    this.#stored.start();
    void this.#stored.synced.then(() => {
      if (this.#current === undefined && this.#stored.list().length === 0) this.#told('it is not there yet: the webhooks are served when it is');
    });
  }

  stop(): void {
    this.#stored.stop();
  }

  #look(secret: Secret): void {
    const identity = this.#read(secret);
    if (typeof identity === 'string') return this.#told(identity);
    const text = identity.key + identity.certificate + identity.bundle;
    if (text === this.#current) return;
    this.#current = text;
    this.#changed(identity);
  }

  /** A text says why it cannot be served with. */
  #read(secret: Secret): WebhookIdentity | string {
    const [key, certificate, bundle] = [decoded(secret, 'tls.key'), decoded(secret, 'tls.crt'), decoded(secret, 'ca.crt')];
    if (key === undefined || certificate === undefined) return 'it lacks tls.crt or tls.key';
    if (bundle === undefined) return 'it lacks ca.crt, which API servers are to trust; an Issuer of cert-manager that is a CA writes it';
    const pair: KeyAndCertificate = { key, certificate };
    const { issuer, clock } = this.#ports;
    const facts = issuer.read(pair);
    if (facts?.isPair !== true) return 'tls.key is not the key of tls.crt, or one of them is no PEM';
    if (facts.notAfterMs <= clock.now()) return 'its certificate has ended';
    // Intermediate authorities stand behind the certificate.
    if (!issuer.isIssuedFor(certificate, `${certificate}\n${bundle}`, this.#names)) return `its certificate is not of ca.crt, or not for all of ${[...this.#names.dnsNames, ...this.#names.addresses].join(', ')}`;
    return { ...pair, bundle };
  }

  #told(problem: string): void {
    this.#ports.log.warn('the Secret with the certificates of the webhooks cannot be served with', { secret: SERVING_SECRET, problem });
  }
}

function decoded({ data }: Secret, key: string): string | undefined {
  const text = data !== undefined && Object.hasOwn(data, key) ? Buffer.from(data[key]!, 'base64').toString('utf8') : '';
  return text.trim() === '' ? undefined : text;
}
