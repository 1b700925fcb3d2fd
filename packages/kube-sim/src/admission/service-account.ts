import type { Random } from '@vfleet/core';
import { forbiddenError } from '../errors/status.ts';
import type { Store } from '../store/store.ts';
import { arrayAt, isObject, stringAt, withFields } from '../values/json.ts';
import type { ApiObject, JsonObject } from '../values/json.ts';
import type { AdmissionPlugin } from './admission.ts';
import { createdPod } from './pod-creation.ts';

const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const VOLUME_PREFIX = 'kube-api-access-';
const TOKEN_SECONDS = 3607;

/** The API server's ServiceAccount: every pod runs as an account of its namespace, which must exist, and mounts its token. */
export function serviceAccount(store: Store, random: Random): AdmissionPlugin {
  return {
    name: 'ServiceAccount',
    admit(request) {
      const created = createdPod(request);
      if (created === undefined) return undefined;
      const { pod, spec } = created;
      // The image of a pod that a kubelet runs by itself.
      if (pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) return undefined;
      const name = stringAt(spec, 'serviceAccountName') || 'default';
      const account = store.collection('serviceaccounts').get(`${request.namespace}/${name}`);
      if (account === undefined) {
        throw forbiddenError(request.resource, pod.metadata.name ?? '', `error looking up service account ${request.namespace}/${name}: serviceaccount "${name}" not found`);
      }
      const named = withFields(spec, { serviceAccountName: name, serviceAccount: name });
      const mounted = mounts(account, spec) ? withToken(named, random) : named;
      return withFields(pod, { spec: withPullSecrets(mounted, account) });
    },
  };
}

function mounts(account: ApiObject, spec: JsonObject): boolean {
  const wanted = spec['automountServiceAccountToken'] ?? account['automountServiceAccountToken'];
  return wanted !== false;
}

function withPullSecrets(spec: JsonObject, account: ApiObject): JsonObject {
  const secrets = arrayAt(account, 'imagePullSecrets');
  return arrayAt(spec, 'imagePullSecrets').length > 0 || secrets.length === 0 ? spec : withFields(spec, { imagePullSecrets: secrets });
}

function withToken(spec: JsonObject, random: Random): JsonObject {
  const volumes = arrayAt(spec, 'volumes');
  const existing = volumes.map((volume) => stringAt(volume, 'name')).find((name) => name.startsWith(VOLUME_PREFIX));
  const name = existing ?? `${VOLUME_PREFIX}${random.suffix(5)}`;
  let isMounted = false;
  const mount = Object.freeze({ name, readOnly: true, mountPath: MOUNT_PATH });
  const container = (given: unknown) => {
    if (!isObject(given) || arrayAt(given, 'volumeMounts').some((other) => stringAt(other, 'mountPath') === MOUNT_PATH)) return given;
    isMounted = true;
    return withFields(given, { volumeMounts: Object.freeze([...arrayAt(given, 'volumeMounts'), mount]) });
  };
  const lists = ['containers', 'initContainers'].filter((key) => spec[key] !== undefined).map((key) => [key, Object.freeze(arrayAt(spec, key).map(container))] as const);
  const withMounts = withFields(spec, Object.fromEntries(lists));
  return isMounted && existing === undefined ? withFields(withMounts, { volumes: Object.freeze([...volumes, Object.freeze({ name, projected: PROJECTED })]) }) : withMounts;
}

/** Token, certificate authority and namespace: the same for every pod, so one frozen value serves them all. */
const PROJECTED = Object.freeze({
  defaultMode: 0o644,
  sources: Object.freeze([
    Object.freeze({ serviceAccountToken: Object.freeze({ expirationSeconds: TOKEN_SECONDS, path: 'token' }) }),
    Object.freeze({ configMap: Object.freeze({ name: 'kube-root-ca.crt', items: Object.freeze([Object.freeze({ key: 'ca.crt', path: 'ca.crt' })]) }) }),
    Object.freeze({ downwardAPI: Object.freeze({ items: Object.freeze([Object.freeze({ path: 'namespace', fieldRef: Object.freeze({ apiVersion: 'v1', fieldPath: 'metadata.namespace' }) })]) }) }),
  ]),
});
