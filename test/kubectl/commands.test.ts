// Goal: an unmodified kubectl does everything with an embedded cluster that it does with a real one. Method: the kubectl on the
// PATH against a served cluster of two nodes; skipped, and said so, where there is none.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configMap, deployment, hasKubectl, startBench } from './harness.ts';
import type { Bench } from './harness.ts';

if (!hasKubectl) process.stderr.write('skipped: the tests of kubectl commands, because there is no kubectl on the PATH\n');

describe.runIf(hasKubectl)('kubectl', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench();
  });
  afterAll(() => bench.stop());

  const get = async (words: readonly string[]): Promise<Record<string, unknown>> => JSON.parse(await bench.ok(['get', ...words, '-o', 'json'])) as Record<string, unknown>;
  const names = async (...words: string[]) => (await bench.ok(['get', ...words, '-o', 'name'])).split('\n').filter((line) => line !== '');
  const poll = (ask: () => unknown) => {
    return expect.poll(ask, { interval: 100 });
  };

  describe('apply', () => {
    test('creates, changes what the file changes, and leaves the rest', async () => {
      expect(await bench.ok(['apply', '-f', bench.file('a.json', configMap('applied', { x: '1', y: '1' }))])).toBe('configmap/applied created\n');
      await bench.ok(['patch', 'configmap', 'applied', '--type=merge', '-p', '{"data":{"by":"hand"}}']);
      expect(await bench.ok(['apply', '-f', bench.file('a.json', configMap('applied', { x: '2' }))])).toBe('configmap/applied configured\n');
      expect((await get(['configmap', 'applied']))['data']).toEqual({ x: '2', by: 'hand' });
      expect(await bench.ok(['apply', '-f', bench.file('a.json', configMap('applied', { x: '2' }))])).toBe('configmap/applied unchanged\n');
    });

    test('--server-side: owners, conflicts, force', async () => {
      const apply = (manager: string, x: string, ...more: string[]) => bench.kubectl(['apply', '--server-side', `--field-manager=${manager}`, '-f', bench.file(`${manager}.json`, configMap('owned', { x })), ...more]);
      expect((await apply('first', '1')).out).toBe('configmap/owned serverside-applied\n');
      const refused = await apply('second', '2');
      expect(refused.status).not.toBe(0);
      expect(refused.err).toContain('Apply failed with 1 conflict: conflict with "first": .data.x');
      expect((await apply('second', '2', '--force-conflicts')).out).toBe('configmap/owned serverside-applied\n');
      expect((await get(['configmap', 'owned', '--show-managed-fields']))['metadata']).toMatchObject({ managedFields: [{ manager: 'second', operation: 'Apply' }] });
    });

    test('--prune removes what has left the files, of the given kinds and label', async () => {
      const both = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [configMap('kept', {}, { labels: { set: 'pruned' } }), configMap('gone', {}, { labels: { set: 'pruned' } })] });
      await bench.ok(['apply', '-f', '-'], both);
      const out = await bench.ok(['apply', '--prune', '-l', 'set=pruned', '--prune-allowlist=core/v1/ConfigMap', '-f', bench.file('kept.json', configMap('kept', {}, { labels: { set: 'pruned' } }))]);
      expect(out).toMatch(/^configmap\/kept (unchanged|configured)\nconfigmap\/gone pruned\n$/);
      expect(await names('configmaps', '-l', 'set=pruned')).toEqual(['configmap/kept']);
    });

    test('-k: a kustomization', async () => {
      const folder = join(dirname(bench.file('marker', '')), 'kustom');
      mkdirSync(folder, { recursive: true });
      bench.file('kustom/map.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\ndata: {a: b}\n');
      bench.file('kustom/kustomization.yaml', 'namePrefix: kustom-\nresources: [map.yaml]\nconfigMapGenerator:\n- name: generated\n  literals: [c=d]\n');
      expect(await bench.ok(['apply', '-k', folder])).toMatch(/^configmap\/kustom-generated-\w+ created\nconfigmap\/kustom-map created\n$/);
    });

    test('--dry-run=server tells and changes nothing', async () => {
      expect(await bench.ok(['apply', '--dry-run=server', '-f', bench.file('dry.json', configMap('dry', {}))])).toBe('configmap/dry created (server dry run)\n');
      expect((await bench.kubectl(['get', 'configmap', 'dry'])).err).toContain('Error from server (NotFound): configmaps "dry" not found');
    });

    test('what is wrong is refused before anything changes', async () => {
      const refused = await bench.kubectl(['apply', '-f', '-'], { input: JSON.stringify(configMap('Wrong_Name', {})) });
      expect(refused.err).toContain('The ConfigMap "Wrong_Name" is invalid: metadata.name: Invalid value: "Wrong_Name"');
      const unknown = await bench.kubectl(['apply', '-f', '-'], { input: JSON.stringify({ ...configMap('wrong', {}), dataa: {} }) });
      expect(unknown.err).toContain('ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dataa"');
    });
  });

  test('diff shows what would change', async () => {
    await bench.ok(['apply', '-f', bench.file('diff.json', configMap('differs', { x: '1' }))]);
    expect((await bench.kubectl(['diff', '-f', bench.file('diff.json', configMap('differs', { x: '1' }))])).status).toBe(0);
    const changed = await bench.kubectl(['diff', '-f', bench.file('diff.json', configMap('differs', { x: '2' }))]);
    expect(changed.status, changed.err).toBe(1);
    expect(changed.out).toMatch(/^-  x: "1"$/m);
    expect(changed.out).toMatch(/^\+  x: "2"$/m);
  });

  test('edit opens an editor and takes what it saves', async () => {
    await bench.ok(['create', 'configmap', 'edited', '--from-literal=colour=red']);
    const editor = bench.file('editor.sh', '#!/bin/sh\nsed -i s/red/blue/ "$1"\n');
    expect((await bench.kubectl(['edit', 'configmap', 'edited'], { env: { EDITOR: editor } })).out).toBe('configmap/edited edited\n');
    expect((await get(['configmap', 'edited']))['data']).toEqual({ colour: 'blue' });
    expect((await bench.kubectl(['edit', 'configmap', 'edited'], { env: { EDITOR: 'true' } })).err + (await bench.kubectl(['edit', 'configmap', 'edited'], { env: { EDITOR: 'true' } })).out).toContain('Edit cancelled, no changes made');
    const breaking = bench.file('breaking.sh', '#!/bin/sh\nsed -i "s/name: edited/name: Other/" "$1"\n');
    expect((await bench.kubectl(['edit', 'configmap', 'edited'], { env: { EDITOR: breaking } })).status).not.toBe(0);
  });

  test('explain: a kind, a field, everything below', async () => {
    expect(await bench.ok(['explain', 'deployment'])).toMatch(/GROUP: +apps\nKIND: +Deployment\nVERSION: +v1/);
    expect(await bench.ok(['explain', 'pod.spec.containers.image'])).toContain('FIELD: image <string>');
    const all = await bench.ok(['explain', 'pod', '--recursive']);
    for (const field of ['containers	<[]Container> -required-', 'preferredDuringSchedulingIgnoredDuringExecution', 'terminationGracePeriodSeconds']) expect(all).toContain(field);
    expect(await bench.ok(['explain', 'customresourcedefinition.spec.versions'])).toContain('FIELD: versions <[]CustomResourceDefinitionVersion>');
    expect((await bench.kubectl(['explain', 'pod.spec.nope'])).err).toContain('field "nope" does not exist');
  });

  describe('workloads', () => {
    test('create, scale, set image, rollout, undo', async () => {
      await bench.ok(['apply', '-f', bench.file('web.json', deployment('web', 2))]);
      expect(await bench.ok(['rollout', 'status', 'deployment/web', '--timeout=120s'])).toContain('deployment "web" successfully rolled out');
      expect(await bench.ok(['scale', 'deployment/web', '--replicas=3'])).toBe('deployment.apps/web scaled\n');
      expect(await bench.ok(['wait', '--for=jsonpath={.status.readyReplicas}=3', 'deployment/web', '--timeout=120s'])).toBe('deployment.apps/web condition met\n');
      expect(await bench.ok(['wait', '--for=condition=Available', 'deployment/web', '--timeout=120s'])).toBe('deployment.apps/web condition met\n');
      expect(await bench.ok(['set', 'image', 'deployment/web', 'main=web:2'])).toBe('deployment.apps/web image updated\n');
      expect(await bench.ok(['rollout', 'status', 'deployment/web', '--timeout=120s'])).toContain('successfully rolled out');
      await poll(() => bench.ok(['get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].spec.containers[0].image}'])).toBe('web:2 web:2 web:2');
      expect(await bench.ok(['rollout', 'history', 'deployment/web'])).toMatch(/REVISION +CHANGE-CAUSE\n1 +<none>\n2 +<none>/);
      expect(await bench.ok(['rollout', 'undo', 'deployment/web'])).toBe('deployment.apps/web rolled back\n');
      await bench.ok(['rollout', 'status', 'deployment/web', '--timeout=120s']);
      expect(await bench.ok(['rollout', 'restart', 'deployment/web'])).toBe('deployment.apps/web restarted\n');
      await bench.ok(['rollout', 'status', 'deployment/web', '--timeout=120s']);
      expect(await bench.ok(['rollout', 'pause', 'deployment/web'])).toContain('paused');
      expect(await bench.ok(['rollout', 'resume', 'deployment/web'])).toContain('resumed');
      expect((await bench.kubectl(['scale', 'deployment/web', '--current-replicas=9', '--replicas=1'])).err).toContain('Expected replicas to be 9, was 3');
    });

    test('get all, get -o wide, custom columns, sorted, label columns, describe', async () => {
      await poll(() => bench.ok(['get', 'all'])).toMatch(/deployment\.apps\/web +3\/3 +3 +3/);
      expect(await bench.ok(['get', 'deployment', 'web', '-o', 'wide'])).toMatch(/web +3\/3 +3 +3 +\S+ +main +web:1 +app=web/);
      expect(await bench.ok(['get', 'nodes', '-o', 'custom-columns=N:.metadata.name,A:.status.addresses[0].address', '--sort-by=.metadata.name', '--no-headers'])).toMatch(/^n1 +\S+\nn2 +\S+\n$/);
      // Those of before the restart may still be on their way out.
      await poll(() => bench.ok(['get', 'pods', '-L', 'app', '--field-selector=status.phase=Running', '--chunk-size=1'])).toMatch(/NAME +READY +STATUS +RESTARTS +AGE +APP\n(web-\S+ +1\/1 +Running +0 +\S+ +web\n){3}/);
      expect(await bench.ok(['describe', 'deployment', 'web'])).toMatch(/Replicas: +3 desired \| 3 updated \| 3 total \| 3 available \| 0 unavailable/);
    });

    test('get --watch tells of every change once', async () => {
      const before = bench.watchersOf('configmaps');
      const watching = bench.start(['get', 'configmaps', '--watch-only', '--output-watch-events', '-o', 'custom-columns=T:.type,N:.object.metadata.name,X:.object.data.x', '--no-headers']);
      await expect.poll(() => bench.watchersOf('configmaps')).toBeGreaterThan(before);
      await bench.ok(['create', 'configmap', 'watched', '--from-literal=x=1']);
      await bench.ok(['patch', 'configmap', 'watched', '-p', '{"data":{"x":"2"}}']);
      await bench.ok(['delete', 'configmap', 'watched']);
      await poll(() => watching.lines().replace(/ +/g, ' ').split('\n').filter((line) => line.includes('watched'))).toEqual(['ADDED watched 1', 'MODIFIED watched 2', 'DELETED watched 2']);
      watching.stop();
    });
  });

  describe('delete --cascade', () => {
    const owned = async (name: string) => (await get(['replicasets', '-l', `app=${name}`]))['items'] as readonly unknown[];

    test.each(['background', 'foreground'])('%s takes what it owns along', async (mode) => {
      await bench.ok(['apply', '-f', bench.file(`${mode}.json`, deployment(mode, 1))]);
      await bench.ok(['rollout', 'status', `deployment/${mode}`, '--timeout=120s']);
      expect(await bench.ok(['delete', 'deployment', mode, `--cascade=${mode}`, '--timeout=120s'])).toBe(`deployment.apps "${mode}" deleted\n`);
      await poll(async () => (await owned(mode)).length + (await names('pods', '-l', `app=${mode}`)).length).toBe(0);
    });

    test('orphan leaves it', async () => {
      await bench.ok(['apply', '-f', bench.file('orphan.json', deployment('orphan', 1))]);
      await bench.ok(['rollout', 'status', 'deployment/orphan', '--timeout=120s']);
      await bench.ok(['delete', 'deployment', 'orphan', '--cascade=orphan', '--timeout=120s']);
      const [replicaSet] = await owned('orphan');
      expect(replicaSet).toMatchObject({ metadata: { name: expect.stringMatching(/^orphan-/) } });
      expect((replicaSet as { metadata: object }).metadata).not.toHaveProperty('ownerReferences');
      await bench.ok(['delete', 'replicaset', '-l', 'app=orphan', '--timeout=120s']);
    });

    test('--now, --force and by file', async () => {
      for (const name of ['soon', 'forced']) await bench.ok(['run', name, '--image=x:1']);
      await bench.ok(['wait', '--for=condition=Ready', 'pod/soon', 'pod/forced', '--timeout=120s']);
      expect(await bench.ok(['delete', 'pod', 'soon', '--now', '--timeout=120s'])).toContain('pod "soon" deleted');
      expect(await bench.ok(['delete', 'pod', 'forced', '--force', '--grace-period=0', '--timeout=120s'])).toContain('pod "forced" force deleted');
      expect(await bench.ok(['delete', '-f', bench.file('none.json', configMap('none-such', {})), '--ignore-not-found'])).toBe('');
    });
  });

  describe('nodes', () => {
    test('cordon, drain against a budget, uncordon', async () => {
      await bench.ok(['apply', '-f', bench.file('guarded.json', deployment('guarded', 2))]);
      await bench.ok(['rollout', 'status', 'deployment/guarded', '--timeout=120s']);
      await bench.ok(['create', 'poddisruptionbudget', 'guard', '--selector=app=guarded', '--min-available=1']);
      await poll(() => bench.ok(['get', 'pdb', 'guard', '-o', 'jsonpath={.status.disruptionsAllowed}'])).toBe('1');
      expect(await bench.ok(['cordon', 'n1'])).toBe('node/n1 cordoned\n');
      expect(await bench.ok(['get', 'node', 'n1'])).toContain('Ready,SchedulingDisabled');
      expect(await bench.ok(['drain', 'n1', '--ignore-daemonsets', '--delete-emptydir-data', '--force', '--timeout=120s'])).toMatch(/node\/n1 (already )?cordoned[\s\S]*node\/n1 drained/);
      expect(await names('pods', '--field-selector=spec.nodeName=n1')).toEqual([]);
      expect(await bench.ok(['uncordon', 'n1'])).toBe('node/n1 uncordoned\n');
      await bench.ok(['taint', 'nodes', 'n1', 'key=value:NoSchedule']);
      expect((await get(['node', 'n1']))['spec']).toMatchObject({ taints: [{ key: 'key', value: 'value', effect: 'NoSchedule' }] });
      expect(await bench.ok(['taint', 'nodes', 'n1', 'key:NoSchedule-'])).toBe('node/n1 untainted\n');
    });

    test('describe node; top says that there are no metrics', async () => {
      expect(await bench.ok(['describe', 'node', 'n2'])).toMatch(/Name: +n2[\s\S]*Allocated resources:/);
      expect((await bench.kubectl(['top', 'nodes'])).err).toContain('error: Metrics API not available');
      expect((await bench.kubectl(['top', 'pods'])).err).toContain('error: Metrics API not available');
    });
  });

  describe('small changes', () => {
    test('label and annotate: set, refuse to overwrite, overwrite, remove, all', async () => {
      await bench.ok(['create', 'configmap', 'small', '--from-literal=x=1']);
      expect(await bench.ok(['label', 'configmap', 'small', 'tier=a'])).toBe('configmap/small labeled\n');
      expect((await bench.kubectl(['label', 'configmap', 'small', 'tier=b'])).err).toContain("'tier' already has a value (a), and --overwrite is false");
      await bench.ok(['label', 'configmap', 'small', 'tier=b', '--overwrite']);
      expect(await names('configmaps', '-l', 'tier in (b,c),tier!=c')).toEqual(['configmap/small']);
      expect(await bench.ok(['label', 'configmap', 'small', 'tier-'])).toBe('configmap/small unlabeled\n');
      expect(await bench.ok(['annotate', 'configmap', 'small', 'note=first'])).toBe('configmap/small annotated\n');
      expect(await bench.ok(['annotate', 'configmap', 'small', 'note=second', '--overwrite', '--resource-version=1']).catch((error: Error) => error.message)).toContain('the object has been modified');
      expect((await bench.kubectl(['label', 'configmap', 'small', '-bad-=x'])).status).not.toBe(0);
    });

    test('patch in all types', async () => {
      await bench.ok(['create', 'deployment', 'patched', '--image=a:1', '--replicas=0']);
      const containers = async () => bench.ok(['get', 'deployment', 'patched', '-o', 'jsonpath={range .spec.template.spec.containers[*]}{.name}={.image} {end}']);
      await bench.ok(['patch', 'deployment', 'patched', '-p', '{"spec":{"template":{"spec":{"containers":[{"name":"b","image":"b:1"}]}}}}']);
      expect(await containers()).toBe('b=b:1 a=a:1 ');
      await bench.ok(['patch', 'deployment', 'patched', '--type=json', '-p', '[{"op":"remove","path":"/spec/template/spec/containers/0"}]']);
      expect(await containers()).toBe('a=a:1 ');
      await bench.ok(['patch', 'deployment', 'patched', '--type=merge', '-p', '{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"c:1"}]}}}}']);
      expect(await containers()).toBe('c=c:1 ');
      expect(await bench.ok(['patch', 'deployment', 'patched', '--subresource=scale', '--type=merge', '-p', '{"spec":{"replicas":1}}'])).toContain('patched');
      expect(await bench.ok(['get', 'deployment', 'patched', '-o', 'jsonpath={.spec.replicas}'])).toBe('1');
      expect((await bench.kubectl(['patch', 'deployment', 'patched', '--type=json', '-p', '[{"op":"remove","path":"/none"}]'])).err).toContain('The request is invalid: the server rejected our request due to an error in our request');
      expect(await bench.ok(['patch', 'deployment', 'patched', '-p', '{}'])).toBe('deployment.apps/patched patched (no change)\n');
    });

    test('replace, create --save-config, set env, set resources, expose, autoscale is refused', async () => {
      expect(await bench.ok(['replace', '-f', bench.file('small.json', configMap('small', { x: '9' }))])).toBe('configmap/small replaced\n');
      expect((await bench.kubectl(['replace', '-f', bench.file('none.json', configMap('none-such', {}))])).err).toContain('configmaps "none-such" not found');
      expect(await bench.ok(['set', 'env', 'deployment/patched', 'A=b'])).toBe('deployment.apps/patched env updated\n');
      expect(await bench.ok(['set', 'resources', 'deployment/patched', '--limits=cpu=1,memory=1Gi'])).toBe('deployment.apps/patched resource requirements updated\n');
      expect(await bench.ok(['expose', 'deployment', 'patched', '--port=80'])).toBe('service/patched exposed\n');
      await bench.ok(['delete', 'deployment,service', 'patched', '--timeout=120s']);
    });
  });

  describe('what is there', () => {
    test('api-resources, api-versions, version, cluster-info', async () => {
      const resources = await bench.ok(['api-resources', '-o', 'wide']);
      for (const line of [/^pods +po +v1 +true +Pod +create,delete,deletecollection,get,list,patch,update,watch +all$/m, /^deployments +deploy +apps\/v1 +true +Deployment/m, /^customresourcedefinitions +crd,crds +apiextensions\.k8s\.io\/v1 +false/m]) expect(resources).toMatch(line);
      expect((await bench.ok(['api-versions'])).split('\n')).toEqual(expect.arrayContaining(['v1', 'apps/v1', 'policy/v1', 'rbac.authorization.k8s.io/v1']));
      expect(await bench.ok(['version'])).toMatch(/Server Version: v1\.34/);
      expect(await bench.ok(['get', '--raw', '/readyz'])).toBe('ok');
    });

    test('events, of one object and of a type', async () => {
      await bench.ok(['run', 'eventful', '--image=x:1']);
      await bench.ok(['wait', '--for=condition=Ready', 'pod/eventful', '--timeout=120s']);
      await poll(() => bench.ok(['events', '--for', 'pod/eventful'])).toMatch(/Normal +Scheduled +Pod\/eventful +Successfully assigned default\/eventful to n\d/);
      await poll(() => bench.ok(['get', 'events', '--field-selector=involvedObject.name=eventful,reason=Started'])).toMatch(/Started +pod\/eventful/);
      expect(await bench.ok(['events', '--types=Warning', '--for', 'pod/eventful'])).not.toContain('Scheduled');
      await bench.ok(['delete', 'pod', 'eventful', '--now', '--timeout=120s']);
    });

    test('auth can-i, whoami', async () => {
      expect(await bench.ok(['auth', 'can-i', 'create', 'pods'])).toBe('yes\n');
      expect(await bench.ok(['auth', 'can-i', '--list'])).toMatch(/\*\.\* +\[\] +\[\] +\[\*\]/);
      expect(await bench.ok(['auth', 'whoami'])).toContain('kubernetes-admin');
    });

    test('custom resources: define, create, columns, explain, refuse, delete', async () => {
      const definition = {
        apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'gadgets.kubectl.example.com' },
        spec: {
          group: 'kubectl.example.com', scope: 'Namespaced', names: { plural: 'gadgets', kind: 'Gadget', shortNames: ['gd'] },
          versions: [{
            name: 'v1', served: true, storage: true, additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
            schema: { openAPIV3Schema: { type: 'object', description: 'A gadget of a size.', properties: { spec: { type: 'object', properties: { size: { type: 'integer', description: 'How large it is.' } }, 'x-kubernetes-validations': [{ rule: 'self.size < 10', message: 'too large' }] } } } },
          }],
        },
      };
      await bench.ok(['apply', '-f', bench.file('crd.json', definition)]);
      await bench.ok(['wait', '--for=condition=Established', 'crd/gadgets.kubectl.example.com', '--timeout=120s']);
      const gadget = (size: number) => JSON.stringify({ apiVersion: 'kubectl.example.com/v1', kind: 'Gadget', metadata: { name: 'g' }, spec: { size } });
      expect((await bench.kubectl(['apply', '-f', '-'], { input: gadget(20) })).err).toContain('The Gadget "g" is invalid: spec: Invalid value: "object": too large');
      expect(await bench.ok(['apply', '-f', '-'], gadget(5))).toBe('gadget.kubectl.example.com/g created\n');
      expect(await bench.ok(['get', 'gd'])).toMatch(/NAME +SIZE\ng +5\n/);
      expect(await bench.ok(['explain', 'gadget.spec.size'])).toContain('How large it is.');
      expect(await bench.ok(['delete', 'crd', 'gadgets.kubectl.example.com', '--timeout=120s'])).toContain('deleted');
      expect((await bench.kubectl(['get', 'gd'])).err).toContain('the server could not find the requested resource');
    });

    test('namespaces: create, use, delete with everything in them', async () => {
      await bench.ok(['create', 'namespace', 'temporary']);
      await bench.ok(['create', 'configmap', 'inside', '-n', 'temporary']);
      await bench.ok(['run', 'inside', '--image=x:1', '-n', 'temporary']);
      expect(await bench.ok(['delete', 'namespace', 'temporary', '--timeout=120s'])).toBe('namespace "temporary" deleted\n');
      expect((await bench.kubectl(['get', 'configmap', 'inside', '-n', 'temporary'])).err).toContain('not found');
      expect((await bench.kubectl(['create', 'configmap', 'late', '-n', 'temporary'])).err).toContain('namespaces "temporary" not found');
    });
  });
});
