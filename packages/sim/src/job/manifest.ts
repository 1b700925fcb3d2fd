import type { KubeObject } from '@vfleet/core';
import type { Job } from '@vfleet/kube';
import type { JobSearch } from './job-search.ts';
import { SEARCH_ANNOTATION } from './job-search.ts';

export interface JobOptions extends JobSearch {
  readonly name: string;
  readonly namespace: string;
  /** Has the program `vfleet` on its path. */
  readonly image: string;
  readonly parallelism: number;
  /** Processes in each pod; a pod asks for as many processors. */
  readonly workers: number;
  /** How often an index is tried again that ended without a result. */
  readonly retries: number;
  /** Text of a scenario that is not shipped; it travels in a ConfigMap. */
  readonly scenarioFile?: string;
}

/** The container, in which `vfleet sim search` runs. */
export const SEARCH_CONTAINER = 'search';
/** Memory that a worker process is given room for. */
const WORKER_MEMORY_MI = 512;
const SCENARIO_FOLDER = '/etc/vfleet/scenario';
const SCENARIO_KEY = 'scenario.yaml';
const TERMINATION_LOG = '/dev/termination-log';

/**
 * An indexed Job in which each index searches its part of the seeds (batch/v1; completionMode Indexed, backoffLimitPerIndex since Kubernetes
 * 1.29, podFailurePolicy since 1.26). An index that found a violation (status 1) is not tried again: the same seeds would give the same.
 * Words that the image's program does not know (status 2) end the whole Job. Pods that were driven away do not count.
 */
export function searchJob(options: JobOptions): readonly KubeObject[] {
  const { name, namespace, scenario, from, seeds, shards, parallelism, retries } = options;
  const search: JobSearch = { scenario, from, seeds, shards };
  const labels = { 'app.kubernetes.io/name': 'vfleet', 'app.kubernetes.io/component': 'sim-search' };
  const job: Job = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace, labels, annotations: { [SEARCH_ANNOTATION]: JSON.stringify(search) } },
    spec: {
      completionMode: 'Indexed',
      completions: shards,
      parallelism: Math.min(parallelism, shards),
      backoffLimitPerIndex: retries,
      podFailurePolicy: {
        rules: [
          { action: 'FailIndex', onExitCodes: { containerName: SEARCH_CONTAINER, operator: 'In', values: [1] } },
          { action: 'FailJob', onExitCodes: { containerName: SEARCH_CONTAINER, operator: 'In', values: [2] } },
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
        ],
      },
      template: { metadata: { labels }, spec: podSpec(options) },
    },
  };
  if (options.scenarioFile === undefined) return [job];
  return [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels }, data: { [SCENARIO_KEY]: options.scenarioFile } } as KubeObject, job];
}

type PodSpec = NonNullable<NonNullable<Job['spec']>['template']['spec']>;

/** Meets the restricted Pod Security Standard: a search needs nothing but processor time. */
function podSpec({ name, scenario, scenarioFile, image, from, seeds, shards, workers }: JobOptions): PodSpec {
  const command = [
    'vfleet', 'sim', 'search', scenarioFile === undefined ? scenario : `${SCENARIO_FOLDER}/${SCENARIO_KEY}`, '--from', `${from}`, '--seeds', `${seeds}`, '--shards', `${shards}`,
    '--workers', `${workers}`, '--keep-going', '--report', TERMINATION_LOG, '--replays', '/tmp/replays',
  ];
  return {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [{
      name: SEARCH_CONTAINER,
      image,
      command,
      terminationMessagePath: TERMINATION_LOG,
      terminationMessagePolicy: 'File',
      resources: { requests: { cpu: `${workers}`, memory: `${WORKER_MEMORY_MI * workers}Mi` } },
      securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
      volumeMounts: [{ name: 'scratch', mountPath: '/tmp' }, ...(scenarioFile === undefined ? [] : [{ name: 'scenario', mountPath: SCENARIO_FOLDER, readOnly: true }])],
    }],
    volumes: [{ name: 'scratch', emptyDir: {} }, ...(scenarioFile === undefined ? [] : [{ name: 'scenario', configMap: { name } }])],
  };
}
