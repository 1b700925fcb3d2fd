/**
 * Goal: a pod asks for what the real scheduler counts. Method: examples of KEP-753's formula, and a property: reordering
 * containers or adding an init container no larger than the rest changes nothing.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { amountOf } from '@vfleet/kube-sim/pods/amounts.ts';
import { podRequests, qosClass } from '@vfleet/kube-sim/pods/requests.ts';
import { asking, pod } from './fixtures.ts';

const container = (name: string, requests: Record<string, string>, restartPolicy?: 'Always') => ({ name, image: 'x', resources: { requests }, ...(restartPolicy !== undefined && { restartPolicy }) });

describe('podRequests', () => {
  it('adds containers and takes the largest init container', () => {
    const requests = podRequests(pod('p', {
      containers: [container('a', { cpu: '500m', memory: '1Gi' }), container('b', { cpu: '1', 'openshift.io/vf': '1' })],
      initContainers: [container('i', { cpu: '2' }), container('j', { memory: '512Mi' })],
      overhead: { cpu: '100m' },
    }));
    expect(Object.fromEntries(requests)).toEqual({ cpu: 2100, memory: 2 ** 30, 'openshift.io/vf': 1 });
  });

  it('adds sidecars to the containers, and to the init containers after them', () => {
    const requests = podRequests(pod('p', {
      containers: [container('a', { cpu: '1' })],
      initContainers: [container('before', { cpu: '3' }), container('side', { cpu: '1' }, 'Always'), container('after', { cpu: '2500m' })],
    }));
    expect(requests.get('cpu')).toBe(3500);
  });

  it('counts a limit without a request as a request', () => {
    expect(podRequests(pod('p', { containers: [{ name: 'a', image: 'x', resources: { limits: { 'openshift.io/vf': '2' } } }] })).get('openshift.io/vf')).toBe(2);
  });

  it('does not depend on the order of the containers', () => {
    fc.assert(fc.property(fc.array(fc.record({ cpu: fc.integer({ min: 0, max: 9 }), vf: fc.integer({ min: 0, max: 3 }) }), { minLength: 1, maxLength: 5 }), (demands) => {
      const containers = demands.map(({ cpu, vf }, index) => container(`c${index}`, { cpu: `${cpu}`, 'openshift.io/vf': `${vf}` }));
      const forward = podRequests(pod('p', { containers }));
      const backward = podRequests(pod('p', { containers: containers.toReversed(), initContainers: [containers[0]!] }));
      expect(Object.fromEntries(backward)).toEqual(Object.fromEntries(forward));
      expect(forward.get('cpu')).toBe(1000 * demands.reduce((sum, { cpu }) => sum + cpu, 0));
    }));
  });

  it('takes what is no quantity as nothing', () => {
    expect(amountOf('cpu', 'many')).toBe(0);
    expect(amountOf('cpu', '1.5')).toBe(1500);
    expect(amountOf('memory', '1500m')).toBe(2);
  });
});

describe('qosClass', () => {
  it('follows cpu and memory of all containers', () => {
    expect(qosClass(pod('p'))).toBe('BestEffort');
    expect(qosClass(asking('p', { 'openshift.io/vf': '1' }))).toBe('BestEffort');
    expect(qosClass(asking('p', { cpu: '1', memory: '1Gi' }))).toBe('Guaranteed');
    expect(qosClass(asking('p', { cpu: '1' }))).toBe('Burstable');
  });
});
