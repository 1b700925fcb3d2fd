/**
 * A served API server on a data file, in a process of its own, for tests that kill it: node serving-child.ts DATA FOLDER PORT. Prints one line
 * of JSON when it answers, and ends when its input does.
 */
import { readFileSync } from 'node:fs';
import { silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createApiServer } from '@vfleet/kube-sim';
import { openDataFile } from '@vfleet/kube-sim/adapters/sqlite/data-file.ts';
import { serve } from '@vfleet/kube-sim/edge/serve.ts';

const [dataPath, folder, port] = process.argv.slice(2) as [string, string, string];
const data = openDataFile(dataPath);
const apiServer = createApiServer({ clock: new RealClock(), random: new SystemRandom(), log: silentLog, storage: data.storage });
const { url, kubeconfigPath } = await serve(apiServer, { port: Number(port), host: '127.0.0.1', folder });
const kubeconfig = JSON.parse(readFileSync(kubeconfigPath, 'utf8')) as { readonly clusters: readonly { readonly cluster: Record<string, string> }[]; readonly users: readonly { readonly user: Record<string, string> }[] };
process.stdout.write(`${JSON.stringify({ url, ca: kubeconfig.clusters[0]!.cluster['certificate-authority-data'], token: kubeconfig.users[0]!.user['token'] })}\n`);
process.stdin.on('end', () => process.exit(0)).resume();
