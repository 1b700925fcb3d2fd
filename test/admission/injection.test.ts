// Goal: pods get what their networks need, and nothing else of them changes. Method: cases of the documented behaviour by hand,
// then drawn pods, networks and switches: the patch is applied by an independent implementation and the result is counted.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonValue } from '@vfleet/core';
import { defaultSwitches, injectResources, networkDemand, parseSwitches } from '@vfleet/controllers';
import type { InjectorSwitches } from '@vfleet/controllers';
import { applyJsonPatch, parseJsonPatch } from '@vfleet/kube-sim/patch/json-patch.ts';

type Fields = { readonly [key: string]: JsonValue };
type Attachments = Readonly<Record<string, Readonly<Record<string, string>>>>;

const RESOURCE = 'k8s.v1.cni.cncf.io/resourceName';
const attachments: Attachments = {
  'default/blue': { [RESOURCE]: 'intel.com/blue' },
  'default/red': { [RESOURCE]: 'intel.com/red', 'k8s.v1.cni.cncf.io/nodeSelector': 'rack = a' },
  'default/plain': {},
  'kube-system/blue': { [RESOURCE]: 'intel.com/system' },
  'default/broken': { [RESOURCE]: 'no name' },
  'default/two-labels': { [RESOURCE]: 'intel.com/blue', 'k8s.v1.cni.cncf.io/nodeSelector': 'a=b=c' },
};

/** The pod as it is stored, or the sentence of the refusal. */
function inject(object: Fields, switches: InjectorSwitches = defaultSwitches, known: Attachments = attachments): { readonly pod: Fields; readonly warnings: readonly string[] } | string {
  const pod = { namespace: 'default', object };
  const demand = networkDemand(pod, switches, 'kube-system');
  if (!demand.ok) return demand.error;
  const injection = injectResources(pod, demand.value, new Map(Object.entries(known)), switches);
  if (!injection.ok) return injection.error;
  // As the API server does it: the empty maps and lists that Go leaves out of the JSON are not there to be patched.
  const patched = applyJsonPatch(object, parseJsonPatch(injection.value.patch));
  return { pod: patched as Fields, warnings: injection.value.warnings };
}

const podOf = (networks: string | undefined, more: { readonly metadata?: Fields; readonly spec?: Fields } = {}): Fields => ({
  metadata: { name: 'p', ...more.metadata, annotations: { ...(networks === undefined ? {} : { 'k8s.v1.cni.cncf.io/networks': networks }), ...(more.metadata?.['annotations'] as Fields | undefined) } },
  spec: { containers: [{ name: 'one', image: 'i' }, { name: 'two', image: 'i' }], ...more.spec },
});

function resourcesOf(answer: ReturnType<typeof inject>, container = 0): JsonValue | undefined {
  if (typeof answer === 'string') throw new Error(answer);
  return ((answer.pod['spec'] as Fields)['containers'] as readonly Fields[])[container]!['resources'];
}

describe('resources', () => {
  test('of each network go to the first container, twice for a network named twice', () => {
    expect(resourcesOf(inject(podOf('blue,blue,red')))).toEqual({ requests: { 'intel.com/blue': '2', 'intel.com/red': '1' }, limits: { 'intel.com/blue': '2', 'intel.com/red': '1' } });
    expect(resourcesOf(inject(podOf('[{"name": "blue"}, {"name": "red", "namespace": "default"}]')))).toEqual({ requests: { 'intel.com/blue': '1', 'intel.com/red': '1' }, limits: { 'intel.com/blue': '1', 'intel.com/red': '1' } });
  });

  test('go to the container that an annotation names', () => {
    const annotations = { 'sriovnetwork.openshift.io/resources-container': 'two' };
    expect(resourcesOf(inject(podOf('blue', { metadata: { annotations } })), 1)).toEqual({ requests: { 'intel.com/blue': '1' }, limits: { 'intel.com/blue': '1' } });
    expect(inject(podOf('blue', { metadata: { annotations: { 'sriovnetwork.openshift.io/resources-container': 'three' } } }))).toContain('has no container "three"');
  });

  test('that any container asks for are left alone, or added to where the switch says so', () => {
    const containers = [{ name: 'one', image: 'i', resources: { requests: { cpu: '1', 'intel.com/blue': 3 } } }, { name: 'two', image: 'i' }];
    expect(resourcesOf(inject(podOf('blue', { spec: { containers } })))).toEqual({ requests: { cpu: '1', 'intel.com/blue': 3 } });
    const honour = parseSwitches('{"features": {"enableHonorExistingResources": true}}').switches;
    expect(resourcesOf(inject(podOf('blue', { spec: { containers } }), honour))).toEqual({ requests: { cpu: '1', 'intel.com/blue': '4' }, limits: { 'intel.com/blue': '1' } });
  });

  test('default networks are looked up where Multus looks', () => {
    expect(resourcesOf(inject(podOf(undefined, { metadata: { annotations: { 'v1.multus-cni.io/default-network': 'blue' } } })))).toEqual({ requests: { 'intel.com/system': '1' }, limits: { 'intel.com/system': '1' } });
  });

  test('names of annotations other than the usual one', () => {
    const switches = parseSwitches(JSON.stringify({ networkResourceNameKeys: ['example.com/name'] })).switches;
    expect(resourcesOf(inject(podOf('own'), switches, { 'default/own': { 'example.com/name': 'example.com/vf' } }))).toEqual({ requests: { 'example.com/vf': '1' }, limits: { 'example.com/vf': '1' } });
  });
});

