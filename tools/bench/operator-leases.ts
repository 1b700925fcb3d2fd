import { setTimeout as sleep } from 'node:timers/promises';
import type { Kube, Subscription } from '@vfleet/core';
import { LEASE_NAME } from '@vfleet/controllers';
import * as api from '@vfleet/kube';
import type { ApiClient } from '../../test/cluster/client.ts';

/** Who elects its leader by a Lease in every cluster, with the rights and the place in flow control that it has there. */
const OTHER = { user: 'system:kube-controller-manager', namespace: 'kube-system', name: 'kube-controller-manager' } as const;
const RENEW_EVERY_MS = 50;

/** Leases while the operator writes: its own, as it renews it, and that of the controller manager, renewed forty times as often as in a cluster. */
export class LeaseWatch implements AsyncDisposable {
  readonly #client: ApiClient;
  readonly #own: Subscription;
  readonly #renewals: number[] = [];
  readonly #ownAtMs: number[] = [];
  readonly #holders = new Set<string>();
  #failed = 0;
  #stopped = false;
  #renewing: Promise<void> | undefined;

  private constructor(kube: Kube, client: ApiClient, namespace: string, resourceVersion: string) {
    this.#client = client;
    this.#own = kube.watch(api.leases, { namespace, resourceVersion }, {
      event: (event) => {
        if (event.type === 'BOOKMARK' || event.object.metadata.name !== LEASE_NAME) return;
        this.#ownAtMs.push(performance.now());
        this.#holders.add(event.object.spec?.holderIdentity ?? '');
      },
      end: () => {},
    });
  }

  /** `namespace` is the operator's. */
  static async start(kube: Kube, client: ApiClient, namespace: string): Promise<LeaseWatch> {
    await kube.create(api.leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace: OTHER.namespace, name: OTHER.name }, spec: { holderIdentity: 'bench' } });
    const { resourceVersion } = await kube.list(api.leases, { namespace });
    const watch = new LeaseWatch(kube, client, namespace, resourceVersion);
    watch.#renewing = watch.#renew();
    return watch;
  }

  /** `refusals` is what flow control refused of anybody. Ends the renewals. */
  async tell(refusals: number): Promise<readonly string[]> {
    await this.#end();
    const gaps = this.#ownAtMs.map((atMs, index) => atMs - (this.#ownAtMs[index - 1] ?? atMs));
    const sorted = this.#renewals.toSorted((a, b) => a - b);
    return [
      `  leases meanwhile: ${sorted.length} renewals of ${OTHER.name}, p99 ${(sorted[Math.floor(sorted.length * 0.99)] ?? 0).toFixed(0)} ms, slowest ${(sorted.at(-1) ?? 0).toFixed(0)} ms, ${this.#failed} failed; the operator's own ${this.#ownAtMs.length} times, at most ${(Math.max(0, ...gaps) / 1000).toFixed(1)} s apart (it gives up after 10), ${this.#holders.size} holder; ${refusals} requests refused by flow control`,
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }

  async #end(): Promise<void> {
    this.#stopped = true;
    this.#own.stop();
    await this.#renewing;
  }

  /** By update, as client-go's elector does, and as its role allows. */
  async #renew(): Promise<void> {
    const path = `/apis/coordination.k8s.io/v1/namespaces/${OTHER.namespace}/leases/${OTHER.name}`;
    const headers = { 'content-type': 'application/json', 'impersonate-user': OTHER.user };
    let lease = JSON.parse((await this.#client.send({ method: 'GET', path, headers })).text) as api.Lease;
    while (!this.#stopped) {
      const startedMs = performance.now();
      const { status, text } = await this.#client.send({ method: 'PUT', path, headers, body: JSON.stringify({ ...lease, spec: { ...lease.spec, renewTime: new Date().toISOString().replace('Z', '000Z') } }) });
      if (status === 200) {
        this.#renewals.push(performance.now() - startedMs);
        lease = JSON.parse(text) as api.Lease;
      } else this.#failed++;
      await sleep(RENEW_EVERY_MS);
    }
  }
}
