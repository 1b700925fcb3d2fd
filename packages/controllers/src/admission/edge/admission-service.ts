import { X509Certificate } from 'node:crypto';
import { DEFAULT_OPERATOR_NAMESPACE, webhookNames } from '@vfleet/core';
import { x509Issuer } from '@vfleet/kube/certificates/edge/x509-issuer.ts';
import { createAdmission } from '../admission.ts';
import type { AdmissionSettings } from '../admission.ts';
import { CertificateKeeper } from '../certificates/keeper.ts';
import type { WebhookIdentity } from '../certificates/keeper.ts';
import type { AdmissionPorts } from '../cluster-facts.ts';
import { WebhookInstaller, removeWebhooks } from '../webhook-installer.ts';
import { serveWebhooks } from './webhook-server.ts';
import type { WebhookServer, WebhookServerOptions } from './webhook-server.ts';

export interface AdmissionServiceSettings extends AdmissionSettings, WebhookServerOptions {
  /**
   * `service`: it runs in the cluster, behind the Services of the operator. `url`: it runs beside the API server, which reaches it at this
   * address of the loopback interface and the port that it listens on.
   */
  readonly reachedBy: { readonly kind: 'service' } | { readonly kind: 'url'; readonly address: string };
}

/** Admission as a service: certificates, the server, and the webhook configurations that send API servers to it. */
export interface AdmissionService {
  readonly port: number;
  /** What is served now. */
  readonly identity: WebhookIdentity;
  /** API servers are sent here, and requests are answered. */
  readonly isReady: boolean;
  /** When the certificates in use end, epoch milliseconds; of the authorities, the newest one that is trusted. */
  readonly expiry: { readonly serving: number; readonly authority: number };
  /** Takes the webhook configurations away where nobody else answers for them: when it is reached by URL. */
  stop(): Promise<void>;
}

/** Resolves when it listens; the certificates are then stored and the configurations on their way. */
export async function serveAdmission(ports: AdmissionPorts, settings: AdmissionServiceSettings): Promise<AdmissionService> {
  const { namespace = DEFAULT_OPERATOR_NAMESPACE, reachedBy } = settings;
  const log = ports.log.with({ component: 'admission' });
  const admission = createAdmission(ports, settings);
  const running: { server?: WebhookServer; installer?: WebhookInstaller; identity?: WebhookIdentity } = {};
  const first = Promise.withResolvers<WebhookIdentity>();
  const keeper = new CertificateKeeper({ ...ports, log, issuer: x509Issuer(ports.clock) }, namespace, servingNames(reachedBy, namespace), (identity) => {
    running.identity = identity;
    running.server?.renew(identity);
    running.installer?.trust(identity.bundle);
    first.resolve(identity);
  });
  admission.start();
  keeper.start();
  try {
    running.server = await serveWebhooks(admission, await first.promise, log, settings);
  } catch (error) {
    keeper.stop();
    admission.stop();
    throw error;
  }
  const { server } = running;
  const installer = new WebhookInstaller({ ...ports, log }, namespace, reachedBy.kind === 'service' ? { kind: 'service', namespace } : { kind: 'url', base: `https://${reachedBy.address}:${server.port}` });
  running.installer = installer;
  // What was issued while the port was opened is not lost.
  server.renew(running.identity!);
  installer.trust(running.identity!.bundle);
  installer.start();
  return {
    port: server.port,
    get identity() {
      return running.identity!;
    },
    get isReady() {
      return admission.isReady && installer.isInstalled;
    },
    get expiry() {
      return { serving: endOf(running.identity!.certificate), authority: endOf(running.identity!.bundle) };
    },
    stop: async () => {
      keeper.stop();
      await installer.stop();
      if (reachedBy.kind === 'url') await removeWebhooks(ports.kube);
      admission.stop();
      await server.close();
    },
  };
}

function servingNames(reachedBy: AdmissionServiceSettings['reachedBy'], namespace: string): { readonly addresses: readonly string[]; readonly dnsNames: readonly string[] } {
  if (reachedBy.kind === 'url') return { addresses: [reachedBy.address], dnsNames: ['localhost'] };
  return { addresses: [], dnsNames: [webhookNames.operatorService, webhookNames.injectorService].flatMap((service) => [`${service}.${namespace}.svc`, `${service}.${namespace}.svc.cluster.local`]) };
}

/** Of the first certificate of a PEM text. */
function endOf(pem: string): number {
  return Date.parse(new X509Certificate(pem).validTo);
}
