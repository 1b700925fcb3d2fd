// Label and field selectors of lists, good and bad ones, and which fields each kind can be selected by.
import type { JsonValue } from '@vfleet/core';
import { clusterCore, core, create, get, group, prepare } from '../case.ts';
import type { Case, Theme } from '../case.ts';

const configmaps = core('configmaps');
const labels: readonly { readonly [key: string]: JsonValue }[] = [{}, { a: '1' }, { a: '2', b: 'x' }, { a: '3', 'example.com/c': '' }, { b: 'y', a: '10' }];
const given = labels.map((one, index) => prepare(create(configmaps, { metadata: { name: `o${index}`, labels: one } })));

const labelSelectors: readonly string[] = [
  'a=1', 'a==1', 'a!=1', 'a', '!a', 'a in (1,2)', 'a notin (1, 2)', 'a,b', 'a=1,b=x', 'a>2', 'a<3', 'a > 1, a < 10', 'b>1', 'example.com/c=', 'example.com/c', 'a=', 'a in ()', 'a in (1', 'a=1,', ',', '=', '!', 'a=b=c',
  'a in 1', 'a=é', 'a b', '!a=1', 'a>x', 'a!', 'a notin (,1)', 'A=1', ' a = 1 ', '(a)', 'a/b/c=1', 'a=-', '-a=1', 'in=1', 'a exists', `a=${'x'.repeat(64)}`,
];
const fieldSelectors: readonly string[] = [
  'metadata.name=o1', 'metadata.name==o1', 'metadata.name!=o1', 'metadata.namespace={{ns}}', 'metadata.namespace!={{ns}}', 'metadata.namespace=other', 'metadata.name=o1,metadata.namespace={{ns}}', 'metadata.name=', 'data.a=1', 'metadata.labels.a=1',
  'metadata.name', 'metadata.name>o1', 'metadata.name=o1,', '=o1', 'metadata.name=o\\=1', 'metadata.name=o1,metadata.name=o2', 'metadata.uid=x', 'metadata.name=o\\x',
];

/** A list's items by name, so that a failure reads well. */
const listed = (path: string, query: Readonly<Record<string, string>>) => get(path, { query, only: ['kind', 'items[*].metadata.name', 'metadata'] });

const podGiven = [
  prepare(create(core('pods'), { metadata: { name: 'p1' }, spec: { containers: [{ name: 'c', image: 'i' }], nodeName: 'n1', restartPolicy: 'Never' } })),
  prepare(create(core('pods'), { metadata: { name: 'p2' }, spec: { containers: [{ name: 'c', image: 'i' }], schedulerName: 'other', serviceAccountName: 'default', hostNetwork: true } })),
];
const podSelectors: readonly string[] = [
  'spec.nodeName=n1', 'spec.nodeName=', 'spec.nodeName!=n1', 'status.phase=Pending', 'status.phase!=Pending,spec.nodeName=n1', 'spec.restartPolicy=Never', 'spec.schedulerName=other', 'spec.serviceAccountName=default', 'spec.hostNetwork=true',
  'status.podIP=', 'status.podIPs=', 'status.nominatedNodeName=', 'spec.containers=x', 'status.reason=x',
];

/** Selectable fields of kinds other than pods: `field=nothing` has to be answered with an empty list, or refused. */
const others: readonly (readonly [string, string])[] = [
  [core('events'), 'involvedObject.name=a'], [core('events'), 'involvedObject.kind=Pod,involvedObject.uid=x,reason=R,type=Normal,source=s,reportingComponent=r'], [core('events'), 'message=x'],
  [clusterCore('nodes'), 'spec.unschedulable=maybe'], [clusterCore('nodes'), 'metadata.name=none'], [clusterCore('nodes'), 'spec.podCIDR=x'], [clusterCore('namespaces'), 'status.phase=None'], [clusterCore('namespaces'), 'metadata.name=none'],
  [core('secrets'), 'type=none'], [core('secrets'), 'data=none'], [core('services'), 'spec.clusterIP=none,spec.type=none'], [group('apps/v1', 'deployments'), 'spec.replicas=1'], [group('apps/v1', 'replicasets'), 'status.replicas=9'], [group('apps/v1', 'daemonsets'), 'metadata.name=none'],
  [group('batch/v1', 'jobs'), 'status.successful=9'], [group('coordination.k8s.io/v1', 'leases'), 'spec.holderIdentity=x'], [group('policy/v1', 'poddisruptionbudgets'), 'metadata.name=none'], [group('rbac.authorization.k8s.io/v1', 'roles'), 'metadata.name=none'],
  [group('events.k8s.io/v1', 'events'), 'regarding.name=x'], [group('events.k8s.io/v1', 'events'), 'reason=x'],
];

export const selecting: Theme = {
  name: 'selecting',
  cases: [
    { name: 'by label', steps: [...given, ...labelSelectors.slice(0, 16).map((labelSelector) => listed(configmaps, { labelSelector }))] },
    ...labelSelectors.slice(16).map((labelSelector): Case => ({ name: `label selector ${labelSelector.slice(0, 20)} (${labelSelectors.indexOf(labelSelector)})`, steps: [...given.slice(0, 2), listed(configmaps, { labelSelector })] })),
    { name: 'by field', steps: [...given, ...fieldSelectors.slice(0, 8).map((fieldSelector) => listed(configmaps, { fieldSelector }))] },
    ...fieldSelectors.slice(8).map((fieldSelector): Case => ({ name: `field selector ${fieldSelector} (${fieldSelectors.indexOf(fieldSelector)})`, steps: [...given.slice(0, 3), listed(configmaps, { fieldSelector })] })),
    { name: 'by label and field', steps: [...given, listed(configmaps, { labelSelector: 'a', fieldSelector: 'metadata.name!=o1' })] },
    { name: 'pods by field', needs: ['serviceAccount'], steps: [...podGiven, ...podSelectors.slice(0, -2).map((fieldSelector) => listed(core('pods'), { fieldSelector }))] },
    ...podSelectors.slice(-2).map((fieldSelector): Case => ({ name: `pods by ${fieldSelector}`, steps: [listed(core('pods'), { fieldSelector })] })),
    ...others.map(([path, fieldSelector]): Case => ({ name: `${path.split('/').at(-1) ?? ''}${path.startsWith('/apis/events') ? ' of events.k8s.io' : ''} by ${fieldSelector}`, steps: [listed(path, { fieldSelector })] })),
    { name: 'over all namespaces', steps: [prepare(create(configmaps, { metadata: { name: 'o', labels: { all: '{{ns}}' } } })), listed(clusterCore('configmaps'), { labelSelector: 'all={{ns}}' })] },
    { name: 'a name and a field selector for another', steps: [...given.slice(0, 1), get(`${configmaps}/o0`, { query: { fieldSelector: 'metadata.name=other' } })] },
  ],
};
