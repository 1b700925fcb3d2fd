// Goal: pods get from our injector what they get from the Go injector. Method: that was run and asked about pods of every form (recording/injector.json),
// with and without the switches of its ConfigMap; ours is asked the same, and the pods that come out are compared.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import type { JsonValue } from '@vfleet/core';
import { defaultSwitches, injectResources, networkDemand, parseSwitches } from '@vfleet/controllers';
import type { InjectorSwitches } from '@vfleet/controllers';
import { applyJsonPatch, parseJsonPatch } from '@vfleet/kube-sim/patch/json-patch.ts';

type Fields = { readonly [key: string]: JsonValue };
interface Recorded {
  readonly switches: JsonValue;
  readonly attachments: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly cases: readonly { readonly title: string; readonly namespace: string; readonly object: Fields; readonly plain: Fields | null; readonly switched?: Fields | null }[];
}

const recorded = JSON.parse(readFileSync(join(import.meta.dirname, 'recording/injector.json'), 'utf8')) as Recorded;

/** What ours does otherwise; docs/admission.md tells it. */
const OTHERWISE = {
  'default network': 'a default network without a namespace is looked up where Multus looks',
  'volume there': 'a volume of the user\'s with the name of the files is left alone',
  'opt out': 'the label that opts out counts even if the webhook is asked',
  'trailing comma': 'a network without a name is refused',
} as const;

interface Pod {
  spec?: { containers?: { resources?: Record<string, object> }[]; volumes?: { downwardAPI?: { items?: { path: string }[] } }[] };
}

/** The pod as it would be stored, files by path and without empty maps of resources; null when it is refused. */
function injected(namespace: string, object: Fields, switches: InjectorSwitches): unknown {
  const pod = { namespace, object };
  const demand = networkDemand(pod, switches, 'kube-system');
  if (!demand.ok) return null;
  const injection = injectResources(pod, demand.value, new Map(Object.entries(recorded.attachments)), switches);
  if (!injection.ok) return null;
  const patched = structuredClone(applyJsonPatch(object, parseJsonPatch(injection.value.patch))) as Pod;
  for (const { resources = {} } of patched.spec?.containers ?? []) for (const part of ['requests', 'limits']) if (Object.keys(resources[part] ?? { kept: 1 }).length === 0) delete resources[part];
  for (const { downwardAPI } of patched.spec?.volumes ?? []) downwardAPI?.items?.sort((a, b) => (a.path < b.path ? -1 : 1));
  return patched;
}

test('pods come out as from the Go injector, but for what is told', () => {
  const { switches, problems } = parseSwitches(JSON.stringify(recorded.switches));
  expect(problems).toEqual([]);
  const otherwise = new Set<string>();
  for (const { title, namespace, object, plain, switched = plain } of recorded.cases) {
    for (const [answer, used] of [[plain, defaultSwitches], [switched, switches]] as const) if (!isDeepStrictEqual(injected(namespace, object, used), answer)) otherwise.add(title);
  }
  expect([...otherwise].toSorted()).toEqual(Object.keys(OTHERWISE).toSorted());
  // Switches change something, and some pods are refused by both.
  expect(recorded.cases.filter(({ switched }) => switched !== undefined).length).toBeGreaterThan(2);
  expect(recorded.cases.filter(({ title, plain }) => plain === null && !Object.hasOwn(OTHERWISE, title)).length).toBeGreaterThan(2);
});
