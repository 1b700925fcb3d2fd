import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A plugin's configuration, complete (CNI specification §1). */
export type PluginConfig = { readonly cniVersion: string; readonly name: string; readonly type: string } & Readonly<Record<string, unknown>>;

/** Whose interface it is about, where the command is about one. */
export interface Attachment {
  readonly containerId: string;
  readonly netns: string;
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string };
}

export type PluginAnswer = { readonly ok: true; readonly result: object | undefined } | { readonly ok: false; readonly said: string };

/** Calls a plugin of the node as container runtimes do (CNI specification §2), for the pod's eth0. */
export async function callPlugin(bin: string, command: 'ADD' | 'DEL' | 'CHECK' | 'STATUS' | 'GC', config: PluginConfig, attachment?: Attachment): Promise<PluginAnswer> {
  const about = attachment === undefined ? {} : {
    CNI_CONTAINERID: attachment.containerId, CNI_NETNS: attachment.netns, CNI_IFNAME: 'eth0',
    CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${attachment.pod.namespace};K8S_POD_NAME=${attachment.pod.name};K8S_POD_INFRA_CONTAINER_ID=${attachment.containerId};K8S_POD_UID=${attachment.pod.uid}`,
  };
  const child = spawn(join(bin, config.type), { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], CNI_COMMAND: command, CNI_PATH: bin, ...about } });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (said.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (said.err += text));
  // It may end without reading.
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify(config));
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) return { ok: false, said: `${said.out}${said.err}` };
  return { ok: true, result: said.out.trim() === '' ? undefined : (JSON.parse(said.out) as object) };
}
