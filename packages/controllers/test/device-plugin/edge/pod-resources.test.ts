// Goal: which pods hold which devices is read from the kubelet's own socket; what cannot be read is an error, never an empty list.
// Method: the client on a real socket that the test serves.
import { RealClock } from '@vfleet/core/real.ts';
import { afterEach, expect, test, vi } from 'vitest';
import { createPodResources } from '../../../src/device-plugin/edge/pod-resources.ts';
import type { PodResourcesClient } from '../../../src/device-plugin/edge/pod-resources.ts';
import { PlayedKubelet } from './played-kubelet.ts';

let played: PlayedKubelet;
let client: PodResourcesClient;
afterEach(async () => {
  client.close();
  await played.end();
});

async function start(): Promise<void> {
  played = await PlayedKubelet.create('pod-resources');
  client = createPodResources({ clock: new RealClock() }, { kubeletFolder: played.folder });
}

test('pods, containers and devices as the kubelet lists them', async () => {
  await start();
  await played.startPodResources();
  played.pods = [{ name: 'a', namespace: 'x', containers: [{ name: 'app', devices: [{ resource_name: 'intel.com/net', device_ids: ['0000:81:01.0'] }] }, { name: 'side' }] }, { name: 'b', namespace: 'y' }];
  expect(await client.list()).toEqual([
    { name: 'a', namespace: 'x', containers: [{ name: 'app', devices: [{ resourceName: 'intel.com/net', ids: ['0000:81:01.0'] }] }, { name: 'side', devices: [] }] },
    { name: 'b', namespace: 'y', containers: [] },
  ]);
});

test('a list of a thousand pods', async () => {
  await start();
  await played.startPodResources();
  played.pods = Array.from({ length: 1_000 }, (_, index) => ({ name: `pod-${index}`, namespace: 'x', containers: [{ name: 'app', devices: [{ resource_name: 'intel.com/net', device_ids: Array.from({ length: 100 }, (_unused, id) => `0000:81:01.${id}`) }] }] }));
  expect(await client.list()).toHaveLength(1_000);
});

test('no kubelet is a rejection that names the socket, and a kubelet that comes back is read again', async () => {
  await start();
  await expect(client.list()).rejects.toThrow(`${played.folder}/pod-resources/kubelet.sock did not answer`);
  await played.startPodResources();
  await vi.waitFor(async () => expect(await client.list()).toEqual([]), { timeout: 120_000, interval: 50 });
  played.stopServers();
  await vi.waitFor(() => expect(client.list()).rejects.toThrow('did not answer'), { timeout: 120_000, interval: 50 });
});
