import type { Node } from '@vfleet/kube';
import { collections } from './cluster-view.ts';
import type { Oracle } from './oracle.ts';

export const adminCordon: Oracle = {
  name: 'admin-cordon',
  property: 'A node that an administrator has cordoned stays cordoned until an administrator uncordons it.',
  watch({ cordonedByPeople, violated }) {
    return {
      commit(collection, { object, previous, type }) {
        if (collection !== collections.nodes || type !== 'MODIFIED') return;
        // The collection holds nodes.
        const now = object as unknown as Node;
        const before = previous as unknown as Node;
        if (before.spec?.unschedulable !== true || now.spec?.unschedulable === true || !cordonedByPeople.has(now.metadata.name)) return;
        violated([`node/${now.metadata.name}`], 'was uncordoned, though an administrator had cordoned it');
      },
    };
  },
};
