/** What containerd's log says of pods' sandboxes: each is one ADD or one DEL of the cluster's network, and of the VFs that vfleet adds to it. */

export interface SandboxCall {
  readonly what: 'ADD' | 'DEL';
  /** Of the pod for an ADD; of a DEL too, where the sandbox was made since the log is read. */
  readonly pod: string;
  /** Milliseconds since 1970, by containerd. */
  readonly fromMs: number;
  readonly toMs: number;
  /** What it failed by. */
  readonly failure?: string;
}

/** Of a line of logfmt, as logrus writes it: `time="…" level=info msg="…" error="…"`. */
const LINE = /^time="([^"]+)" level=\w+ msg="((?:[^"\\]|\\.)*)"(?: error="((?:[^"\\]|\\.)*)")?/;
const STARTED = /^RunPodSandbox for &PodSandboxMetadata\{Name:([^,]+),Uid:([^,]+),[^}]*\}(.*)$/;
const STOPPED = /^StopPodSandbox for \\"([0-9a-f]+)\\"(.*)$/;

/** The calls that have ended, in the order of their ends (containerd 2.1, internal/cri/instrument). Pods' names are taken for unique. */
export function sandboxCalls(log: string): readonly SandboxCall[] {
  const [calls, begun, podOf]: [SandboxCall[], Map<string, number>, Map<string, string>] = [[], new Map(), new Map()];
  for (const line of log.split('\n')) {
    const [, time = '', message = '', error] = LINE.exec(line) ?? [];
    const [, name, uid = '', startRest = ''] = STARTED.exec(message) ?? [];
    const [, sandbox, stopRest = ''] = STOPPED.exec(message) ?? [];
    if (name === undefined && sandbox === undefined) continue;
    const [key, rest, atMs] = [sandbox ?? uid, name === undefined ? stopRest : startRest, Date.parse(time)];
    if (rest === '') {
      begun.set(key, atMs);
      continue;
    }
    const id = /^ returns sandbox id \\"([0-9a-f]+)\\"/.exec(rest)?.[1];
    if (id !== undefined) podOf.set(id, name ?? '');
    const fromMs = begun.get(key);
    if (fromMs === undefined || !/^ (?:returns|failed)/.test(rest)) continue;
    begun.delete(key);
    calls.push({ what: name === undefined ? 'DEL' : 'ADD', pod: name ?? podOf.get(key) ?? key, fromMs, toMs: atMs, ...(rest.startsWith(' failed') ? { failure: (error ?? rest).replaceAll('\\"', '"') } : {}) });
  }
  return calls;
}
