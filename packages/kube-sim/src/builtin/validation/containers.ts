import { dnsLabelProblems, portNameProblems } from '../../values/names.ts';
import type { Cursor } from './cursor.ts';
import { checkEnvironment, checkEnvironmentFrom } from './environment.ts';
import { checkLifecycle, checkPortNumber, checkProbe } from './probes.ts';
import { checkContainerResources } from './resources.ts';
import { checkContainerSecurity } from './security.ts';
import { checkVolumeMounts } from './volumes.ts';

const MESSAGE_POLICIES: readonly string[] = ['File', 'FallbackToLogsOnError'];
const PULL_POLICIES: readonly string[] = ['Always', 'IfNotPresent', 'Never'];
const PROTOCOLS: readonly string[] = ['SCTP', 'TCP', 'UDP'];

interface PodContext {
  readonly volumes: ReadonlySet<string>;
  readonly gracePeriodSeconds: number | undefined;
}

/** Containers of a pod (validation.go, validateContainers). */
export function checkContainers(containers: Cursor, pod: PodContext): void {
  if (containers.items.length === 0) {
    containers.required();
    return;
  }
  const names = new Set<string>();
  for (const container of containers.items) {
    checkCommon(container, pod);
    const name = container.at('name');
    if (names.has(name.text)) name.duplicate(name.text);
    names.add(name.text);
    checkHooks(container, pod);
    const policy = container.at('restartPolicy');
    if (policy.isSet) policy.forbidden('may not be set for non-init containers');
  }
  checkHostPorts(containers.items);
}

export function checkInitContainers(containers: Cursor, regular: Cursor, pod: PodContext): void {
  const names = new Set(regular.items.map((container) => container.at('name').text));
  for (const container of containers.items) {
    checkCommon(container, pod);
    const policy = container.at('restartPolicy');
    if (policy.isSet && policy.text !== 'Always') policy.notSupported(['Always']);
    const name = container.at('name');
    if (names.has(name.text)) name.duplicate(name.text);
    else if (name.text !== '') names.add(name.text);
    checkHostPorts([container]);
    if (policy.text === 'Always') checkHooks(container, pod);
    else for (const hook of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe']) if (container.at(hook).isSet) container.at(hook).forbidden('may not be set for init containers without restartPolicy=Always');
  }
}

function checkHooks(container: Cursor, { gracePeriodSeconds }: PodContext): void {
  if (container.at('lifecycle').isSet) checkLifecycle(container.at('lifecycle'), gracePeriodSeconds);
  checkProbe(container.at('livenessProbe'), 'liveness', gracePeriodSeconds);
  checkProbe(container.at('readinessProbe'), 'readiness', gracePeriodSeconds);
  checkProbe(container.at('startupProbe'), 'startup', gracePeriodSeconds);
}

function checkCommon(container: Cursor, { volumes }: PodContext): void {
  const name = container.at('name');
  if (name.text === '') name.required();
  else name.check(dnsLabelProblems);
  if (container.at('image').text === '') container.at('image').required();
  container.at('terminationMessagePolicy').oneOf(MESSAGE_POLICIES);
  checkPorts(container.at('ports'));
  checkEnvironment(container.at('env'));
  checkEnvironmentFrom(container.at('envFrom'));
  checkVolumeMounts(container.at('volumeMounts'), volumes);
  container.at('imagePullPolicy').oneOf(PULL_POLICIES);
  checkContainerResources(container.at('resources'));
  if (container.at('securityContext').isSet) checkContainerSecurity(container.at('securityContext'));
}

function checkPorts(ports: Cursor): void {
  const names = new Set<string>();
  for (const port of ports.items) {
    const name = port.at('name');
    if (name.text !== '') {
      if (portNameProblems(name.text).length > 0) name.check(portNameProblems);
      else if (names.has(name.text)) name.duplicate();
      else names.add(name.text);
    }
    const number = port.at('containerPort');
    if ((number.number ?? 0) === 0) number.required();
    else checkPortNumber(number);
    if ((port.at('hostPort').number ?? 0) !== 0) checkPortNumber(port.at('hostPort'));
    port.at('protocol').oneOf(PROTOCOLS);
  }
}

function checkHostPorts(containers: readonly Cursor[]): void {
  const taken = new Set<string>();
  for (const container of containers) {
    for (const port of container.at('ports').items) {
      const number = port.at('hostPort').number ?? 0;
      if (number === 0) continue;
      const text = `${port.at('protocol').text}/${port.at('hostIP').text}/${number}`;
      if (taken.has(text)) port.at('hostPort').duplicate(text);
      taken.add(text);
    }
  }
}

/** What holds for containers of pods and not of templates. */
export function checkPodOnly(containers: Cursor): void {
  for (const container of containers.items) {
    const image = container.at('image');
    if (image.text !== image.text.trim()) image.invalid('must not have leading or trailing whitespace');
  }
}
