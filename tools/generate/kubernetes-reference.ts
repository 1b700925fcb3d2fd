import { SeededRandom, SimClock } from '@vfleet/core';
import { createApiServer } from '@vfleet/kube-sim';
import { knownDifferences } from '../../test/cluster/known-differences.ts';
import type { KnownDifference } from '../../test/cluster/known-differences.ts';
import type { Generator } from './generator.ts';

const INTRODUCTION = `<!-- Written by \`npm run generate\` from packages/kube-sim and test/cluster/known-differences.ts: change it there. -->
# The embedded Kubernetes

A simulator's part, held against the real thing: \`npm run test:cluster -- --ensure\` builds kube-apiserver and etcd from their Go modules, plays one suite of
API behaviour on both servers and compares the answers field by field; the same kubectl prints the same on both. \`npm run test:churn -- --for 1h\` has
informers of client-go and @kubernetes/client-node follow it while connections break, history is compacted and the server ends. What neither our controllers nor a person with kubectl touches is left out on purpose.

## Left out on purpose

- Volumes, Services' proxying, Ingress, autoscaling, admission policies of the cloud, API aggregation, audit, encryption at rest, several API servers.
- Authorisation: there is one user, who may do everything, behind a bearer token on loopback.
- Protobuf in answers; a client that prefers it also takes JSON.
- Nothing runs in a pod: \`kubectl exec\` (over WebSockets, kubectl 1.31 or newer) answers \`ip\`, \`ifconfig\`, \`env\`, \`hostname\`, files of /sys/class/net and scripts
  of these from the model, and anything else with status 127; a log is what the container's command prints of these. attach, port-forward and cp are refused
  in a sentence that says so; ephemeral containers (\`kubectl debug\`) and resizing in place are not there.
- The scheduler neither preempts nor spreads by topology; the kubelet runs no processes: commands that end (\`sleep N\`, \`true\`, \`echo\`) end after their
  simulated time, everything else runs on.
`;

const DIFFERENCES = `<!-- Written by \`npm run generate\` from test/cluster/known-differences.ts: change it there. -->
# Where the embedded Kubernetes answers otherwise than the real one

Every difference that the suite of \`npm run test:cluster\` knows of, and why it stays; any other one fails that suite, and so does one that is
none any more. A case is named by its theme and name, a place by its path in the answer; \`*\` stands for any text. \`drawn/*\` are the
sequences of requests that are drawn by chance. [What is left out on purpose](kubernetes.md#left-out-on-purpose) is no part of the suite.
`;

/** docs/reference/kubernetes.md and kubernetes-differences.md: what the embedded API server serves, and where it is known to answer otherwise than the real one. */
export const kubernetesReference: Generator = {
  name: 'embedded Kubernetes',
  outputs: () => new Map([
    ['docs/reference/kubernetes.md', `${INTRODUCTION}\n## Kinds\n\n${kinds()}\n## Known differences\n\n${knownDifferences.length} places in the answers of the suite's cases, each with [its reason](kubernetes-differences.md).\n`],
    ['docs/reference/kubernetes-differences.md', `${DIFFERENCES}\n${differences()}`],
  ]),
};

function kinds(): string {
  const served = createApiServer({ clock: new SimClock(), random: new SeededRandom('reference') }).core.registry.all();
  const rows = served.map(({ group, version, kind, verbs }) => `| ${group === '' ? 'core' : group} | ${version} | ${kind} | ${verbs.includes('get') ? '' : 'posted only'} |`);
  return ['| group | version | kind | |', '|---|---|---|---|', ...new Set(rows), ''].join('\n');
}

/** One section a reason, in the order in which reasons come first. */
function differences(): string {
  if (knownDifferences.length === 0) return 'None.\n';
  const byReason = new Map<string, KnownDifference[]>();
  for (const difference of knownDifferences) byReason.set(difference.reason, [...(byReason.get(difference.reason) ?? []), difference]);
  return [...byReason].map(([reason, found]) => [`${escaped(reason)}`, '', ...new Set(found.map(({ case: name, path }) => `- \`${name}\`${path === '*' ? '' : ` at \`${path}\``}`)), ''].join('\n')).join('\n');
}

function escaped(text: string): string {
  return text.replaceAll('\n', ' ').replaceAll('<', '&lt;').replaceAll('*', '\\*');
}
