import { goQuote } from '../../errors/field-error.ts';
import { arrayAt, isObject } from '../../values/json.ts';
import type { JsonObject } from '../../values/json.ts';
import { Cursor } from './cursor.ts';

const DEPRECATED_NODE_LABELS: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
  'app.kubernetes.io/created-by': 'deprecated since v1.9',
  'scheduler.alpha.kubernetes.io/preferAvoidPods': 'deprecated since v1.22; use Taints and Tolerations instead',
  'node-role.kubernetes.io/master': 'use "node-role.kubernetes.io/control-plane" instead',
};

const DEPRECATED_ANNOTATIONS: Readonly<Record<string, string>> = {
  'scheduler.alpha.kubernetes.io/critical-pod': 'non-functional in v1.16+; use the "priorityClassName" field instead',
  'security.alpha.kubernetes.io/sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
  'security.alpha.kubernetes.io/unsafe-sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
};

const DEPRECATED_VOLUMES: Readonly<Record<string, string>> = {
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  gitRepo: 'deprecated in v1.11, and disabled by default in v1.33+',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
};

const ENTRY_TERMS = 'requiredDuringSchedulingIgnoredDuringExecution';
const WEIGHTED_TERMS = 'preferredDuringSchedulingIgnoredDuringExecution';

/** What the API server warns of in a pod or, with the path where it is, in the template of one (kubernetes pkg/api/pod/warnings.go). */
export function podTemplateWarnings(template: JsonObject, path: string): readonly string[] {
  const root = new Cursor(template, path);
  const spec = root.at('spec');
  const warnings: string[] = [];
  const warn = (at: Cursor, text: string) => warnings.push(`${at.path}: ${text}`);
  warnOfNodes(spec, warn);
  for (const [key, text] of Object.entries(DEPRECATED_ANNOTATIONS)) {
    const annotation = root.at('metadata').at('annotations').key(key);
    if (annotation.isSet) warn(annotation, text);
  }
  for (const volume of spec.at('volumes').items) for (const [source, text] of Object.entries(DEPRECATED_VOLUMES)) if (volume.at(source).isSet) warn(volume.at(source), text);
  warnOfRepeats(spec.at('hostAliases'), 'ip', 'duplicate ip', warn);
  warnOfRepeats(spec.at('imagePullSecrets'), 'name', 'duplicate name', warn);
  for (const secret of spec.at('imagePullSecrets').items) if (secret.at('name').text === '') warn(secret.at('name'), 'invalid empty name ""');
  const containers = ['initContainers', 'containers', 'ephemeralContainers'].flatMap((list) => spec.at(list).items);
  for (const container of containers) warnOfContainer(container, warn);
  warnOfPorts(containers, warn);
  if ((spec.at('terminationGracePeriodSeconds').number ?? 0) < 0) warn(spec.at('terminationGracePeriodSeconds'), 'must be >= 0; negative values are invalid and will be treated as 1');
  for (const kind of ['podAffinity', 'podAntiAffinity']) {
    const affinity = spec.at('affinity').at(kind);
    const selectors = [...affinity.at(ENTRY_TERMS).items, ...affinity.at(WEIGHTED_TERMS).items.map((term) => term.at('podAffinityTerm'))].map((term) => term.at('labelSelector'));
    for (const selector of selectors) if (!selector.isSet) warn(selector, 'a null labelSelector results in matching no pod');
  }
  return warnings;
}

type Warn = (at: Cursor, text: string) => void;

function deprecation(label: string): string | undefined {
  return Object.hasOwn(DEPRECATED_NODE_LABELS, label) ? DEPRECATED_NODE_LABELS[label] : undefined;
}

