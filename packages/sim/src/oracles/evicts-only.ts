import type { Oracle } from './oracle.ts';

export const evictsOnly: Oracle = {
  name: 'evicts-only',
  property: 'The operator takes pods away by eviction alone, which honours disruption budgets: it deletes none.',
  watch({ violated }) {
    return {
      write({ id }, { to, verb, what }) {
        if (id.component === 'operator' && to === 'api' && verb === 'delete' && what.startsWith('pods ')) violated([`process/operator/${id.place}`, `pod/${what.slice(5)}`], 'is deleted and not evicted');
      },
    };
  },
};
