import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../../tools/rigs/command.ts';
import { helmDir } from '../../../tools/rigs/helm.ts';
import { NAMESPACE } from '../images/delivered-cluster.ts';
import type { DeliveredCluster } from '../images/delivered-cluster.ts';

const CHART = join(import.meta.dirname, '../../../deploy/chart/vfleet');
const NAME = 'fleet';

/** The chart in a cluster, in the hands of the real helm. */
export class Release {
  readonly #home: string;
  readonly #kubeconfig: string;

  private constructor(home: string, kubeconfig: string) {
    this.#home = home;
    this.#kubeconfig = kubeconfig;
  }

  static async of(cluster: DeliveredCluster): Promise<Release> {
    return new Release(await mkdtemp(join(tmpdir(), 'helm-')), cluster.node.api.kubeconfig);
  }

  async install(values: object): Promise<string> {
    const file = join(this.#home, 'values.json');
    await writeFile(file, JSON.stringify(values));
    return this.#helm('install', NAME, CHART, '--create-namespace', '--values', file);
  }

  /** With its hooks. */
  uninstall(): Promise<string> {
    return this.#helm('uninstall', NAME);
  }

  async #helm(...words: readonly string[]): Promise<string> {
    const home = this.#home;
    const env = { PATH: process.env['PATH'], HOME: home, HELM_CACHE_HOME: join(home, 'cache'), HELM_CONFIG_HOME: join(home, 'config'), HELM_DATA_HOME: join(home, 'data'), KUBECONFIG: this.#kubeconfig };
    const { exitCode, stdout, stderr } = await runCommand(join(helmDir(), 'helm'), [...words, '--namespace', NAMESPACE], { env, timeoutMs: 600_000 });
    if (exitCode !== 0) throw new Error(`helm ${words.join(' ')} has ended with ${exitCode}: ${stdout}${stderr}`);
    return stdout + stderr;
  }
}
