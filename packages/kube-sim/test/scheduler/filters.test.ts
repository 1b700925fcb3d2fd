/**
 * Goal: each filter refuses what the real one refuses, with its text and in its order. Method: one example a rule, and properties
 * over drawn clusters: the incremental candidates always agree with a fresh look at every node.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Candidates } from '@vfleet/kube-sim/scheduler/candidates.ts';
import { ClusterView } from '@vfleet/kube-sim/scheduler/cluster-view.ts';
import { filterNode } from '@vfleet/kube-sim/scheduler/filters.ts';
import { fitErrorMessage } from '@vfleet/kube-sim/scheduler/fit-error.ts';
import { NodeInfo } from '@vfleet/kube-sim/scheduler/node-info.ts';
import { podInfoOf } from '@vfleet/kube-sim/scheduler/pod-info.ts';
import { scoreNode } from '@vfleet/kube-sim/scheduler/score.ts';
import type { Node, Pod } from '@vfleet/kube';
import { asking, node, pod, VF } from './fixtures.ts';

function judge(wanted: Pod, on: Node, ...placed: readonly Pod[]) {
  const info = new NodeInfo(on.metadata.name);
  info.setNode(on);
  for (const one of placed) info.add(podInfoOf(one));
  return filterNode(podInfoOf(wanted), info);
}

describe('filterNode', () => {
  it('takes a plain pod', () => {
    expect(judge(pod('p'), node('a'))).toBeUndefined();
  });

  it('refuses a cordoned node unless that is tolerated', () => {
    const cordoned = node('a', {}, { spec: { unschedulable: true } });
    expect(judge(pod('p'), cordoned)?.reasons).toEqual(['node(s) were unschedulable']);
    expect(judge(pod('p', { tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }] }), cordoned)).toBeUndefined();
  });

  it('refuses hard taints and tolerates as the API says', () => {
    const tainted = node('a', {}, { spec: { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] } });
    const withToleration = (toleration: object) => judge(pod('p', { tolerations: [toleration] }), tainted);
    expect(judge(pod('p'), tainted)?.reasons).toEqual(['node(s) had untolerated taint(s)']);
    expect(withToleration({ key: 'k', operator: 'Equal', value: 'v', effect: 'NoSchedule' })).toBeUndefined();
    expect(withToleration({ key: 'k', value: 'v' })).toBeUndefined();
    expect(withToleration({ operator: 'Exists' })).toBeUndefined();
    expect(withToleration({ key: 'k', value: 'other' })).toBeDefined();
    expect(withToleration({ key: 'k', operator: 'Exists', effect: 'NoExecute' })).toBeDefined();
    expect(judge(pod('p'), node('a', {}, { spec: { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] } }))).toBeUndefined();
  });

  it('honours nodeSelector and required node affinity', () => {
    const labelled = node('a', {}, { labels: { sriov: 'yes', cores: '16' } });
    const requiring = (...matchExpressions: { key: string; operator: 'In' | 'Gt' | 'Lt' | 'NotIn' | 'Exists' | 'DoesNotExist'; values?: string[] }[]) =>
      judge(pod('p', { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] } } } }), labelled);
    expect(judge(pod('p', { nodeSelector: { sriov: 'no' } }), labelled)?.reasons).toEqual(["node(s) didn't match Pod's node affinity/selector"]);
    expect(judge(pod('p', { nodeSelector: { sriov: 'yes' } }), labelled)).toBeUndefined();
    expect(requiring({ key: 'cores', operator: 'Gt', values: ['8'] }, { key: 'sriov', operator: 'In', values: ['yes'] })).toBeUndefined();
    expect(requiring({ key: 'cores', operator: 'Lt', values: ['8'] })).toBeDefined();
    expect(requiring({ key: 'absent', operator: 'NotIn', values: ['x'] })).toBeUndefined();
    expect(requiring({ key: 'absent', operator: 'Exists' })).toBeDefined();
    expect(requiring()).toBeDefined();
  });

  it('names every resource that is short, and whether evicting pods could help', () => {
    const refusal = judge(asking('p', { cpu: '3', memory: '1Gi', [VF]: '2' }), node('a', { [VF]: '2' }), asking('q', { cpu: '2', [VF]: '1' }));
    expect(refusal).toEqual({ reasons: ['Insufficient cpu', `Insufficient ${VF}`], resolvable: true });
    expect(judge(asking('p', { [VF]: '3' }), node('a', { [VF]: '2' }))?.resolvable).toBe(false);
    expect(judge(pod('p'), node('a', { pods: '1' }), pod('q'))?.reasons).toEqual(['Too many pods']);
    expect(judge(asking('p', { [VF]: '0' }), node('a'))).toBeUndefined();
  });

  it('keeps host ports apart', () => {
    const listening = (name: string, hostIP?: string) => pod(name, { containers: [{ name: 'c', image: 'x', ports: [{ containerPort: 80, hostPort: 80, ...(hostIP !== undefined && { hostIP }) }] }] });
    expect(judge(listening('p'), node('a'), listening('q', '10.0.0.1'))?.reasons).toEqual(["node(s) didn't have free ports for the requested pod ports"]);
    expect(judge(listening('p', '10.0.0.2'), node('a'), listening('q', '10.0.0.1'))).toBeUndefined();
  });

  it('reports the first rule only, in the order of the real profile', () => {
    const refusing = node('a', {}, { spec: { unschedulable: true, taints: [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] } });
    expect(judge(asking('p', { cpu: '99' }), refusing)?.reasons).toEqual(['node(s) were unschedulable']);
  });
});

describe('fitErrorMessage', () => {
  it('reads as the scheduler of 1.34 writes it', () => {
    expect(fitErrorMessage({ nodeCount: 0, reasons: new Map(), resolvableNodes: 0 })).toBe('no nodes available to schedule pods');
    const reasons = new Map([["node(s) didn't match Pod's node affinity/selector", 2], [`Insufficient ${VF}`, 1]]);
    expect(fitErrorMessage({ nodeCount: 3, reasons, resolvableNodes: 1 })).toBe(
      "0/3 nodes are available: 1 Insufficient openshift.io/vf, 2 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, "
      + 'preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.',
    );
  });
});

/** What happens to a small cluster; numbers name nodes and pods. */
type Step =
  | { readonly kind: 'node'; readonly node: number; readonly vfs: number; readonly cordoned: boolean; readonly soft: boolean }
  | { readonly kind: 'gone'; readonly node: number }
  | { readonly kind: 'place'; readonly pod: number; readonly node: number; readonly vfs: number }
  | { readonly kind: 'free'; readonly pod: number }
  | { readonly kind: 'ask' };

