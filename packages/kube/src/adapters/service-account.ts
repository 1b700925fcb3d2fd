/** The Kube port as the service account of a pod (Kubernetes docs, "Accessing the Kubernetes API from a Pod"). */
import { readFileSync } from 'node:fs';
import type * as https from 'node:https';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { AccessSource } from './access-source.ts';
import { Connection } from './connection.ts';
import { HttpKube } from './http-kube.ts';
import type { HttpKubeOptions } from './http-kube.ts';

/** Where the kubelet mounts the token and the certificate of the API server. */
const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';
/** The kubelet renews the token in its file long before it ends; client-go reads it once a minute too. */
const READ_EVERY_MS = 60_000;

type Environment = Readonly<Record<string, string | undefined>>;

/** A Kube over HTTP, with the service account of the pod that this runs in: `environment` is that of the process. */
export function kubeFromServiceAccount(environment: Environment, options: Partial<HttpKubeOptions> = {}): HttpKube {
  return new HttpKube(new Connection(new ServiceAccountAccess(environment, FOLDER)), options);
}

export class ServiceAccountAccess implements AccessSource {
  readonly server: string;
  readonly isStatic = false;
  readonly isProxied = false;
  readonly #folder: string;
  readonly #nowMs: () => number;
  #read: { readonly atMs: number; readonly token: string; readonly authority: Buffer } | undefined;

  /** `nowMs` counts monotonically. */
  constructor(environment: Environment, folder: string, nowMs: () => number = () => performance.now()) {
    const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = environment;
    this.server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
    this.#folder = folder;
    this.#nowMs = nowMs;
  }

  async apply(options: https.RequestOptions): Promise<void> {
    const now = this.#nowMs();
    if (this.#read === undefined || now - this.#read.atMs >= READ_EVERY_MS) {
      this.#read = { atMs: now, token: readFileSync(join(this.#folder, 'token'), 'utf8').trim(), authority: readFileSync(join(this.#folder, 'ca.crt')) };
    }
    options.headers = { Authorization: `Bearer ${this.#read.token}` };
    options.ca = this.#read.authority;
  }
}
