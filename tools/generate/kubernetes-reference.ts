import { SeededRandom, SimClock } from '@vfleet/core';
import { createApiServer } from '@vfleet/kube-sim';
import { knownDifferences } from '../../test/cluster/known-differences.ts';
import type { Generator } from './generator.ts';

const INTRODUCTION = `<!-- Written by \`npm run generate\` from packages/kube-sim and test/cluster/known-differences.ts: change it there. -->
# The embedded Kubernetes

A simulator's part, held against the real thing: \`npm run test:cluster -- --ensure\` builds kube-apiserver and etcd from their Go modules, plays one suite of
API behaviour on both servers and compares the answers field by field. What neither our controllers nor a person with kubectl touches is left out on purpose.

## Left out on purpose

- Volumes, Services' proxying, Ingress, autoscaling, admission policies of the cloud, API aggregation, audit, encryption at rest, several API servers.
- Authorisation: there is one user, who may do everything, behind a bearer token on loopback.
- Protobuf in answers; a client that prefers it also takes JSON.
- Nothing runs in a pod: \`kubectl exec\` (over WebSockets, kubectl 1.31 or newer) answers \`ip\`, \`ifconfig\`, \`env\`, \`hostname\`, files of /sys/class/net and scripts
  of these from the model, and anything else with status 127; a log is what the container's command prints of these. attach, port-forward and cp are refused.
- The scheduler neither preempts nor spreads by topology; the kubelet runs no processes: commands that end (\`sleep N\`, \`true\`, \`echo\`) end after their
  simulated time, everything else runs on.
`;

/** docs/reference/kubernetes.md: what the embedded API server serves, and where it is known to answer otherwise than the real one. */
export const kubernetesReference: Generator = {
  name: 'embedded Kubernetes',
  outputs: () => new Map([['docs/reference/kubernetes.md', `${INTRODUCTION}\n## Kinds\n\n${kinds()}\n## Known differences\n\n${differences()}`]]),
};

function kinds(): string {
  const served = createApiServer({ clock: new SimClock(), random: new SeededRandom('reference') }).core.registry.all();
  const rows = served.map((resource) => `| ${resource.group === '' ? 'core' : resource.group} | ${resource.version} | ${resource.kind} |`);
  return ['| group | version | kind |', '|---|---|---|', ...new Set(rows), ''].join('\n');
}

function differences(): string {
  if (knownDifferences.length === 0) return 'None.\n';
  return ['| case | where | why |', '|---|---|---|', ...knownDifferences.map(({ case: name, path, reason }) => `| ${cell(name)} | \`${cell(path)}\` | ${cell(reason)} |`), ''].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ').replaceAll('<', '&lt;');
}
