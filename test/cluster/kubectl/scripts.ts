// What a person does with kubectl against a server alone: no controllers run beside either, so nothing changes but by these commands.
import type { JsonValue } from '@vfleet/core';

/** A command of kubectl: its words, and what it reads. `{file:NAME}` in a word is the path of a file of the script. */
export interface Command {
  readonly words: readonly string[];
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Only lines of its output that match are compared. */
  readonly only?: RegExp;
  /** What a server may say for a moment: while its error matches, the command is given again, for at most 10 s. */
  readonly notYet?: RegExp;
}

/** Commands in order, in a namespace of their own. */
export interface Script {
  readonly name: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly commands: readonly Command[];
}

const kubectl = (line: string, more: Omit<Command, 'words'> = {}): Command => ({ words: line.split(' ').map((word) => word.replaceAll('␣', ' ')), ...more });
const apply = (objects: JsonValue, words = ''): Command => kubectl(`apply ${words}${words === '' ? '' : ' '}-f -`, { input: JSON.stringify(objects) });
const configMap = (name: string, data: JsonValue, metadata: object = {}): JsonValue => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data });
const deployment = (name: string, more: object = {}): JsonValue => ({
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, labels: { app: name } },
  spec: { replicas: 2, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image: 'web:1', ports: [{ containerPort: 80 }], ...more }] } } },
} as JsonValue);
const pod = (name: string, spec: object = {}, metadata: object = {}): JsonValue => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, ...metadata }, spec: { automountServiceAccountToken: false, containers: [{ name: 'c', image: 'i:1' }], ...spec } } as JsonValue);
const serviceAccount: Command = kubectl('create serviceaccount default');

/** Kinds whose documentation is the same on both. */
const explained = [
  'pods', 'nodes', 'namespaces', 'configmaps', 'secrets', 'services', 'serviceaccounts', 'events', 'endpoints', 'deployments', 'daemonsets', 'replicasets', 'jobs', 'leases', 'poddisruptionbudgets',
  'roles', 'rolebindings', 'clusterroles', 'clusterrolebindings', 'customresourcedefinitions', 'mutatingwebhookconfigurations', 'validatingwebhookconfigurations',
];
const known = new RegExp(`^(NAME|${explained.join('|')}|bindings) `);

