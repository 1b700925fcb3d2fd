import { DEFAULT_OPERATOR_NAMESPACE, DEFAULT_RESOURCE_PREFIX, isKubeError } from '@vfleet/core';
import type { AdmissionPorts } from './cluster-facts.ts';
import { ClusterFacts } from './cluster-facts.ts';
import { mutateCustomResource, validateCustomResource } from './custom-resources.ts';
import type { AttachmentAnnotations } from './injector/injection.ts';
import { injectResources, networkDemand } from './injector/injection.ts';
import type { AdmissionAnswer, AdmissionRequest } from './review.ts';
import { allow, deny, readAdmissionReview, writeAdmissionReview } from './review.ts';

/** Where API servers send their requests: the paths of the Go operator and of its injector. */
export const admissionPaths = { mutate: '/mutating-custom-resource', validate: '/validating-custom-resource', inject: '/mutate' } as const;

export interface AdmissionSettings {
  /** Where policies, pools and the configuration live. */
  readonly namespace?: string;
  /** Prefix of the resources that VFs are advertised as. */
  readonly resourcePrefix?: string;
  /** Where Multus looks up default networks that name no namespace. Default `kube-system`. */
  readonly multusNamespace?: string;
  /** NICs that are not on the list of supported ones are warned of instead of refused. */
  readonly devMode?: boolean;
}

/** What an API server gets, over HTTP or in process. */
export interface AdmissionReply {
  /** 200 with an AdmissionReview; 400, 404 and 503 with a sentence. */
  readonly status: 200 | 400 | 404 | 503;
  readonly body: string;
  /** Of a review: whether the request was allowed. */
  readonly allowed?: boolean;
}

/** The admission webhooks of the operator: defaults and rules of our own kinds, and the network resources injector. */
export interface Admission {
  /** Begins to follow the cluster. */
  start(): void;
  stop(): void;
  /** Requests are answered; until then they get 503, and the webhook's failure policy decides. */
  readonly isReady: boolean;
  /** `path` as in {@link admissionPaths}. Never rejects. */
  answer(path: string, body: string): Promise<AdmissionReply>;
}

export function createAdmission(ports: AdmissionPorts, settings: AdmissionSettings = {}): Admission {
  return new ClusterAdmission({ ...ports, log: ports.log.with({ component: 'admission' }) }, settings);
}

class ClusterAdmission implements Admission {
  readonly #ports: AdmissionPorts;
  readonly #facts: ClusterFacts;
  readonly #multusNamespace: string;

  constructor(ports: AdmissionPorts, { namespace = DEFAULT_OPERATOR_NAMESPACE, resourcePrefix = DEFAULT_RESOURCE_PREFIX, multusNamespace = 'kube-system', devMode = false }: AdmissionSettings) {
    this.#ports = ports;
    this.#facts = new ClusterFacts(ports, namespace, resourcePrefix, devMode);
    this.#multusNamespace = multusNamespace;
  }

  start(): void {
    this.#facts.start();
  }

  stop(): void {
    this.#facts.stop();
  }

  get isReady(): boolean {
    return this.#facts.isReady;
  }

  async answer(path: string, body: string): Promise<AdmissionReply> {
    const decide = this.#decisionAt(path);
    if (decide === undefined) return { status: 404, body: `there is no webhook at ${path}` };
    const request = readAdmissionReview(body);
    if (!request.ok) return { status: 400, body: request.error };
    if (!this.isReady) return { status: 503, body: 'the cluster is being listed; try again in a moment' };
    try {
      const decision = await decide(request.value);
      return { status: 200, body: writeAdmissionReview(request.value.uid, decision), allowed: decision.allowed };
    } catch (error) {
      if (!isKubeError(error)) throw error;
      this.#ports.log.warn('a request for admission could not be answered', { path, cause: error.message });
      return { status: 503, body: `the API server did not answer: ${error.message}` };
    }
  }

  #decisionAt(path: string): ((request: AdmissionRequest) => AdmissionAnswer | Promise<AdmissionAnswer>) | undefined {
    switch (path) {
      case admissionPaths.mutate: return mutateCustomResource;
      case admissionPaths.validate: return (request) => validateCustomResource(request, this.#facts);
      case admissionPaths.inject: return (request) => this.#inject(request);
      default: return undefined;
    }
  }

  async #inject({ group, kind, operation, namespace, object }: AdmissionRequest): Promise<AdmissionAnswer> {
    if (group !== '' || kind !== 'Pod' || operation !== 'CREATE' || object === undefined) return allow();
    const switches = this.#facts.switches();
    const pod = { namespace, object };
    const demand = networkDemand(pod, switches, this.#multusNamespace);
    if (!demand.ok) return deny(422, demand.error);
    const attachments = new Map<string, AttachmentAnnotations>();
    for (const { namespace: where, name } of demand.value.selections) {
      const key = `${where}/${name}`;
      if (!attachments.has(key)) attachments.set(key, await this.#facts.attachment(where, name));
    }
    const injection = injectResources(pod, demand.value, attachments, switches);
    return injection.ok ? allow(injection.value.patch, injection.value.warnings) : deny(422, injection.error);
  }
}
