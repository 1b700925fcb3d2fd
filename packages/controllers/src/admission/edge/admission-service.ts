import { X509Certificate } from 'node:crypto';
import { DEFAULT_OPERATOR_NAMESPACE } from '@vfleet/core';
import { x509Issuer } from '@vfleet/kube/certificates/edge/x509-issuer.ts';
import { createAdmission } from '../admission.ts';
import type { AdmissionSettings } from '../admission.ts';
import { CertificateKeeper } from '../certificates/keeper.ts';
import type { WebhookIdentity } from '../certificates/keeper.ts';
import type { ReachedBy } from '../certificates/serving-names.ts';
import { servingNames } from '../certificates/serving-names.ts';
import { ProvidedCertificates } from '../certificates/provided.ts';
import type { AdmissionPorts } from '../cluster-facts.ts';
import { tracedAdmission } from '../../tracing/traced.ts';
import type { Tracer } from '../../tracing/tracer.ts';
import { WebhookInstaller, removeWebhooks } from '../webhook-installer.ts';
import { serveWebhooks } from './webhook-server.ts';
import type { WebhookServer, WebhookServerOptions } from './webhook-server.ts';

export interface AdmissionServiceSettings extends AdmissionSettings, WebhookServerOptions {
  readonly reachedBy: ReachedBy;
  /** `own`, the default: issued and renewed here. `provided`: somebody else, as cert-manager does, keeps them in the Secret of the webhooks. */
  readonly certificates?: 'own' | 'provided';
  /** Ends the wait for the first certificates; {@link serveAdmission} then rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Where requests are told of in spans; absent: nowhere. */
  readonly tracer?: Tracer;
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
  /** From now on clients are to show a certificate of these (PEM). Only where `clientAuthority` was given. */
  trustClients(clientAuthority: string): void;
  /** Takes the webhook configurations away where nobody else answers for them: when it is reached by URL. By a service others do, as soon as requests go to them. */
  stop(): Promise<void>;
}

/** Resolves when it listens; the certificates are then stored and the configurations on their way. */
export async function serveAdmission(ports: AdmissionPorts, settings: AdmissionServiceSettings): Promise<AdmissionService> {
  const { namespace = DEFAULT_OPERATOR_NAMESPACE, reachedBy } = settings;
  const log = ports.log.with({ component: 'admission' });
  const { tracer } = settings;
  const admission = tracer === undefined ? createAdmission(ports, settings) : tracedAdmission(tracer, createAdmission(ports, settings));
  const running: { server?: WebhookServer; installer?: WebhookInstaller; identity?: WebhookIdentity } = {};
  const first = Promise.withResolvers<WebhookIdentity>();
  const Certificates = settings.certificates === 'provided' ? ProvidedCertificates : CertificateKeeper;
  const keeper = new Certificates({ ...ports, log, issuer: x509Issuer(ports.clock) }, namespace, servingNames(reachedBy, namespace), (identity) => {
    running.identity = identity;
    running.server?.renew(identity);
    running.installer?.trust(identity.bundle);
    first.resolve(identity);
  });
  const { signal } = settings;
  const abort = () => first.reject(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted === true) abort();
  admission.start();
  keeper.start();
  try {
    running.server = await serveWebhooks(admission, await first.promise, log, settings);
  } catch (error) {
    keeper.stop();
    admission.stop();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
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
    trustClients: (clientAuthority) => server.trustClients(clientAuthority),
    stop: async () => {
      keeper.stop();
      await installer.stop();
      if (reachedBy.kind === 'url') await removeWebhooks(ports.kube);
      else await server.drain();
      admission.stop();
      await server.close();
    },
  };
}

/** Of the first certificate of a PEM text. */
function endOf(pem: string): number {
  return Date.parse(new X509Certificate(pem).validTo);
}
