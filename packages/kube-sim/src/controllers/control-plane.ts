import type { Clock, Kube, KubeObject, Log, Random, Resource } from '@vfleet/core';
import type { Node, Pod } from '@vfleet/kube';
import { controllerOf, daemonSets, deployments, Informer, jobs, leases, namespaces, nodes, podDisruptionBudgets, pods, replicaSets } from '@vfleet/kube';
import type { EventRecorder } from '@vfleet/kube';
import { Scheduler } from '../scheduler/scheduler.ts';
import type { ResourceCatalog } from './catalog.ts';
import { DisruptionController } from './disruption.ts';
import { GarbageCollector } from './garbage-collection/garbage-collector.ts';
import { NamespaceController } from './namespaces.ts';
import { NodeLifecycleController } from './node-lifecycle.ts';
import { PodGarbageController } from './pod-garbage.ts';
import { TaintEvictionController } from './taint-eviction.ts';
import { DaemonSetController } from './workloads/daemon-sets.ts';
import { DeploymentController } from './workloads/deployments.ts';
import { JobController } from './workloads/jobs.ts';
import { ReplicaSetController } from './workloads/replica-sets.ts';

export interface ControlPlaneOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly catalog: ResourceCatalog;
  readonly recorder: (component: string) => EventRecorder;
  /** Told of what a controller throws that is no KubeError; by default it is logged and tried again. */
  readonly onBug?: (error: unknown, key: string) => void;
}

interface Loop {
  start(): void;
  stop(): void | Promise<void>;
}

const CRDS: Resource = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions', kind: 'CustomResourceDefinition', namespaced: false };

/** Scheduler and controllers on shared informers: what kube-scheduler and kube-controller-manager do, as far as this cluster needs it. */
export class ControlPlane {
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly #informers: Loop[] = [];
  readonly #loops: readonly Loop[];

  constructor(options: ControlPlaneOptions) {
    const { recorder } = options;
    const follow = <Type extends KubeObject>(resource: Resource<Type>, more: ConstructorParameters<typeof Informer<Type>>[2] = {}) => {
      const informer = new Informer(options, resource, more);
      this.#informers.push(informer);
      return informer;
    };
    const namespaceIndex = { namespace: ({ metadata }: KubeObject) => [metadata.namespace ?? ''] };
    const controllerIndex = { controller: (object: KubeObject) => { const owner = controllerOf(object); return owner === undefined ? [] : [owner.uid]; } };
    this.pods = follow(pods, { indexers: {
      ...namespaceIndex, ...controllerIndex,
      node: ({ spec }) => (spec?.nodeName === undefined || spec.nodeName === '' ? [] : [spec.nodeName]),
    } });
    this.nodes = follow(nodes);
    const leaseInformer = follow(leases, { namespace: 'kube-node-lease' });
    const namespaceInformer = follow(namespaces);
    const budgets = follow(podDisruptionBudgets, { indexers: namespaceIndex });
    const deploymentInformer = follow(deployments);
    const replicaSetInformer = follow(replicaSets, { indexers: { ...namespaceIndex, ...controllerIndex } });
    const daemonSetInformer = follow(daemonSets);
    const jobInformer = follow(jobs);
    const common = { ...options, pods: this.pods, nodes: this.nodes };
    const garbageCollector = new GarbageCollector(options);
    this.#loops = [
      new Scheduler({ ...common, recorder: recorder('default-scheduler') }),
      garbageCollector,
      new NamespaceController({ ...options, namespaces: namespaceInformer }),
      new DisruptionController({ ...common, recorder: recorder('controllermanager'), budgets, deployments: deploymentInformer, replicaSets: replicaSetInformer }),
      new PodGarbageController(common),
      new NodeLifecycleController({ ...common, recorder: recorder('node-controller'), leases: leaseInformer }),
      new TaintEvictionController({ ...common, recorder: recorder('taint-eviction-controller') }),
      new ReplicaSetController({ ...common, recorder: recorder('replicaset-controller'), replicaSets: replicaSetInformer }),
      new DeploymentController({ ...options, recorder: recorder('deployment-controller'), deployments: deploymentInformer, replicaSets: replicaSetInformer }),
      new DaemonSetController({ ...common, recorder: recorder('daemonset-controller'), daemonSets: daemonSetInformer }),
      new JobController({ ...common, recorder: recorder('job-controller'), jobs: jobInformer }),
    ];
    const crds = follow(CRDS);
    const resourcesChanged = () => garbageCollector.resourcesChanged();
    crds.subscribe({ added: resourcesChanged, updated: resourcesChanged, deleted: resourcesChanged });
  }

  /** Begins to follow and to act. */
  start(): void {
    for (const loop of this.#loops) loop.start();
    for (const informer of this.#informers) informer.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.stop()));
    for (const informer of this.#informers) informer.stop();
  }
}
