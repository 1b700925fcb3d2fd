import type { Kube } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import { LEASE_NAME } from '@vfleet/controllers';
import { podLabelsOf } from '@vfleet/controllers/installation/workloads.ts';
import { leases, nodePolicies, nodeStates, nodes, operatorConfigs, pods, poolConfigs } from '@vfleet/kube';
import { connect, listAll } from '../../connect.ts';
import type { CliContext } from '../../context.ts';
import { CliFailure } from '../../failure.ts';
import { renderDocument } from '../../output/document.ts';
import { printable } from '../../output/table.ts';
import type { ExplainOptions } from './command.ts';
import { explainNode, renderExplanation } from './explain-node.ts';
import type { NodeFacts } from './explain-node.ts';

/** `vfleet explain node NAME`: what it prints. */
export async function explain(name: string, { output, kubeconfig, namespace }: ExplainOptions, context: CliContext): Promise<string> {
  const { kube } = await connect(context, kubeconfig);
  const explanation = explainNode(await gather(kube, name, namespace, Date.now()));
  if (output === 'json' || output === 'yaml') return renderDocument(explanation, output);
  return renderExplanation(explanation).split('\n').map(printable).join('\n');
}

/** What the cluster says that concerns a node. */
export async function gather(kube: Kube, name: string, namespace: string, nowMs: number): Promise<NodeFacts> {
  const node = await kube.get(nodes, { name }).catch((error: unknown) => {
    if (isKubeError(error, 'NotFound')) throw new CliFailure(`there is no node "${name}"`, '`vfleet get nodes` lists them.');
    if (isKubeError(error)) throw new CliFailure(`the cluster does not answer: ${error.message}`, 'Is it still running? `vfleet up` starts a simulated one.');
    throw error;
  });
  const daemonLabels = Object.entries(podLabelsOf('node')).map(([label, value]) => `${label}=${value}`).join(',');
  const [[state], policies, pools, [config], [lease], daemons] = await Promise.all([
    listAll(kube, nodeStates, { namespace, fieldSelector: `metadata.name=${name}` }), listAll(kube, nodePolicies, { namespace }), listAll(kube, poolConfigs, { namespace }),
    listAll(kube, operatorConfigs, { namespace, fieldSelector: 'metadata.name=default' }), listAll(kube, leases, { namespace, fieldSelector: `metadata.name=${LEASE_NAME}` }),
    listAll(kube, pods, { namespace, fieldSelector: `spec.nodeName=${name}`, labelSelector: daemonLabels }),
  ]);
  return {
    operatorNamespace: namespace, node, policies, pools, daemons, nowMs,
    ...(state === undefined ? {} : { state }), ...(config === undefined ? {} : { config }), ...(lease === undefined ? {} : { lease }),
  };
}
