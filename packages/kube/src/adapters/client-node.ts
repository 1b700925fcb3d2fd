/** The Kube port over HTTP by a configuration of @kubernetes/client-node, for programs that have one already, and all other ways to it. */
import type { KubeConfig } from '@kubernetes/client-node';
import { Connection } from './connection.ts';
import type { HttpKubeOptions } from './http-kube.ts';
import { HttpKube } from './http-kube.ts';
import { LibraryAccess } from './library-access.ts';

export { kubeFromConfigFile } from './kubeconfig.ts';
export { kubeFromServiceAccount } from './service-account.ts';
export { HttpKube, httpKubeDefaults } from './http-kube.ts';
export type { HttpKubeOptions } from './http-kube.ts';

/** A Kube over HTTP to the cluster of the configuration's current context. `close()` lets go of idle connections. */
export function httpKube(config: KubeConfig, options: Partial<HttpKubeOptions> = {}): HttpKube {
  return new HttpKube(new Connection(LibraryAccess.of(config)), options);
}