describe('what else a pod gets', () => {
  test('the labels of nodes that a network asks for, and a warning where the pod says otherwise', () => {
    const answer = inject(podOf('red', { spec: { containers: [{ name: 'one' }], nodeSelector: { rack: 'b', disk: 'ssd' } } }));
    expect(answer).toMatchObject({ pod: { spec: { nodeSelector: { rack: 'a', disk: 'ssd' } } }, warnings: [expect.stringContaining('"b" of the pod gives way to "a"')] });
  });

  test('its labels, annotations and huge pages as files in every container', () => {
    const switches = parseSwitches('{"features": {"enableHugePageDownApi": true}}').switches;
    const containers = [{ name: 'one', resources: { requests: { 'hugepages-1Gi': '2Gi', 'hugepages-2Mi': '0' }, limits: { 'hugepages-1Gi': '2Gi' } } }, { name: 'two', volumeMounts: [{ name: 'x', mountPath: '/x' }] }];
    expect(inject(podOf('blue', { metadata: { labels: { a: 'b' } }, spec: { containers, volumes: [{ name: 'x', emptyDir: {} }] } }), switches)).toMatchObject({
      pod: {
        spec: {
          containers: [
            { env: [{ name: 'CONTAINER_NAME', value: 'one' }], volumeMounts: [{ name: 'podnetinfo', readOnly: true, mountPath: '/etc/podnetinfo' }] },
            { volumeMounts: [{ name: 'x', mountPath: '/x' }, { name: 'podnetinfo', readOnly: true, mountPath: '/etc/podnetinfo' }] },
          ],
          volumes: [
            { name: 'x', emptyDir: {} },
            {
              name: 'podnetinfo',
              downwardAPI: {
                items: [
                  { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
                  { path: 'annotations', fieldRef: { fieldPath: 'metadata.annotations' } },
                  { path: 'hugepages_1G_request_one', resourceFieldRef: { containerName: 'one', resource: 'requests.hugepages-1Gi', divisor: '1Mi' } },
                  { path: 'hugepages_1G_limit_one', resourceFieldRef: { containerName: 'one', resource: 'limits.hugepages-1Gi', divisor: '1Mi' } },
                ],
              },
            },
          ],
        },
      },
    });
  });

  test('the annotations that the cluster gives to its label, which may name networks', () => {
    const switches = parseSwitches(JSON.stringify({ 'user-defined-injections': { fast: { op: 'add', path: '/metadata/annotations', value: { 'k8s.v1.cni.cncf.io/networks': 'blue' } } } })).switches;
    const answer = inject(podOf(undefined, { metadata: { labels: { fast: 'True' } } }), switches);
    expect(answer).toMatchObject({ pod: { metadata: { annotations: { 'k8s.v1.cni.cncf.io/networks': 'blue' } } } });
    expect(resourcesOf(answer)).toEqual({ requests: { 'intel.com/blue': '1' }, limits: { 'intel.com/blue': '1' } });
    expect(inject(podOf(undefined, { metadata: { labels: { fast: 'no' } } }), switches)).toEqual({ pod: podOf(undefined, { metadata: { labels: { fast: 'no' } } }), warnings: [] });
  });
});

describe('nothing', () => {
  test.each([
    ['no networks', podOf(undefined)], ['a network without resource', podOf('plain')], ['opted out', podOf('blue', { metadata: { labels: { 'sriovnetwork.openshift.io/inject-resources': 'false' } } })],
  ])('is changed: %s', (_, pod) => {
    expect(inject(pod)).toEqual({ pod, warnings: [] });
  });
});

test.each([
  ['a network that is not there', podOf('grey'), 'there is no NetworkAttachmentDefinition default/grey'],
  ['an annotation that cannot be read', podOf('a/b/c'), 'not of the form'],
  ['a resource name that is none', podOf('broken'), 'no name of an extended resource'],
  ['a selector of two labels', podOf('two-labels'), 'must be one label'],
  ['no containers', podOf('blue', { spec: { containers: [] } }), 'no containers'],
  ['a quantity that is none', podOf('blue', { spec: { containers: [{ name: 'one', resources: { requests: { 'intel.com/blue': 'many' } } }] } }), 'no quantity'],
])('refused: %s', (_, pod, sentence) => {
  expect(inject(pod, parseSwitches('{"features": {"enableHonorExistingResources": true}}').switches)).toContain(sentence);
});

test.each([
  ['not JSON', '{', 'not JSON'], ['a list', '[]', 'must be an object'], ['a feature that is no flag', '{"features": {"enableHugePageDownApi": "yes"}}', 'true or false'],
  ['an injection elsewhere', '{"user-defined-injections": {"a": {"path": "/spec", "value": {}}}}', 'only "path": "/metadata/annotations"'],
  ['names that are none', '{"networkResourceNameKeys": [1]}', 'list of names'],
])('switches: %s keeps the default and is said', (_, text, sentence) => {
  const { switches, problems } = parseSwitches(text);
  expect(problems.join()).toContain(sentence);
  expect({ ...switches, annotationsByLabel: switches.annotationsByLabel.size }).toEqual({ ...defaultSwitches, annotationsByLabel: 0 });
});

test('drawn: every network of a pod is counted once, and what was there stays', () => {
  const names = ['blue', 'red', 'plain'] as const;
  const quantity = fc.constantFrom<JsonValue>('1', 2, '3');
  const resources = fc.record({ requests: fc.dictionary(fc.constantFrom('cpu', 'intel.com/blue', 'intel.com/red'), quantity), limits: fc.dictionary(fc.constantFrom('memory', 'intel.com/red'), quantity) }, { requiredKeys: [] });
  const container = fc.record({ name: fc.constantFrom('a', 'b'), resources }, { requiredKeys: ['name'] });
  fc.assert(fc.property(fc.array(fc.constantFrom(...names), { maxLength: 6 }), fc.array(container, { minLength: 1, maxLength: 3 }), fc.boolean(), (networks, containers, honour) => {
    const before = podOf(networks.join(','), { spec: { containers: containers as JsonValue } });
    const answer = inject(before, { ...defaultSwitches, honourExistingResources: honour });
    if (typeof answer === 'string') throw new Error(answer);
    const after = (answer.pod['spec'] as Fields)['containers'] as readonly Fields[];
    const total = (list: readonly Fields[], part: string, resource: string) => list.reduce((sum, one) => sum + Number(((one['resources'] as Fields | undefined)?.[part] as Fields | undefined)?.[resource] ?? 0), 0);
    for (const color of ['blue', 'red'] as const) {
      const wanted = networks.filter((name) => name === color).length;
      const resource = `intel.com/${color}`;
      const isAskedFor = total(containers as readonly Fields[], 'requests', resource) + total(containers as readonly Fields[], 'limits', resource) > 0;
      for (const part of ['requests', 'limits']) {
        const grown = total(after, part, resource) - total(containers as readonly Fields[], part, resource);
        expect(grown).toBe(isAskedFor && !honour ? 0 : wanted);
      }
    }
    for (const other of ['cpu', 'memory']) for (const part of ['requests', 'limits']) expect(total(after, part, other)).toBe(total(containers as readonly Fields[], part, other));
  }));
});

test('drawn: any JSON in place of a pod is answered, and never changes what is outside of the pod', () => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 4 }), fc.jsonValue({ maxDepth: 3 }), (metadata, spec) => {
    const object = JSON.parse(JSON.stringify({ metadata, spec })) as Fields;
    const answer = inject(object);
    expect(typeof answer === 'string' || answer.pod !== undefined).toBe(true);
  }), { numRuns: 500 });
});
