import { compareQuantities, parseQuantity } from '@vfleet/kube/quantities/quantity.ts';
import { qualifiedNameProblems } from '../../values/names.ts';
import type { Cursor } from './cursor.ts';

const STANDARD: readonly string[] = ['cpu', 'memory', 'ephemeral-storage', 'requests.cpu', 'requests.memory', 'requests.ephemeral-storage', 'limits.cpu', 'limits.memory', 'limits.ephemeral-storage', 'pods', 'resourcequotas', 'services', 'replicationcontrollers', 'secrets', 'configmaps', 'persistentvolumeclaims', 'storage', 'requests.storage', 'services.nodeports', 'services.loadbalancers'];
const OF_CONTAINERS: readonly string[] = ['cpu', 'memory', 'ephemeral-storage'];
const HUGE_PAGES = 'hugepages-';
const NATIVE_DOMAIN = 'kubernetes.io/';

/** Resources that Kubernetes itself defines. */
function isNative(name: string): boolean {
  return !name.includes('/') || name.includes(NATIVE_DOMAIN);
}

function isHugePage(name: string): boolean {
  return name.startsWith(HUGE_PAGES);
}

/** Only native resources may be promised more often than they are there. */
function isOvercommitAllowed(name: string): boolean {
  return isNative(name) && !isHugePage(name);
}

function isExtended(name: string): boolean {
  return !isNative(name) && !name.startsWith('requests.') && qualifiedNameProblems(`requests.${name}`).length === 0;
}

/** Requests and limits of a container (validation.go, validateResourceRequirements). */
export function checkContainerResources(resources: Cursor): void {
  const limits = resources.at('limits');
  const requests = resources.at('requests');
  for (const name of limits.keys) checkEntry(limits.key(name), name);
  for (const name of requests.keys) {
    checkEntry(requests.key(name), name);
    checkAgainstLimit(requests, limits, name);
  }
  const names = [...limits.keys, ...requests.keys];
  if (names.some(isHugePage) && !names.some((name) => name === 'cpu' || name === 'memory')) resources.forbidden('HugePages require cpu or memory');
}

function checkEntry(entry: Cursor, name: string): void {
  checkContainerResourceName(entry, name);
  checkQuantity(entry, name);
  if (!isHugePage(name)) return;
  const [size, amount] = [parseQuantity(name.slice(HUGE_PAGES.length)), parseQuantity(entry.text)];
  const isWhole = size.ok && amount.ok && size.value.nano > 0n && amount.value.nano % size.value.nano === 0n;
  if (!isWhole) entry.invalid(`${entry.text} is not positive integer multiple of ${name}`);
}

function checkContainerResourceName(entry: Cursor, name: string): void {
  const problems = qualifiedNameProblems(name);
  for (const problem of problems) entry.invalid(problem, name);
  if (problems.length === 0 && !name.includes('/') && !STANDARD.includes(name) && !isHugePage(name)) entry.invalid('must be a standard resource type or fully qualified', name);
  if (!name.includes('/')) {
    if (!OF_CONTAINERS.includes(name) && !isHugePage(name)) entry.invalid('must be a standard resource for containers', name);
  } else if (!isNative(name) && !isExtended(name)) entry.invalid("doesn't follow extended resource name standard", name);
}

/** Not negative, and whole for what cannot be divided. */
export function checkQuantity(entry: Cursor, name: string): void {
  const parsed = parseQuantity(entry.text);
  if (!parsed.ok) return;
  if (parsed.value.nano < 0n) entry.invalid('must be greater than or equal to 0');
  if (isInteger(name) && parsed.value.nano % 1_000_000_000n !== 0n) entry.invalid('must be an integer');
}

function isInteger(name: string): boolean {
  return ['pods', 'resourcequotas', 'services', 'replicationcontrollers', 'secrets', 'configmaps', 'persistentvolumeclaims', 'services.nodeports', 'services.loadbalancers'].includes(name) || isExtended(name);
}

function checkAgainstLimit(requests: Cursor, limits: Cursor, name: string): void {
  const limitText = limits.key(name).text;
  const requestText = requests.key(name).text;
  if (limitText === '') {
    if (!isOvercommitAllowed(name)) limits.required('Limit must be set for non overcommitable resources');
    return;
  }
  const limit = parseQuantity(limitText);
  const request = parseQuantity(requestText);
  if (!limit.ok || !request.ok) return;
  const order = compareQuantities(request.value, limit.value);
  if (order !== 0 && !isOvercommitAllowed(name)) requests.invalid(`must be equal to ${name} limit of ${limitText}`, requestText);
  else if (order > 0) requests.invalid(`must be less than or equal to ${name} limit of ${limitText}`, requestText);
}
