import { isIpv4, isIpv6 } from '../../schema/formats.ts';
import { dnsLabelProblems, dnsSubdomainProblems, qualifiedNameProblems } from '../../values/names.ts';
import { checkAppArmorAnnotations } from '../app-armor.ts';
import { checkAffinity, checkTolerations, checkTopologySpread } from './affinity.ts';
import { checkContainers, checkInitContainers, checkPodOnly } from './containers.ts';
import type { Cursor } from './cursor.ts';
import { checkPodSecurity } from './security.ts';
import { checkLabels } from './selector.ts';
import { checkQuantity } from './resources.ts';
import { checkVolumes } from './volumes.ts';

const DNS_POLICIES: readonly string[] = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
const RESTART_POLICIES: readonly string[] = ['Always', 'OnFailure', 'Never'];
const INT32_MAX = 2 ** 31 - 1;

/** The spec of a pod or of a template (validation.go, ValidatePodSpec). */
export function checkPodSpec(spec: Cursor, isPod: boolean): void {
  const volumes = checkVolumes(spec.at('volumes'));
  const pod = { volumes, gracePeriodSeconds: spec.at('terminationGracePeriodSeconds').number };
  checkContainers(spec.at('containers'), pod);
  checkInitContainers(spec.at('initContainers'), spec.at('containers'), pod);
  checkHostNetwork(spec, isPod);
  spec.at('restartPolicy').oneOf(RESTART_POLICIES);
  spec.at('dnsPolicy').oneOf(DNS_POLICIES);
  checkLabels(spec.at('nodeSelector'));
  checkPodSecurity(spec.at('securityContext'));
  checkAffinity(spec.at('affinity'));
  checkDns(spec);
  for (const gate of spec.at('readinessGates').items) gate.at('conditionType').check(qualifiedNameProblems);
  checkSchedulingGates(spec.at('schedulingGates'));
  checkTopologySpread(spec.at('topologySpreadConstraints'));
  checkNames(spec);
  const deadline = spec.at('activeDeadlineSeconds');
  if (deadline.isSet) deadline.between(1, INT32_MAX);
  checkTolerations(spec.at('tolerations'));
  for (const alias of spec.at('hostAliases').items) {
    checkAddress(alias.at('ip'));
    for (const hostname of alias.at('hostnames').items) hostname.check(dnsSubdomainProblems);
  }
  if (spec.at('priorityClassName').text !== '') spec.at('priorityClassName').check(dnsSubdomainProblems);
  if (spec.at('runtimeClassName').isSet) spec.at('runtimeClassName').check(dnsSubdomainProblems);
  const preemption = spec.at('preemptionPolicy');
  if (preemption.isSet) preemption.oneOf(['PreemptLowerPriority', 'Never']);
  for (const name of spec.at('overhead').keys) checkQuantity(spec.at('overhead').key(name), name);
}

/** What a pod must be beyond its spec's own rules. */
export function checkPod(pod: Cursor): void {
  checkAppArmorAnnotations(pod);
  const spec = pod.at('spec');
  checkPodSpec(spec, true);
  checkPodOnly(spec.at('containers'));
  checkPodOnly(spec.at('initContainers'));
}

/** Rules for new pods only (ValidatePodCreate). */
export function checkNewPod(pod: Cursor): void {
  checkPod(pod);
  const spec = pod.at('spec');
  if (spec.at('ephemeralContainers').items.length > 0) spec.at('ephemeralContainers').forbidden('cannot be set on create');
  if (spec.at('nodeName').text !== '' && spec.at('schedulingGates').items.length > 0) spec.at('nodeName').forbidden('cannot be set until all schedulingGates have been cleared');
}

function checkHostNetwork(spec: Cursor, isPod: boolean): void {
  if (spec.at('hostNetwork').value !== true) return;
  for (const container of spec.at('containers').items) {
    for (const port of container.at('ports').items) {
      const hostPort = port.at('hostPort').number ?? 0;
      if ((isPod || hostPort !== 0) && hostPort !== port.at('containerPort').number) port.at('hostPort').invalid('must match `containerPort` when `hostNetwork` is true', hostPort);
    }
  }
}

const NAMESERVERS_MAX = 3;
const SEARCHES_MAX = 32;
const SEARCH_LIST_MAX_CHARACTERS = 2048;

function checkDns(spec: Cursor): void {
  const config = spec.at('dnsConfig');
  const nameservers = config.at('nameservers');
  const searches = config.at('searches');
  if (spec.at('dnsPolicy').text === 'None') {
    if (!config.isSet) return config.required('must provide `dnsConfig` when `dnsPolicy` is None');
    if (nameservers.items.length === 0) return nameservers.required('must provide at least one DNS nameserver when `dnsPolicy` is None');
  }
  if (nameservers.items.length > NAMESERVERS_MAX) nameservers.invalid(`must not have more than ${NAMESERVERS_MAX} nameservers`);
  for (const nameserver of nameservers.items) checkAddress(nameserver);
  if (searches.items.length > SEARCHES_MAX) searches.invalid(`must not have more than ${SEARCHES_MAX} search paths`);
  if (searches.items.map(({ text }) => text).join(' ').length > SEARCH_LIST_MAX_CHARACTERS) searches.invalid(`must not have more than ${SEARCH_LIST_MAX_CHARACTERS} characters (including spaces) in the search list`);
  config.at('options').items.forEach((option) => {
    if (option.at('name').text === '') option.required('must not be empty');
  });
}

export function checkAddress(address: Cursor): void {
  if (!isIpv4(address.text) && !isIpv6(address.text)) address.invalid('must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)', address.text);
}

function checkSchedulingGates(gates: Cursor): void {
  const seen = new Set<string>();
  for (const gate of gates.items) {
    const name = gate.at('name').text;
    for (const problem of qualifiedNameProblems(name)) gate.invalid(problem, name);
    if (seen.has(name)) gate.duplicate(name);
    seen.add(name);
  }
}

function checkNames(spec: Cursor): void {
  for (const [field, problems] of [['serviceAccountName', dnsSubdomainProblems], ['nodeName', dnsSubdomainProblems], ['hostname', dnsLabelProblems], ['subdomain', dnsLabelProblems]] as const) {
    if (spec.at(field).text !== '') spec.at(field).check(problems);
  }
}
