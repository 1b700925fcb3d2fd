import { Client, credentials } from '@grpc/grpc-js';
import { join } from 'node:path';
import type { Clock, PodDevices, PodResources } from '@vfleet/core';
import { podResourcesService } from './kubelet-api.ts';
import { KUBELET_FOLDER } from './kubelet-registry.ts';

export interface PodResourcesSettings {
  /** The kubelet's root; the default is `/var/lib/kubelet`. */
  readonly kubeletFolder?: string;
}

export interface PodResourcesClient extends PodResources {
  close(): void;
}

const CALL_TIMEOUT_MS = 5_000;
/** A node of 250 pods with a dozen devices each answers with some 100 KB. */
const ANSWER_BYTES_MAX = 16 << 20;

/** The kubelet's pod-resources API on its socket. A list that cannot be had is a rejection: it is not the same as an empty one. */
export function createPodResources({ clock }: { readonly clock: Pick<Clock, 'now'> }, settings: PodResourcesSettings = {}): PodResourcesClient {
  const socket = join(settings.kubeletFolder ?? KUBELET_FOLDER, 'pod-resources', 'kubelet.sock');
  const client = new Client(`unix:${socket}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': ANSWER_BYTES_MAX,
    // A kubelet that restarts is back in a second or two; the library would wait up to two minutes before it looks again.
    'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 2_000,
  });
  const { list } = podResourcesService;
  return {
    list: () =>
      new Promise<readonly PodDevices[]>((resolve, reject) => {
        client.makeUnaryRequest(list.path, list.requestSerialize, list.responseDeserialize, {}, { deadline: clock.now() + CALL_TIMEOUT_MS }, (error, answer) => {
          if (error === null && answer !== undefined) resolve(answer.pods);
          else reject(new Error(`the kubelet's pod-resources API at ${socket} did not answer: ${error?.details ?? 'no answer'}`));
        });
      }),
    close: () => client.close(),
  };
}
