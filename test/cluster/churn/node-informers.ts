/**
 * Runs informers of @kubernetes/client-node, in a process of its own, as `clientgo/main.go` does those of client-go: arguments are
 * the kubeconfig and the informers, records go to the output, and it ends with its input.
 */
import { createInterface } from 'node:readline';
import { CoreV1Api, CustomObjectsApi, KubeConfig, ListWatch, Watch } from '@kubernetes/client-node';
import type { KubernetesListObject, KubernetesObject } from '@kubernetes/client-node';
import { churnedGroup, pathOf, shownSelector } from './records.ts';
import type { InformerRecord, InformerSpec, Seen } from './records.ts';

type Payload<Kind> = Kind extends unknown ? Omit<Kind, 'informer'> : never;

const restartMs = 500;

function main(kubeconfigPath: string, specs: readonly InformerSpec[]): void {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfigPath);
  const informers = specs.map((spec) => ({ spec, informer: start(config, spec) }));
  createInterface({ input: process.stdin })
    .on('line', () => {
      for (const { spec, informer } of informers) say(spec, { what: 'state', objects: informer.list().map(seen) });
    })
    .on('close', () => process.exit());
}

function say(spec: InformerSpec, record: Payload<InformerRecord>): void {
  process.stdout.write(`${JSON.stringify({ informer: spec.name, ...record })}\n`);
}

function seen(object: KubernetesObject & { readonly data?: Record<string, string>; readonly spec?: { readonly n?: string } }): Seen {
  const { namespace, name, uid, resourceVersion } = object.metadata ?? {};
  return [`${namespace}/${name}`, uid ?? '', resourceVersion ?? '', object.data?.['n'] ?? object.spec?.n ?? ''];
}

function start(config: KubeConfig, spec: InformerSpec): ListWatch<KubernetesObject> {
  const informer = new ListWatch<KubernetesObject>(pathOf(spec.resource, spec.namespace), new ToldWatch(config, spec), async () => {
    const list = await listOf(config, spec);
    say(spec, { what: 'list', version: list.metadata?.resourceVersion ?? '', objects: list.items.map(seen) });
    return list;
  }, false, spec.onlyShown ? shownSelector : undefined);
  informer.on('add', (object) => say(spec, { what: 'told', type: 'add', object: seen(object) }));
  informer.on('update', (object) => say(spec, { what: 'told', type: 'update', object: seen(object) }));
  informer.on('delete', (object) => say(spec, { what: 'told', type: 'delete', object: seen(object) }));
  // The library leaves it to its user to go on after an error.
  informer.on('error', (error: { readonly code?: number; readonly statusCode?: number; readonly message?: string }) => {
    say(spec, { what: 'error', code: Number(error.statusCode ?? error.code) || 0, text: String(error.message) });
    setTimeout(() => void informer.start(), restartMs);
  });
  void informer.start();
  return informer;
}

function listOf(config: KubeConfig, { resource, namespace, onlyShown }: InformerSpec): Promise<KubernetesListObject<KubernetesObject>> {
  const selected = onlyShown ? { labelSelector: shownSelector } : {};
  if (resource === 'configmaps') {
    const core = config.makeApiClient(CoreV1Api);
    return namespace === '' ? core.listConfigMapForAllNamespaces(selected) : core.listNamespacedConfigMap({ namespace, ...selected });
  }
  const custom = config.makeApiClient(CustomObjectsApi);
  const group = { group: churnedGroup, version: 'v1', plural: resource, ...selected };
  return namespace === '' ? custom.listCustomObjectForAllNamespaces({ group: churnedGroup, version: 'v1', resourcePlural: resource, ...selected }) : custom.listNamespacedCustomObject({ ...group, namespace });
}

/** A watch that says what passes through it. */
class ToldWatch extends Watch {
  readonly #spec: InformerSpec;

  constructor(config: KubeConfig, spec: InformerSpec) {
    super(config);
    this.#spec = spec;
  }

  override watch(...[path, query, callback, done]: Parameters<Watch['watch']>): ReturnType<Watch['watch']> {
    const { minSeconds, maxSeconds } = this.#spec;
    const timeout = maxSeconds === 0 ? {} : { timeoutSeconds: minSeconds + Math.floor(Math.random() * (maxSeconds - minSeconds + 1)) };
    const version = query?.['resourceVersion'];
    say(this.#spec, { what: 'watch', ...(typeof version === 'string' ? { version } : {}) });
    return super.watch(path, { ...query, ...timeout, allowWatchBookmarks: true }, (type, object: KubernetesObject & { readonly code?: number; readonly message?: string }, whole) => {
      if (type === 'ERROR') say(this.#spec, { what: 'error', code: object.code ?? 0, text: object.message ?? '' });
      else if (type === 'BOOKMARK') say(this.#spec, { what: 'bookmark', version: object.metadata?.resourceVersion ?? '' });
      else say(this.#spec, { what: 'event', type: type as 'ADDED', object: seen(object) });
      callback(type, object, whole);
    }, done);
  }
}

main(process.argv[2] ?? '', JSON.parse(process.argv[3] ?? '[]') as readonly InformerSpec[]);