function warnOfNodes(spec: Cursor, warn: Warn): void {
  for (const key of spec.at('nodeSelector').keys) {
    const text = deprecation(key);
    if (text !== undefined) warn(spec.at('nodeSelector').key(key), text);
  }
  const affinity = spec.at('affinity').at('nodeAffinity');
  const terms = [...affinity.at(ENTRY_TERMS).at('nodeSelectorTerms').items, ...affinity.at(WEIGHTED_TERMS).items.map((term) => term.at('preference'))];
  for (const expression of terms.flatMap((term) => term.at('matchExpressions').items)) {
    const key = expression.at('key');
    const text = deprecation(key.text);
    if (text !== undefined) warn(key, `${key.text} is ${text}`);
  }
  for (const constraint of spec.at('topologySpreadConstraints').items) {
    const [key, selector] = [constraint.at('topologyKey'), constraint.at('labelSelector')];
    const text = deprecation(key.text);
    if (text !== undefined) warn(key, `${key.text} is ${text}`);
    if (!selector.isSet) warn(selector, 'a null labelSelector results in matching no pod');
  }
}

function warnOfRepeats(list: Cursor, field: string, text: string, warn: Warn): void {
  const seen = new Set<string>();
  for (const item of list.items) {
    const value = item.at(field);
    if (seen.has(value.text)) warn(value, `${text} ${goQuote(value.text)}`);
    seen.add(value.text);
  }
}

function warnOfContainer(container: Cursor, warn: Warn): void {
  for (const resource of ['memory', 'ephemeral-storage']) {
    for (const list of ['limits', 'requests']) {
      const amount = container.at('resources').at(list).key(resource);
      if (/m$/.test(amount.text) && Number(amount.text.slice(0, -1)) % 1000 !== 0) warn(amount, `fractional byte value ${goQuote(amount.text)} is invalid, must be an integer`);
    }
  }
  const seen = new Set<string>();
  for (const variable of container.at('env').items) {
    const name = variable.at('name').text;
    const reference = `$(${name})`;
    const value = variable.at('value').text;
    if (seen.has(name) && (variable.at('valueFrom').isSet || value === reference || !value.includes(reference))) {
      warn(variable, `hides previous definition of ${goQuote(name)}, which may be dropped when using apply`);
    }
    seen.add(name);
  }
}

function warnOfPorts(containers: readonly Cursor[], warn: Warn): void {
  const ports = containers.flatMap((container) => container.at('ports').items);
  const hostPort = (port: Cursor) => port.at('hostPort').number ?? 0;
  ports.forEach((port, index) => {
    const host = port.at('hostIP').text;
    if (host !== '' && hostPort(port) === 0) {
      warn(port, `hostIP set without hostPort: {Name:${port.at('name').text} HostPort:0 ContainerPort:${port.at('containerPort').number ?? 0} Protocol:${port.at('protocol').text} HostIP:${host}}`);
    }
    const same = (other: Cursor) => ['containerPort', 'protocol'].every((field) => other.at(field).value === port.at(field).value);
    for (const other of ports.slice(0, index).filter(same)) {
      const otherHost = other.at('hostIP').text;
      if (host === otherHost && hostPort(port) === hostPort(other)) warn(port, `duplicate port definition with ${other.path}`);
      else if (hostPort(port) === 0 || hostPort(other) === 0) warn(port, `overlapping port definition with ${other.path}`);
      else if (hostPort(port) === hostPort(other) && (host === '') !== (otherHost === '')) warn(port, `dangerously ambiguous port definition with ${other.path}`);
    }
  });
  const names = new Map<string, string>();
  for (const port of ports) {
    const name = port.at('name').text;
    const first = names.get(name);
    if (name !== '' && first !== undefined) warn(port, `duplicate port name ${goQuote(name)} with ${first}, services and probes that select ports by name will use ${first}`);
    else names.set(name, port.path);
  }
}

/** Whether anything of a pod that could be warned of has changed; most writes of pods are of their status. */
export function podWarnings(pod: JsonObject, previous: JsonObject | undefined): readonly string[] {
  if (previous !== undefined && isObject(pod['spec']) && pod['spec'] === previous['spec'] && arrayAt(pod, 'metadata').length === 0) return [];
  return podTemplateWarnings(pod, '');
}