export const scripts: readonly Script[] = [
  {
    name: 'apply', commands: [
      apply(configMap('a', { x: '1', y: '1' })), apply(configMap('a', { x: '1', y: '1' })), apply(configMap('a', { x: '2' })), kubectl('get configmap a -o yaml'),
      apply(configMap('b', {}), '--dry-run=server'), apply(configMap('b', {}), '--dry-run=client'), kubectl('get configmap b'),
      kubectl('create configmap c --from-literal=k=v'), apply(configMap('c', { k: 'w' })),
      apply(configMap('Wrong_Name', {})), apply({ ...(configMap('d', {}) as object), dataa: {} } as JsonValue), apply({ ...(configMap('d', {}) as object), dataa: {} } as JsonValue, '--validate=warn'), apply({ ...(configMap('d', {}) as object), datab: {} } as JsonValue, '--validate=ignore'),
      apply({ apiVersion: 'v1', kind: 'ConfigMap' }), apply({ apiVersion: 'v9', kind: 'ConfigMap', metadata: { name: 'x' } }), apply({ apiVersion: 'v1', kind: 'Magic', metadata: { name: 'x' } }),
      kubectl('apply view-last-applied configmap/a'), kubectl('apply edit-last-applied configmap/a', { env: { EDITOR: 'true' } }),
      kubectl('apply set-last-applied -f -', { input: JSON.stringify(configMap('a', { x: '9' })) }), kubectl('apply view-last-applied configmap/a -o json'),
    ],
  },
  {
    name: 'server-side apply', commands: [
      apply(configMap('a', { x: '1' }), '--server-side --field-manager=first'), apply(configMap('a', { x: '2' }), '--server-side --field-manager=second'), apply(configMap('a', { x: '2' }), '--server-side --field-manager=second --force-conflicts'),
      kubectl('get configmap a -o yaml --show-managed-fields'), apply(configMap('b', { x: '1' })), apply(configMap('b', { x: '2' }), '--server-side'), kubectl('get configmap b -o yaml --show-managed-fields'),
      apply(configMap('a', {}), '--server-side --field-manager=second --dry-run=server'), kubectl('get configmap a -o jsonpath={.data}'), apply(deployment('d'), '--server-side'), apply(deployment('d', { image: 'web:2' }), '--server-side'), kubectl('get deployment d -o yaml --show-managed-fields'),
    ],
  },
  {
    name: 'apply --prune and -k', files: {
      'kustom/map.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\ndata: {a: b}\n',
      'kustom/kustomization.yaml': 'namePrefix: kustom-\nresources: [map.yaml]\nconfigMapGenerator:\n- name: generated\n  literals: [c=d]\n',
    },
    commands: [
      apply({ apiVersion: 'v1', kind: 'List', items: [configMap('kept', {}, { labels: { set: 'p' } }), configMap('gone', {}, { labels: { set: 'p' } })] } as JsonValue),
      apply(configMap('kept', {}, { labels: { set: 'p' } }), '--prune -l set=p --prune-allowlist=core/v1/ConfigMap'), kubectl('get configmaps -l set=p'),
      kubectl('apply -k {file:kustom}'), kubectl('diff -k {file:kustom}'), kubectl('delete -k {file:kustom}'), kubectl('get configmaps'),
    ],
  },
  {
    name: 'diff and edit', files: { 'editor.sh': '#!/bin/sh\nsed -i s/red/blue/ "$1"\n', 'breaking.sh': '#!/bin/sh\nsed -i "s/^  name: a/  name: Other/" "$1"\n' },
    commands: [
      apply(configMap('a', { colour: 'red' })), kubectl('diff -f -', { input: JSON.stringify(configMap('a', { colour: 'red' })) }), kubectl('diff -f -', { input: JSON.stringify(configMap('a', { colour: 'green' })), only: /^[-+ ] / }),
      kubectl('diff --server-side -f -', { input: JSON.stringify(configMap('a', { size: '1' })), only: /^[-+ ] / }), kubectl('edit configmap a', { env: { EDITOR: '{file:editor.sh}' } }), kubectl('get configmap a -o jsonpath={.data}'),
      kubectl('edit configmap a', { env: { EDITOR: 'true' } }), kubectl('edit configmap a', { env: { EDITOR: '{file:breaking.sh}' }, only: /^(?!.*kubectl-edit)/ }), kubectl('edit configmap none', { env: { EDITOR: 'true' } }),
    ],
  },
  ...explained.map((kind): Script => ({ name: `explain ${kind}`, commands: [kubectl(`explain ${kind}`), kubectl(`explain ${kind} --recursive`), kubectl(`explain ${kind}.metadata`), kubectl(`explain ${kind}.nope`)] })),
  {
    name: 'what is there', commands: [
      kubectl('api-resources -o wide --sort-by=name', { only: known }), kubectl('api-resources --namespaced=false -o name', { only: new RegExp(`^(${explained.join('|')})(\\.|$)`) }),
      kubectl('explain nothing'), kubectl('get nothing'), kubectl('get pods.nothing.example.com'), kubectl('get --raw /readyz'), kubectl('get --raw /nothing'), kubectl('get --raw /api/v1/namespaces/none'),
      kubectl('auth can-i create pods'), kubectl('auth can-i get pods --subresource=log'), kubectl('auth can-i fly magic'), kubectl('auth can-i get /metrics'),
    ],
  },
  {
    name: 'get', commands: [
      kubectl('get configmaps'), apply({ apiVersion: 'v1', kind: 'List', items: [configMap('a', { x: '1' }, { labels: { app: 'a' } }), configMap('b', { x: '2', y: '3' }), { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { k: 'v' } }] } as JsonValue),
      kubectl('get configmaps'), kubectl('get cm,secrets'), kubectl('get cm --show-labels'), kubectl('get cm -L app'), kubectl('get cm -l app=a -o name'), kubectl('get cm -l app␣in␣(a,b),app!=b -o name'), kubectl('get cm -l =='), kubectl('get cm --field-selector metadata.name=b'), kubectl('get cm --field-selector data.x=1'),
      kubectl('get cm a b none'), kubectl('get cm a -o yaml'), kubectl('get cm -o json'), kubectl('get cm -o wide --no-headers'), kubectl('get cm --sort-by=.metadata.name -o custom-columns=N:.metadata.name,X:.data.x'), kubectl('get cm -o jsonpath={.items[*].data}'),
      kubectl('get cm --chunk-size=1'), kubectl('get cm none --ignore-not-found'), kubectl('get cm -o go-template={{range␣.items}}{{.metadata.name}}{{end}}'), kubectl('get secret s -o yaml'), kubectl('describe configmap a'), kubectl('describe secret s'), kubectl('describe configmap none'),
      kubectl('get all'), kubectl('get events'), kubectl('events'),
    ],
  },
  {
    name: 'small changes', commands: [
      kubectl('create configmap a --from-literal=x=1'), kubectl('create configmap a --from-literal=x=1'), kubectl('label configmap a tier=a'), kubectl('label configmap a tier=b'), kubectl('label configmap a tier=b --overwrite'), kubectl('label configmap a tier=b --overwrite'), kubectl('label configmaps --all z=1'), kubectl('label configmap a tier-'), kubectl('label configmap a none-'), kubectl('label configmap a -bad-=x'), kubectl('label configmap a bad=-x-'), kubectl('label configmap a --list'), kubectl('label configmap none x=y'),
      kubectl('annotate configmap a note=first'), kubectl('annotate configmap a note=second'), kubectl('annotate configmap a note=second --overwrite'), kubectl('annotate configmap a note=third --overwrite --resource-version=1'), kubectl('annotate configmap a note-'), kubectl('annotate configmap a --list'),
      kubectl('patch configmap a -p {"data":{"y":"2"}}'), kubectl('patch configmap a -p {"data":{"y":"2"}}'), kubectl('patch configmap a --type=merge -p {"data":{"y":null}}'), kubectl('patch configmap a --type=json -p [{"op":"add","path":"/data/z","value":"3"}]'), kubectl('patch configmap a --type=json -p [{"op":"remove","path":"/none"}]'), kubectl('patch configmap a --type=json -p {"op":"remove"}'), kubectl('patch configmap a --type=merge -p {"metadata":{"name":"b"}}'), kubectl('patch configmap a -p {'), kubectl('patch configmap a -p {"dataa":{}}'), kubectl('patch configmap none -p {}'), kubectl('get configmap a -o yaml'),
      kubectl('replace -f -', { input: JSON.stringify(configMap('a', { q: '1' })) }), kubectl('replace -f -', { input: JSON.stringify(configMap('none', {})) }), kubectl('replace --force -f -', { input: JSON.stringify(configMap('a', { r: '1' })) }), kubectl('create -f -', { input: JSON.stringify(configMap('a', {})) }), kubectl('create --save-config -f -', { input: JSON.stringify(configMap('n', {})) }), kubectl('get configmap n -o yaml'),
      kubectl('delete configmap a none'), kubectl('delete configmap none --ignore-not-found'), kubectl('delete configmaps --all'), kubectl('delete configmaps -l z=1'),
    ],
  },
  {
    name: 'workloads', commands: [
      apply(deployment('d')), kubectl('get deployment d'), kubectl('get deployment d -o wide'), kubectl('get deployment d -o yaml'), kubectl('describe deployment d'), kubectl('scale deployment d --replicas=3'), kubectl('scale deployment d --replicas=4 --current-replicas=9'), kubectl('scale configmap x --replicas=1'),
      kubectl('set image deployment/d main=web:2'), kubectl('set image deployment/d none=web:2'), kubectl('set env deployment/d A=b'), kubectl('set env deployment/d --list'), kubectl('set resources deployment/d --limits=cpu=1,memory=1Gi'), kubectl('set serviceaccount deployment d other'), kubectl('set selector service none a=b'),
      kubectl('rollout history deployment/d'), kubectl('rollout pause deployment/d'), kubectl('rollout pause deployment/d'), kubectl('rollout restart deployment/d'), kubectl('rollout resume deployment/d'), kubectl('rollout status deployment/d --timeout=4s'), kubectl('rollout status deployment/d --watch=false'), kubectl('rollout undo deployment/d'),
      kubectl('patch deployment d --subresource=scale --type=merge -p {"spec":{"replicas":1}}'), kubectl('get deployment d --subresource=scale'), kubectl('get deployment d --subresource=status -o name'), kubectl('expose deployment d --port=80 --cluster-ip=None'), kubectl('get service d'), kubectl('describe service d', { only: /^(Name|Labels|Selector|Type|IP|Port|TargetPort|Session)/ }),
      kubectl('patch deployment d -p {"spec":{"template":{"spec":{"containers":[{"name":"b","image":"b:1"}]}}}}'), kubectl('get deployment d -o jsonpath={.spec.template.spec.containers[*].image}'), kubectl('patch deployment d -p {"spec":{"selector":{"matchLabels":{"app":"e"}}}}'), kubectl('patch deployment d -p {"spec":{"replicas":-1}}'), kubectl('create deployment e --image=x --replicas=0'), kubectl('create job j --image=x -- sleep 5'), kubectl('get jobs'), kubectl('describe job j', { only: /^(Name|Parallelism|Completions|Completion Mode|Suspend|Pods Statuses|Backoff)/ }),
      kubectl('delete deployment d --cascade=orphan --wait=false'), kubectl('get deployment d -o jsonpath={.metadata.finalizers}'), kubectl('delete deployment e --cascade=foreground --wait=false'), kubectl('get deployment e -o jsonpath={.metadata.finalizers}'), kubectl('delete job j --cascade=background'), kubectl('delete deployment none'), kubectl('delete deployment e --cascade=sideways'),
    ],
  },
  {
    name: 'pods', commands: [
      serviceAccount, kubectl('run p --image=i:1'), kubectl('get pods'), kubectl('get pods -o wide'), kubectl('get pod p -o jsonpath={.status.phase}'), apply(pod('q', { nodeName: 'nowhere' })), kubectl('get pods --field-selector spec.nodeName=nowhere'), kubectl('describe pod q'),
      kubectl('logs p'), kubectl('logs none'), kubectl('logs p -c none'), kubectl('exec p -- true'), kubectl('exec none -- true'), kubectl('attach none'), kubectl('port-forward none 80'), kubectl('wait --for=condition=Ready pod/p --timeout=4s'), kubectl('wait --for=delete pod/p --timeout=4s'), kubectl('wait --for=jsonpath={.status.phase}=Pending pod/p --timeout=4s'), kubectl('wait --for=create pod/p --timeout=4s'), kubectl('wait --for=condition=Ready pod/none --timeout=4s'),
      kubectl('patch pod p -p {"spec":{"containers":[{"name":"p","image":"i:2"}]}}'), kubectl('label pod p a=b'), kubectl('run p --image=i:1'), kubectl('run r --image=i:1 --dry-run=server -o yaml'), kubectl('run Wrong_Name --image=i:1'), kubectl('run t --image=i:1 --restart=Never --command -- sleep 5'), kubectl('get pod t -o jsonpath={.spec.containers[0].command}'),
      kubectl('delete pod p --now'), kubectl('delete pod q --wait=false'), kubectl('get pods'), kubectl('delete pod q --force --grace-period=0'), kubectl('delete pod t --grace-period=-5'), kubectl('get pods'), kubectl('set image pod/none c=x'),
    ],
  },
  {
    name: 'nodes', commands: [
      kubectl('create -f -', { input: JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels: { 'kubernetes.io/hostname': 'n1' } }, spec: { podCIDR: '10.0.0.0/24' } }) }), kubectl('get nodes'), kubectl('get nodes -o wide'), kubectl('cordon n1'), kubectl('cordon n1'), kubectl('get node n1'), kubectl('uncordon n1'), kubectl('taint nodes n1 k=v:NoSchedule'), kubectl('taint nodes n1 k=v:NoSchedule'), kubectl('taint nodes n1 k=w:NoSchedule --overwrite'), kubectl('taint nodes n1 k=w:Sometimes'), kubectl('taint nodes n1 k:NoSchedule-'), kubectl('describe node n1', { only: /^(Name|Roles|Labels|Taints|Unschedulable|PodCIDR)/ }),
      serviceAccount, apply(pod('bare', { nodeName: 'n1' })), apply(pod('guarded', { nodeName: 'n1' }, { labels: { app: 'g' } })), kubectl('create poddisruptionbudget g --selector=app=g --min-available=1'), kubectl('get pdb'), kubectl('describe pdb g'), kubectl('drain n1 --timeout=4s'), kubectl('delete pod bare --force --grace-period=0'), kubectl('drain n1 --force --timeout=4s', { only: /^(?!.*evicting pod)/ }), kubectl('drain none'), kubectl('drain n1 --force --dry-run=server'), kubectl('top nodes'), kubectl('delete node n1'), kubectl('get nodes'),
    ],
  },
  {
    name: 'create', commands: [
      kubectl('create role r --verb=get --resource=pods'), kubectl('create rolebinding rb --role=r --user=u'), kubectl('create clusterrole cr --verb=get --resource=pods --dry-run=server -o yaml'), kubectl('get role,rolebinding'), kubectl('describe role r'), kubectl('describe rolebinding rb'), kubectl('create secret generic s --from-literal=a=b'), kubectl('create secret tls t --cert=none --key=none'), kubectl('create service clusterip c --clusterip=None'), kubectl('create service externalname e --external-name=example.com'), kubectl('get services'), kubectl('create namespace Bad_Name'), kubectl('create namespace default'), kubectl('create poddisruptionbudget p --selector=a=b --min-available=1 --max-unavailable=1'), kubectl('create configmap c --from-literal=a=b --dry-run=server -o yaml'), kubectl('create serviceaccount sa'), kubectl('get serviceaccounts'), kubectl('describe serviceaccount sa'),
      kubectl('create -f -', { input: JSON.stringify({ apiVersion: 'v1', kind: 'Event', metadata: { name: 'e' }, involvedObject: { kind: 'ConfigMap', name: 'c', namespace: '{{ns}}' }, reason: 'Made', message: 'it was made', type: 'Normal', count: 2, firstTimestamp: '2024-01-02T03:04:05Z', lastTimestamp: '2024-01-02T03:04:06Z', source: { component: 'x' } }) }), kubectl('get events'), kubectl('get events -o wide'), kubectl('events'), kubectl('events --for configmap/c'), kubectl('events --types=Warning'),
    ],
  },
  {
    name: 'custom resources', commands: [
      apply({
        apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'gadgets.kubectl.example.com' },
        spec: { group: 'kubectl.example.com', scope: 'Namespaced', names: { plural: 'gadgets', kind: 'Gadget', shortNames: ['gd'], categories: ['all'] }, versions: [{ name: 'v1', served: true, storage: true, subresources: { status: {} }, additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }], schema: { openAPIV3Schema: { type: 'object', description: 'A gadget of a size.', properties: { spec: { type: 'object', required: ['size'], properties: { size: { type: 'integer', description: 'How large it is.', maximum: 10 }, tags: { type: 'array', items: { type: 'string' } } } } } } } }] },
      }),
      kubectl('wait --for=condition=Established crd/gadgets.kubectl.example.com --timeout=10s'), kubectl('get crd gadgets.kubectl.example.com'), kubectl('api-resources --api-group=kubectl.example.com'), kubectl('explain gadget', { notYet: /couldn't find resource/ }), kubectl('explain gadget --recursive'), kubectl('explain gadget.spec.size'),
      apply({ apiVersion: 'kubectl.example.com/v1', kind: 'Gadget', metadata: { name: 'g' }, spec: { size: 20 } }), apply({ apiVersion: 'kubectl.example.com/v1', kind: 'Gadget', metadata: { name: 'g' }, spec: { size: 'x' } }), apply({ apiVersion: 'kubectl.example.com/v1', kind: 'Gadget', metadata: { name: 'g' }, spec: { size: 5, colour: 'red' } }), apply({ apiVersion: 'kubectl.example.com/v1', kind: 'Gadget', metadata: { name: 'g' } }), apply({ apiVersion: 'kubectl.example.com/v1', kind: 'Gadget', metadata: { name: 'g' }, spec: { size: 5, tags: ['a'] } }),
      kubectl('get gd'), kubectl('get gd -o wide'), kubectl('get all'), kubectl('describe gadget g'), kubectl('patch gadget g --type=merge -p {"spec":{"size":6}}'), kubectl('patch gadget g -p {"spec":{"size":7}}'), kubectl('patch gadget g --subresource=status --type=merge -p {"status":{"x":1}}'), kubectl('scale gadget g --replicas=1'), kubectl('get gadget g -o yaml'), kubectl('label gadget g a=b'), kubectl('delete gadgets --all'), kubectl('delete crd gadgets.kubectl.example.com --timeout=20s'),
    ],
  },
];
