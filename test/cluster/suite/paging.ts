// limit and continue, resourceVersion and resourceVersionMatch: which state a list shows, and what is refused.
import { core, create, get, pause, prepare, remove } from '../case.ts';
import type { Case, RequestStep, Step, Theme } from '../case.ts';

const configmaps = core('configmaps');
const given = ['a', 'b', 'c', 'd', 'e'].map((name) => prepare(create(configmaps, { metadata: { name, labels: { half: name < 'c' ? 'first' : 'second' } } })));
const names = ['items[*].metadata.name', 'metadata'];
const page = (query: Readonly<Record<string, string>>, keep: Readonly<Record<string, string>> = {}): RequestStep => get(configmaps, { query, keep, only: names });
const first = page({ limit: '2' }, { next: 'metadata.continue', version: 'metadata.resourceVersion' });

/** Every combination that the API conventions' table names. */
const combinations: readonly Readonly<Record<string, string>>[] = [
  { resourceVersion: '0' }, { resourceVersion: '' }, { resourceVersionMatch: 'Exact' }, { resourceVersionMatch: 'NotOlderThan' }, { resourceVersion: '0', resourceVersionMatch: 'Exact' }, { resourceVersion: '0', resourceVersionMatch: 'NotOlderThan' },
  { resourceVersion: '{{version}}', resourceVersionMatch: 'Exact' }, { resourceVersion: '{{version}}', resourceVersionMatch: 'NotOlderThan' }, { resourceVersion: '{{version}}' }, { resourceVersion: '{{version}}', resourceVersionMatch: 'Sometimes' },
  { resourceVersion: '0', limit: '2' }, { resourceVersion: '{{version}}', limit: '2' }, { resourceVersion: '{{version}}', limit: '2', resourceVersionMatch: 'Exact' }, { resourceVersion: '{{version}}', limit: '2', resourceVersionMatch: 'NotOlderThan' },
  { resourceVersion: '0', limit: '2', resourceVersionMatch: 'NotOlderThan' }, { limit: '0' }, { limit: '100' }, { limit: '5' },
];
const describe = (query: Readonly<Record<string, string>>) => Object.entries(query).map(([name, value]) => `${name} ${value === '' ? 'empty' : value.replaceAll(/[{}]/g, '')}`).join(', ');

/** Versions that need not be the newest are read from a cache, which follows within milliseconds. */
const cacheFollows = pause(60);
const one = (name: string, ...steps: readonly Step[]): Case => ({ name, steps: [...given, ...steps] });

export const paging: Theme = {
  name: 'paging',
  cases: [
    one('all pages', first, page({ limit: '2', continue: '{{next}}' }, { next2: 'metadata.continue' }), page({ limit: '2', continue: '{{next2}}' })),
    one('a page shows the state of the first', first, create(configmaps, { metadata: { name: 'bb' } }), remove(`${configmaps}/d`), page({ limit: '2', continue: '{{next}}' }, { next2: 'metadata.continue' }), page({ limit: '9', continue: '{{next2}}' }), page({})),
    one('continue without a limit', first, page({ continue: '{{next}}' })),
    one('continue twice from the same place', first, page({ limit: '1', continue: '{{next}}' }), page({ limit: '1', continue: '{{next}}' })),
    one('pages of a selection', page({ limit: '1', labelSelector: 'half=second' }, { next: 'metadata.continue' }), page({ limit: '1', labelSelector: 'half=second', continue: '{{next}}' })),
    one('pages of a selection by field', page({ limit: '2', fieldSelector: 'metadata.name!=b' }, { next: 'metadata.continue' }), page({ limit: '2', fieldSelector: 'metadata.name!=b', continue: '{{next}}' })),
    one('a limit larger than the rest', page({ limit: '10' })),
    one('continue that is none', page({ continue: 'nonsense' })),
    one('continue that is JSON of nothing', page({ continue: 'e30' })),
    one('continue beside a resourceVersion', first, page({ continue: '{{next}}', resourceVersion: '{{version}}' })),
    one('continue beside resourceVersion 0', first, page({ continue: '{{next}}', resourceVersion: '0' })),
    one('continue beside resourceVersionMatch', first, page({ continue: '{{next}}', resourceVersionMatch: 'Exact' })),
    one('a continue token of another resource', first, get(core('secrets'), { query: { continue: '{{next}}' } })),
    ...combinations.map((query): Case => one(`a list with ${describe(query)}`, first, create(configmaps, { metadata: { name: 'z' } }), cacheFollows, page(query))),
    one('a version that is compacted', page({ resourceVersion: '1', resourceVersionMatch: 'Exact' })),
    one('a version of the future', page({ resourceVersion: '999999999' })),
    one('exactly a version of the future', page({ resourceVersion: '999999999', resourceVersionMatch: 'Exact' })),
    one('exactly a version, after a delete', first, remove(`${configmaps}/a`), page({ resourceVersion: '{{version}}', resourceVersionMatch: 'Exact' }), page({ resourceVersion: '{{version}}', resourceVersionMatch: 'Exact', limit: '1' }, { next: 'metadata.continue' }), page({ continue: '{{next}}', limit: '1' })),
    { name: 'an empty list', steps: [page({}), page({ limit: '1' }), page({ resourceVersion: '0' })] },
  ],
};
