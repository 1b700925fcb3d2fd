import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { RawConnection } from './raw-https.ts';

export const NETWORKS = 200;
const OFFERED_PER_SECOND = 2_000;
const OFFERED = 10_000;
/** What an API server's client would open for that many reviews at once. */
const CONNECTIONS = 64;
const FULL_CONNECTIONS = 16;
const FULL = 10_000;

export const networkName = (index: number): string => `network-${index}`;

/** An injector that runs, and where. */
export class Injector implements AsyncDisposable {
  readonly name: string;
  readonly path: string;
  readonly #pid: number;
  readonly #access: { readonly url: string; readonly certificateAuthority: string; readonly token: string };
  readonly #stop: () => Promise<void>;

  constructor(name: string, pid: number, access: { readonly url: string; readonly certificateAuthority: string }, stop: () => Promise<void>) {
    this.name = name;
    this.#pid = pid;
    this.path = new URL(access.url).pathname;
    this.#access = { ...access, token: 'none' };
    this.#stop = stop;
  }

  connect(): Promise<RawConnection> {
    return RawConnection.open(this.#access);
  }

  /** Whether pods get what their networks ask for. */
  async answersRightly(): Promise<boolean> {
    const connection = await this.connect();
    try {
      for (const index of [0, 1, NETWORKS - 1]) {
        const { status, body } = await connection.send('POST', this.path, review(index));
        const text = body();
        const { response } = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)) as { readonly response?: { readonly allowed: boolean; readonly patch?: string } };
        if (status !== 200 || response?.allowed !== true) return false;
        const patch = JSON.parse(Buffer.from(response.patch ?? '', 'base64').toString('utf8')) as readonly { readonly path: string; readonly value: unknown }[];
        const wanted = [...new Set(networksOf(index).map((network) => network % 20))].map((resource) => `/spec/containers/0/resources/limits/openshift.io~1resource_${resource}`);
        if (!wanted.every((path) => patch.some((operation) => operation.path === path))) return false;
      }
      return true;
    } finally {
      connection.close();
    }
  }

  /** User and system time, of all threads, seconds (proc_pid_stat(5), in ticks of 10 ms). */
  cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.#pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  peakMegabytes(): number {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.#pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stop();
  }
}

export interface Offered {
  readonly offeredPerSecond: number;
  readonly answeredPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly worstMs: number;
}

/** Sends reviews by the clock, however slowly they are answered, and counts from when each was due: what waits for a connection waits too. */
export async function offer(injector: Injector): Promise<Offered> {
  const idle = await Promise.all(Array.from({ length: CONNECTIONS }, () => injector.connect()));
  const all = [...idle];
  const waiting: number[] = [];
  const tookMs: number[] = [];
  const finished = Promise.withResolvers<void>();
  const take = (connection: RawConnection): void => {
    const index = waiting.shift();
    if (index === undefined) {
      idle.push(connection);
      return;
    }
    connection.send('POST', injector.path, review(index)).then(({ status }) => {
      if (status !== 200) throw new Error(`${injector.name} answered ${status}`);
      tookMs.push(performance.now() - startedMs - (index * 1000) / OFFERED_PER_SECOND);
      if (tookMs.length === OFFERED) finished.resolve();
      take(connection);
    }).catch(finished.reject);
  };
  const startedMs = performance.now();
  for (let sent = 0; sent < OFFERED; ) {
    const due = Math.min(OFFERED, Math.floor(((performance.now() - startedMs) * OFFERED_PER_SECOND) / 1000));
    while (sent < due) {
      waiting.push(sent++);
      // In turn: servers close what is idle for seconds.
      const free = idle.shift();
      if (free !== undefined) take(free);
    }
    await sleep(1);
  }
  const offeredMs = performance.now() - startedMs;
  await finished.promise;
  const answeredMs = performance.now() - startedMs;
  for (const connection of all) connection.close();
  const sorted = tookMs.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
  return { offeredPerSecond: OFFERED / (offeredMs / 1000), answeredPerSecond: OFFERED / (answeredMs / 1000), p50Ms: at(0.5), p99Ms: at(0.99), worstMs: at(1) };
}