const nodeNumber = fc.integer({ min: 0, max: 4 });
const podNumber = fc.integer({ min: 0, max: 8 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('node' as const), node: nodeNumber, vfs: fc.integer({ min: 0, max: 4 }), cordoned: fc.boolean(), soft: fc.boolean() }),
  fc.record({ kind: fc.constant('gone' as const), node: nodeNumber }),
  fc.record({ kind: fc.constant('place' as const), pod: podNumber, node: nodeNumber, vfs: fc.integer({ min: 0, max: 2 }) }),
  fc.record({ kind: fc.constant('free' as const), pod: podNumber }),
  fc.record({ kind: fc.constant('ask' as const) }),
);

function carryOut(view: ClusterView, one: Step): void {
  if (one.kind === 'node') {
    const taints = one.soft ? [{ key: 'soft', effect: 'PreferNoSchedule' as const }] : [];
    view.setNode(node(`n${one.node}`, { [VF]: `${one.vfs}` }, { spec: { unschedulable: one.cordoned, taints } }));
  } else if (one.kind === 'gone') view.removeNode(`n${one.node}`);
  else if (one.kind === 'place') view.place(podInfoOf(asking(`p${one.pod}`, { [VF]: `${one.vfs}` })), `n${one.node}`);
  else if (one.kind === 'free') view.remove(`uid-p${one.pod}`);
}

describe('Candidates', () => {
  it('always agrees with a fresh look at every node', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const view = new ClusterView();
      const wanted = podInfoOf(asking('wanted', { [VF]: '1' }));
      const kept = new Candidates(view, wanted);
      for (const one of steps) {
        carryOut(view, one);
        if (one.kind !== 'ask') continue;
        const fresh = new Candidates(view, wanted);
        expect(kept.best()?.name).toBe(fresh.best()?.name);
        expect(kept.any).toBe(fresh.any);
        expect(kept.diagnosis()).toEqual(fresh.diagnosis());
      }
      const fitting = [...view.nodes()].filter((one) => one.node !== undefined && filterNode(wanted, one) === undefined);
      const best = kept.best();
      expect(best === undefined).toBe(fitting.length === 0);
      if (best !== undefined) for (const other of fitting) expect(scoreNode(wanted, other)).toBeLessThanOrEqual(scoreNode(wanted, best));
    }), { numRuns: 300 });
  });

  it('counts a pod that changed before its node was known', () => {
    const view = new ClusterView();
    for (const vfs of ['0', '1']) view.place(podInfoOf(asking('p', { [VF]: vfs })), 'n');
    view.setNode(node('n', { [VF]: '1' }));
    const candidates = new Candidates(view, podInfoOf(asking('wanted', { [VF]: '1' })));
    expect(candidates.any).toBe(false);
    view.remove('uid-p');
    expect(candidates.best()?.name).toBe('n');
  });

  it('never lets what is placed exceed what there is, when only best nodes are used', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 30 }), (vfs, demands) => {
      const view = new ClusterView();
      vfs.forEach((count, index) => view.setNode(node(`n${index}`, { [VF]: `${count}` })));
      const shapes = new Map<string, Candidates>();
      demands.forEach((demand, index) => {
        const info = podInfoOf(asking(`p${index}`, { [VF]: `${demand}` }));
        const candidates = shapes.get(info.shape) ?? new Candidates(view, info);
        shapes.set(info.shape, candidates);
        const best = candidates.best();
        if (best !== undefined) view.place(info, best.name);
      });
      for (const one of view.nodes()) expect(one.free(VF)).toBeGreaterThanOrEqual(0);
    }));
  });
});
