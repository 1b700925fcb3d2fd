import { podLabels } from '@vfleet/core';
import type { Resource } from '@vfleet/core';
import { webhookObjects } from '../admission/webhook-installer.ts';
import { heldKinds, madeObjects } from './made-objects.ts';
import type { InstallationSettings } from './workloads.ts';

const NAME = 'vfleet-uninstall';
const GROUP = 'rbac.authorization.k8s.io';

/** A Job that runs `vfleet uninstall --remains` once, by an account of its own: that of the operator is gone by then. */
export function removalObjects({ namespace, image }: InstallationSettings): readonly object[] {
  const labels = { 'app.kubernetes.io/part-of': 'vfleet', 'app.kubernetes.io/name': NAME };
  const subjects = [{ kind: 'ServiceAccount', name: NAME, namespace }];
  const rbac = (kind: string, where: object, more: object) => ({ apiVersion: `${GROUP}/v1`, kind, metadata: { name: NAME, ...where, labels }, ...more });
  const held = (where: 'own' | 'everywhere') => heldKinds.filter((kind) => kind.in === where).map(({ resource }) => rule(resource, ['get', 'list', 'patch']));
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: NAME, namespace, labels } },
    rbac('ClusterRole', {}, {
      rules: [
        ...held('everywhere'),
        rule({ group: '', plural: 'nodes' }, ['get', 'list', 'patch']),
        ...webhookObjects.map(({ resource, name }) => rule(resource, ['delete'], [name])),
      ],
    }),
    rbac('ClusterRoleBinding', {}, { roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name: NAME }, subjects }),
    rbac('Role', { namespace }, {
      rules: [...held('own'), ...madeObjects.map(({ resource, name }) => rule(resource, ['delete'], [name])), rule({ group: '', plural: 'pods' }, ['list'])],
    }),
    rbac('RoleBinding', { namespace }, { roleRef: { apiGroup: GROUP, kind: 'Role', name: NAME }, subjects }),
    {
      apiVersion: 'batch/v1', kind: 'Job', metadata: { name: NAME, namespace, labels },
      spec: {
        backoffLimit: 3, activeDeadlineSeconds: 240,
        template: {
          // The injector's webhook is still there, and answers nobody: this pod must be let in all the same.
          metadata: { labels: { ...labels, [podLabels.injectResources]: 'false' } },
          spec: {
            serviceAccountName: NAME, restartPolicy: 'Never',
            securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
            tolerations: [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists', effect: 'NoSchedule' }],
            containers: [{
              name: 'uninstall', image, args: ['uninstall', '--remains', `--namespace=${namespace}`],
              resources: { requests: { cpu: '50m', memory: '160Mi' }, limits: { memory: '512Mi' } },
              securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
            }],
          },
        },
      },
    },
  ];
}

function rule({ group, plural }: Pick<Resource, 'group' | 'plural'>, verbs: readonly string[], resourceNames?: readonly string[]): object {
  return { apiGroups: [group], resources: [plural], ...(resourceNames === undefined ? {} : { resourceNames }), verbs };
}
