/** A small controller of one's own: a Deployment with the annotation gets a Service of the same name on that port. */
import type { Clock, Kube, Log, Random } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import type { Deployment } from '@vfleet/kube';
import { Controller, Informer, deployments, objectKeyText, ownerReferenceTo, services } from '@vfleet/kube';

export const PORT_ANNOTATION = 'example.com/expose-port';

export interface Ports {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Runs until it is stopped. It takes its ports as arguments, so that a test can hand it a cluster and a clock of its own. */
export function exposeDeployments(ports: Ports): { stop(): Promise<void> } {
  const informer = new Informer(ports, deployments);
  const controller = new Controller(ports, {
    name: 'expose-deployments',
    async reconcile(key) {
      const deployment = informer.get(key);
      const port = Number(deployment?.metadata.annotations?.[PORT_ANNOTATION]);
      if (deployment === undefined || !Number.isInteger(port) || port < 1 || port > 65_535) return;
      await expose(ports.kube, deployment, port);
    },
  });
  const reconcile = (deployment: Deployment) => controller.queue.add(objectKeyText(deployment));
  informer.subscribe({ added: reconcile, updated: (_, deployment) => reconcile(deployment) });
  informer.start();
  controller.start();
  return {
    stop: async () => {
      informer.stop();
      await controller.stop();
    },
  };
}

async function expose(kube: Kube, deployment: Deployment, port: number): Promise<void> {
  const { namespace = 'default', name } = deployment.metadata;
  const wanted = { selector: deployment.spec?.selector.matchLabels ?? {}, ports: [{ port }] };
  try {
    const { spec } = await kube.get(services, { namespace, name });
    if (spec?.ports?.[0]?.port !== port) await kube.patch(services, { namespace, name }, { type: 'merge', patch: { spec: { ports: wanted.ports } } });
  } catch (error) {
    if (!isKubeError(error, 'NotFound')) throw error;
    // The owner lets the garbage collector take the Service with the Deployment.
    const metadata = { namespace, name, ownerReferences: [ownerReferenceTo(deployment, { controller: true })] };
    await kube.create(services, { apiVersion: 'v1', kind: 'Service', metadata, spec: wanted });
  }
}
