// Goal: what docs say of rights on the host and of tested versions is so. Method: the manifest as it is shipped, and the versions that the rigs
// build, looked for in the pages.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { containerdVersion, cniVersion } from '../rigs/container-runtime.ts';
import { helmVersion } from '../rigs/helm.ts';
import { etcdVersion, kubernetesVersion } from '../rigs/kubernetes.ts';
import { ROOT } from './pages.ts';

const page = (name: string) => readFileSync(join(ROOT, 'docs', name), 'utf8');

interface PodTemplate {
  readonly spec: {
    readonly hostNetwork?: boolean; readonly hostPID?: boolean; readonly hostIPC?: boolean;
    readonly containers: readonly Container[]; readonly initContainers?: readonly Container[];
    readonly volumes?: readonly { readonly hostPath?: { readonly path: string } }[];
  };
}
interface Container {
  readonly name: string;
  readonly securityContext: { readonly privileged?: boolean; readonly capabilities?: { readonly add?: readonly string[] } };
}

describe('docs/reference/node-rights.md', () => {
  const objects = parseAllDocuments(readFileSync(join(ROOT, 'deploy/install.yaml'), 'utf8'), { version: '1.1' }).map((document) => document.toJS() as { readonly kind: string; readonly spec?: { readonly template?: PodTemplate } });
  const templates = objects.flatMap(({ spec }) => (spec?.template === undefined ? [] : [spec.template.spec]));
  const containers = templates.flatMap((pod) => [...pod.containers, ...(pod.initContainers ?? [])]);
  const table = page('reference/node-rights.md').split('\n').filter((line) => line.startsWith('| `')).map((line) => line.split('|')[1]!);

  test('gives a reason for everything of the host that the manifest takes', () => {
    expect(templates).toHaveLength(2);
    const taken = new Set([
      ...templates.flatMap((pod) => (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((name) => pod[name] === true)),
      ...templates.flatMap((pod) => (pod.volumes ?? []).flatMap(({ hostPath }) => (hostPath === undefined ? [] : [hostPath.path]))),
      ...containers.flatMap(({ securityContext: { privileged, capabilities } }) => [...(privileged === true ? ['privileged'] : []), ...(capabilities?.add ?? [])]),
    ]);
    expect(taken.size).toBeGreaterThan(6);
    expect([...taken].filter((name) => !table.some((cell) => cell.includes(`\`${name}\``)))).toEqual([]);
  });

  test('is what docs/security.md leads to', () => expect(page('security.md')).toContain('](reference/node-rights.md)'));

  test('names no path of the host that the manifest does not take', () => {
    const demo = parseAllDocuments(readFileSync(join(ROOT, 'deploy/demo.yaml'), 'utf8'), { version: '1.1' }).map((document) => document.toJS() as { readonly spec?: { readonly template?: PodTemplate } });
    const paths = demo.flatMap(({ spec }) => (spec?.template?.spec.volumes ?? []).flatMap(({ hostPath }) => (hostPath === undefined ? [] : [hostPath.path])));
    const named = table.flatMap((cell) => [...cell.matchAll(/`(\/[^`]*)`/g)].map((match) => match[1]!));
    expect(named.filter((path) => !paths.includes(path))).toEqual([]);
  });
});

test('docs/support.md names the versions that the rigs build', () => {
  const text = page('support.md');
  const series = (version: string) => version.split('.').slice(0, 2).join('.');
  for (const [what, version] of [['kube-apiserver', kubernetesVersion], ['etcd', etcdVersion], ['containerd', containerdVersion], ['libcni', cniVersion]] as const) expect(text).toContain(`${what} ${series(version)}`);
  expect(text).toContain(`| helm | ${series(helmVersion)}:`);
});
