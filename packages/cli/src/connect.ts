import { existsSync } from 'node:fs';
import type { Kube, KubeObject, ListOptions, Resource } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import { CliFailure } from './failure.ts';
import { kubeconfigPath } from './home.ts';
import type { CliContext } from './context.ts';

/** The cluster that a verb was pointed at. The client library is loaded here only: it costs a tenth of a second. */
export async function connect(context: CliContext, explicit: string | undefined): Promise<{ readonly kube: Kube; readonly path: string }> {
  const path = kubeconfigPath(explicit, context.environment);
  if (!existsSync(path)) throw new CliFailure(`there is no kubeconfig at ${path}`, 'Start a simulated cluster with `vfleet up`, or point --kubeconfig or $KUBECONFIG at a cluster.');
  const { kubeFromConfigFile } = await import('@vfleet/kube/adapters/kubeconfig.ts');
  return { kube: kubeFromConfigFile(path), path };
}

/** Every object of a resource, page by page; none where the API does not know the resource. */
export async function listAll<Type extends KubeObject>(kube: Kube, resource: Resource<Type>, options: ListOptions = {}): Promise<readonly Type[]> {
  const items: Type[] = [];
  let next: string | undefined;
  try {
    do {
      const page = await kube.list(resource, { ...options, limit: 500, ...(next === undefined ? {} : { continue: next }) });
      items.push(...page.items);
      next = page.continue;
    } while (next !== undefined && next !== '');
  } catch (error) {
    if (isKubeError(error, 'NotFound')) return [];
    if (isKubeError(error, 'Unreachable')) throw new CliFailure(`the cluster does not answer: ${error.message}`, 'Is it still running? `vfleet up` starts a simulated one.');
    if (isKubeError(error)) throw new CliFailure(`the cluster refused to list ${resource.plural}: ${error.message}`, 'Check the user and its roles in the kubeconfig.');
    throw error;
  }
  return items;
}
