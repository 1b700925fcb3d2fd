import type { ContainerAllocation } from '@vfleet/core';
import type { Pod } from '@vfleet/kube';
import type { Container } from '../pods/requests.ts';

/** Where the API server's Service would be in the cluster network: the first address of the default service range. */
const SERVICE_ADDRESS = '10.96.0.1';

export interface EnvironmentInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly allocations: readonly ContainerAllocation[];
  readonly podAddress: string | undefined;
  readonly hostAddress: string;
  readonly nodeName: string;
}

/**
 * What `env` prints in a container: the runtime's, the container's own, the devices' and the cluster's variables. Values from
 * ConfigMaps and Secrets are left out: nothing here runs that would read them.
 */
export function environmentOf(input: EnvironmentInput): Readonly<Record<string, string>> {
  const { pod, container, allocations } = input;
  const variables: Record<string, string> = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOSTNAME: pod.spec?.hostNetwork === true ? input.nodeName : (pod.spec?.hostname ?? pod.metadata.name),
  };
  for (const { name, value, valueFrom } of container.env ?? []) {
    const text = value ?? fieldText(input, valueFrom?.fieldRef?.fieldPath);
    if (text !== undefined) variables[name] = value === undefined ? text : expanded(text, variables);
  }
  for (const { env } of allocations) Object.assign(variables, env);
  if (pod.spec?.enableServiceLinks !== false) Object.assign(variables, SERVICE_VARIABLES);
  return variables;
}

const SERVICE_VARIABLES: Readonly<Record<string, string>> = {
  KUBERNETES_SERVICE_HOST: SERVICE_ADDRESS,
  KUBERNETES_SERVICE_PORT: '443',
  KUBERNETES_SERVICE_PORT_HTTPS: '443',
  KUBERNETES_PORT: `tcp://${SERVICE_ADDRESS}:443`,
  KUBERNETES_PORT_443_TCP: `tcp://${SERVICE_ADDRESS}:443`,
  KUBERNETES_PORT_443_TCP_PROTO: 'tcp',
  KUBERNETES_PORT_443_TCP_PORT: '443',
  KUBERNETES_PORT_443_TCP_ADDR: SERVICE_ADDRESS,
};

/** `$(NAME)` of a variable defined before; `$$` is a dollar sign, an unknown name stays as it is (third_party/forked/golang/expansion). */
function expanded(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([A-Za-z_.-][A-Za-z0-9_.-]*)\)/g, (whole, name: string | undefined) => (name === undefined ? '$' : (variables[name] ?? whole)));
}

/** The downward API fields that a pod knows of itself. */
function fieldText({ pod, podAddress, hostAddress, nodeName }: EnvironmentInput, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const subscript = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (subscript !== null) return pod.metadata[subscript[1] as 'labels' | 'annotations']?.[subscript[2]!] ?? '';
  switch (path) {
    case 'metadata.name': return pod.metadata.name;
    case 'metadata.namespace': return pod.metadata.namespace ?? '';
    case 'metadata.uid': return pod.metadata.uid ?? '';
    case 'spec.nodeName': return nodeName;
    case 'spec.serviceAccountName': return pod.spec?.serviceAccountName ?? 'default';
    case 'status.hostIP':
    case 'status.hostIPs': return hostAddress;
    case 'status.podIP':
    case 'status.podIPs': return podAddress ?? hostAddress;
    default: return undefined;
  }
}
