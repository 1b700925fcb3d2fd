// Goal: `useCDI` of the operator's configuration reaches every node's device plugin, and goes when it is taken back. Method: the whole operator
// against an in-process API server under simulated time.
import { configMaps } from '@vfleet/core';
import { configMapResource, operatorConfigs } from '@vfleet/kube';
import { expect, test } from 'vitest';
import { NAMESPACE, addNode, addPolicy, nic, report, world } from './harness.ts';

test('useCDI is in the device plugin configuration of each node', async () => {
  const { kube, clock, begin, bugs } = await world();
  for (const name of ['w1', 'w2']) await addNode(kube, name);
  const operator = begin('a');
  await clock.run(5000);
  for (const name of ['w1', 'w2']) await report(kube, name, { interfaces: [nic('ens1f0', '0000:81:00.0')], syncStatus: 'Succeeded' });
  await addPolicy(kube, 'p', { numVfs: 4, nicSelector: { pfNames: ['ens1f0'] } });
  const rendered = async () => {
    await clock.run(5000);
    const { data } = await kube.get(configMapResource, { namespace: NAMESPACE, name: configMaps.devicePluginConfig });
    return Object.values(data ?? {}).map((text) => JSON.parse(text) as { readonly useCdi?: boolean; readonly resourceList: readonly unknown[] });
  };
  const use = (useCDI: boolean) => kube.patch(operatorConfigs, { namespace: NAMESPACE, name: 'default' }, { type: 'merge', patch: { spec: { useCDI } } });
  expect((await rendered()).map(({ useCdi, resourceList }) => ({ useCdi, resources: resourceList.length }))).toEqual([{ resources: 1 }, { resources: 1 }]);
  await use(true);
  expect((await rendered()).map(({ useCdi }) => useCdi)).toEqual([true, true]);
  await use(false);
  expect((await rendered()).map((config) => Object.keys(config))).toEqual([['resourceList'], ['resourceList']]);
  await operator.stop();
  expect(bugs).toEqual([]);
});