/** Every connection asks again as soon as it is answered. */
export async function saturate(injector: Injector): Promise<{ readonly perSecond: number; readonly cpuMicroseconds: number }> {
  const connections = await Promise.all(Array.from({ length: FULL_CONNECTIONS }, () => injector.connect()));
  let sent = 0;
  const [cpuBefore, startedMs] = [injector.cpuSeconds(), performance.now()];
  await Promise.all(connections.map(async (connection) => {
    while (sent < FULL) await connection.send('POST', injector.path, review(sent++));
  }));
  const seconds = (performance.now() - startedMs) / 1000;
  const cpuMicroseconds = ((injector.cpuSeconds() - cpuBefore) * 1e6) / FULL;
  for (const connection of connections) connection.close();
  return { perSecond: FULL / seconds, cpuMicroseconds };
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function networksOf(index: number): readonly [number, number] {
  return [index % NETWORKS, (index * 7 + 3) % NETWORKS];
}

/** What a kube-apiserver 1.34 sends for a pod of a ReplicaSet: service account, default tolerations and managed fields are in place by then. */
function review(index: number): string {
  const [first, second] = networksOf(index);
  return REVIEW.replace('@networks@', `${networkName(first)}, ${networkName(second)}`).replace('@uid@', `3f1a2b4c-0000-4000-8000-${String(index).padStart(12, '0')}`);
}

const token = { name: 'kube-api-access-x7v2p', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true };
const container = (name: string) => ({
  name, image: `registry.example.com/${name}:1.2.3`, command: ['/app', '--listen=:8080'], ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
  env: [{ name: 'POD_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } }, { name: 'LOG_LEVEL', value: 'info' }],
  resources: { limits: { cpu: '2', memory: '1Gi' }, requests: { cpu: '2', memory: '1Gi' } }, volumeMounts: [token], readinessProbe: { httpGet: { path: '/ready', port: 8080, scheme: 'HTTP' }, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 },
  terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File', imagePullPolicy: 'IfNotPresent',
});
const fields = (names: readonly string[]): object => Object.fromEntries(names.map((name) => [`f:${name}`, {}]));
const REVIEW = JSON.stringify({
  kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1',
  request: {
    uid: '@uid@', kind: { group: '', version: 'v1', kind: 'Pod' }, resource: { group: '', version: 'v1', resource: 'pods' }, requestKind: { group: '', version: 'v1', kind: 'Pod' }, requestResource: { group: '', version: 'v1', resource: 'pods' },
    namespace: 'default', operation: 'CREATE', userInfo: { username: 'system:serviceaccount:kube-system:replicaset-controller', uid: 'a6b7', groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'] },
    object: {
      kind: 'Pod', apiVersion: 'v1',
      metadata: {
        generateName: 'app-5d8f7c6b9-', namespace: 'default', creationTimestamp: null, labels: { 'app': 'app', 'pod-template-hash': '5d8f7c6b9' }, annotations: { 'k8s.v1.cni.cncf.io/networks': '@networks@', 'kubectl.kubernetes.io/restartedAt': '2026-11-01T00:00:00Z' },
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'app-5d8f7c6b9', uid: 'c0ffee00-0000-4000-8000-000000000000', controller: true, blockOwnerDeletion: true }],
        managedFields: [{ manager: 'kube-controller-manager', operation: 'Update', apiVersion: 'v1', time: '2026-11-01T00:00:00Z', fieldsType: 'FieldsV1', fieldsV1: { 'f:metadata': fields(['annotations', 'generateName', 'labels', 'ownerReferences']), 'f:spec': { ...fields(['affinity', 'dnsPolicy', 'enableServiceLinks', 'restartPolicy', 'schedulerName', 'securityContext', 'terminationGracePeriodSeconds']), 'f:containers': { 'k:{"name":"app"}': fields(['command', 'env', 'image', 'imagePullPolicy', 'name', 'ports', 'readinessProbe', 'resources', 'terminationMessagePath', 'terminationMessagePolicy']), 'k:{"name":"sidecar"}': fields(['command', 'env', 'image', 'imagePullPolicy', 'name', 'ports', 'resources']) } } } }],
      },
      spec: {
        volumes: [{ name: token.name, projected: { sources: [{ serviceAccountToken: { expirationSeconds: 3607, path: 'token' } }, { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } }, { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } }], defaultMode: 420 } }],
        containers: [container('app'), container('sidecar')], restartPolicy: 'Always', terminationGracePeriodSeconds: 30, dnsPolicy: 'ClusterFirst', serviceAccountName: 'default', serviceAccount: 'default', securityContext: {}, schedulerName: 'default-scheduler',
        tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }, { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }], priority: 0, enableServiceLinks: true, preemptionPolicy: 'PreemptLowerPriority',
      },
      status: {},
    },
    oldObject: null, dryRun: false, options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
  },
});
