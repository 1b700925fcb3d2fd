// Goal: the differential suite itself says what it means. Method: look at its cases as values, and at the normaliser, the
// comparison and the list of known differences with made-up answers, without any server.
import { describe, expect, test } from 'vitest';
import { canonical, differences } from './compare.ts';
import { comparePlayed } from './differential.ts';
import { sift, stale } from './known-differences.ts';
import { Normaliser } from './normalise.ts';
import { valueAt } from './paths.ts';
import { caseId } from './player.ts';
import { themes } from './suite/index.ts';

describe('cases', () => {
  const all = themes.flatMap((theme) => theme.cases.map((one) => ({ theme, one, id: caseId(theme.name, one.name) })));

  test('there are at least 200', () => expect(all.length).toBeGreaterThanOrEqual(200));

  test('each has a namespace of its own, with a valid name', () => {
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect(all.filter(({ id }) => !/^[a-z]([-a-z0-9]{0,54}[a-z0-9])?$/.test(id)).map(({ id }) => id)).toEqual([]);
  });

  test('each compares something', () => {
    expect(all.filter(({ one }) => one.steps.every((step) => 'prepares' in step && step.prepares === true)).map(({ one }) => one.name)).toEqual([]);
  });
});

describe('normaliser', () => {
  const now = new Date().toISOString();
  const uid = (digit: string) => digit.repeat(8) + '-0000-4000-8000-000000000000';

  test('names what a server chooses, in the order of its first appearance', () => {
    const normaliser = new Normaliser('https://127.0.0.1:1234');
    const object = (version: string, digit: string) => ({ metadata: { name: 'a', resourceVersion: version, uid: uid(digit), creationTimestamp: now.replace(/\.\d+Z/, 'Z') } });
    expect(normaliser.value([object('7', 'a'), object('9', 'b'), object('7', 'a')])).toEqual([
      { metadata: { name: 'a', resourceVersion: '<version 1>', uid: '<uid 1>', creationTimestamp: '<time>' } },
      { metadata: { name: 'a', resourceVersion: '<version 2>', uid: '<uid 2>', creationTimestamp: '<time>' } },
      { metadata: { name: 'a', resourceVersion: '<version 1>', uid: '<uid 1>', creationTimestamp: '<time>' } },
    ]);
  });

  test('leaves what a case wrote', () => {
    const normaliser = new Normaliser('https://127.0.0.1:1234');
    const value = { spec: { at: '2024-01-02T03:04:05Z', precise: '2024-01-02T03:04:05.000006Z', uid: '00000000-0000-4000-8000-000000000000', cells: [1] } };
    expect(normaliser.value(value)).toEqual(value);
  });

  test('keeps the precision of a time', () => {
    expect(new Normaliser('https://127.0.0.1:1').text(`at ${now.replace('Z', '000Z')}`)).toBe('at <time with 6 digits>');
  });

  test('tells lists from objects, and knows a version that was kept', () => {
    const normaliser = new Normaliser('https://127.0.0.1:1');
    normaliser.learnVersion('12', 'version');
    const list = (resourceVersion: string) => ({ metadata: { resourceVersion, continue: 'abc' } });
    expect(normaliser.value([list('12'), list('13'), list('0')])).toEqual([
      { metadata: { resourceVersion: '{{version}}', continue: '<continue>' } }, { metadata: { resourceVersion: '<revision>', continue: '<continue>' } }, { metadata: { resourceVersion: '0', continue: '<continue>' } },
    ]);
  });

  test('knows generated names, addresses and ages', () => {
    const normaliser = new Normaliser('https://127.0.0.1:1234');
    normaliser.learnGeneratedNames('web-');
    expect(normaliser.value({ a: 'pods "web-bcdfg" at 127.0.0.1:1234', b: 'web-bcdfg', c: 'web-main', cells: ['x', '2 (3m5s ago)', 7] })).toEqual({
      a: 'pods "<web- made 1>" at <server>', b: '<web- made 1>', c: 'web-main', cells: ['x', '2 (<age> ago)', 7],
    });
  });
});

describe('comparison', () => {
  test('names the deepest path', () => {
    expect(differences({ a: { b: [1, { c: 2 }], 'x.y': 1 } }, { a: { b: [1, { c: 3 }, 4], 'x.y': 2 } })).toEqual([
      { path: 'a.b[1].c', real: 2, ours: 3 }, { path: 'a.b[2]', real: undefined, ours: 4 }, { path: 'a["x.y"]', real: 1, ours: 2 },
    ]);
    expect(differences({ a: null }, {})).toEqual([{ path: 'a', real: null, ours: undefined }]);
    expect(differences({ a: [1], b: {} }, { b: {}, a: [1] })).toEqual([]);
  });

  test('an object and a refusal are told apart by status and message only', () => {
    const played = (shown: Parameters<typeof comparePlayed>[1][number]['shown']) => [{ step: '1 GET /x', shown }];
    expect(comparePlayed('t/c', played({ status: 200, body: { kind: 'Pod', metadata: { name: 'a' } } }), played({ status: 404, body: { message: 'gone' } }))).toEqual([
      { case: 't/c', step: '1 GET /x', path: '["body.message"]', real: undefined, ours: 'gone' }, { case: 't/c', step: '1 GET /x', path: 'status', real: 200, ours: 404 },
    ]);
  });

  test('a step that one side lacks is a difference', () => {
    expect(comparePlayed('t/c', [{ step: '1 GET /x', shown: { status: 200 } }], [])).toHaveLength(1);
  });

  test('equal values have equal texts', () => {
    expect(canonical({ b: 1, a: [{ d: 1, c: 2 }] })).toBe(canonical({ a: [{ c: 2, d: 1 }], b: 1 }));
  });

  test('paths', () => {
    const value = { a: [{ name: 'x', v: 1 }, { name: 'y' }], 'b.c': { d: 2 } };
    expect([valueAt(value, 'a[0].v'), valueAt(value, 'a[name=y].name'), valueAt(value, '["b.c"].d'), valueAt(value, 'a[*].v'), valueAt(value, 'a.none.deeper'), valueAt(value, 'toString')]).toEqual([1, 'y', 2, [1, null], undefined, undefined]);
    expect(() => valueAt(value, 'a[')).toThrow('no path');
  });
});

describe('known differences', () => {
  const found = { case: 'paging/limit 1', step: '1 GET', path: 'body.items[0]', real: 1, ours: 2 };
  const entry = { case: 'paging/*', path: 'body.items[*', reason: 'r' };

  test('explain what they match, and nothing else', () => {
    expect(sift([found, { ...found, path: 'status' }], [entry])).toEqual({ unknown: [{ ...found, path: 'status' }], seen: [entry] });
  });

  test('may ask for what the two say', () => {
    expect(sift([found], [{ ...entry, real: '1', ours: '2' }]).unknown).toEqual([]);
    expect(sift([found], [{ ...entry, real: '1', ours: 'nothing' }]).unknown).toEqual([found]);
    expect(sift([{ ...found, ours: undefined }], [{ ...entry, ours: 'nothing' }]).unknown).toEqual([]);
  });

  test('are stale when their case ran without them', () => {
    expect(stale([entry], new Set(['paging/limit 1']), new Set())).toEqual([entry]);
    expect(stale([entry], new Set(['paging/limit 1']), new Set([entry]))).toEqual([]);
    expect(stale([entry], new Set(['watching/x']), new Set())).toEqual([]);
  });
});
