import type { Streamed, Unadmitted } from './pod-stream.ts';
import type { SandboxCall } from './sandbox-log.ts';

/** A change of what runs, in milliseconds since 1970. */
export interface Span {
  readonly name: string;
  readonly replaces: string;
  /** Before anything was done. */
  readonly fromMs: number;
  /** What is new was seen to be ready. */
  readonly readyMs: number;
  /** What was there before was seen to be gone. */
  readonly toMs: number;
}

/** What went on meanwhile, a line for each span and one for admissions, for whoever reads. */
export function figuresOf(spans: readonly Span[], calls: readonly SandboxCall[], { pods, unadmitted }: Streamed, policies: { readonly judged: number; readonly failures: readonly Unadmitted[] }): readonly string[] {
  const lines = spans.map(({ name, fromMs, readyMs, toMs }) => {
    const within = calls.filter((call) => call.toMs >= fromMs && call.fromMs <= toMs);
    const failed = within.filter(({ failure }) => failure !== undefined);
    const of = (what: SandboxCall['what'], among: readonly SandboxCall[]) => among.filter((call) => call.what === what).length;
    const waits = pods.flatMap(({ createdMs, boundMs, attachedMs }) => (createdMs > toMs || boundMs === undefined || attachedMs === undefined || attachedMs < fromMs ? [] : [attachedMs - boundMs]));
    const refused = pods.filter((one) => one.refused !== undefined && one.refused.atMs >= fromMs && one.createdMs <= toMs).length;
    const failing = failed.length === 0 ? 0 : Math.max(...failed.map((call) => call.toMs)) - Math.min(...failed.map((call) => call.fromMs));
    return `${name}: ${seconds(readyMs - fromMs)} until the new one was ready, ${seconds(toMs - fromMs)} until the old one was gone; ${of('ADD', within)} ADDs and ${of('DEL', within)} DELs, of which ${of('ADD', failed)} and ${of('DEL', failed)} failed${failing === 0 ? '' : ` within ${seconds(failing)}`}; ${refused} pods refused; from bound to net1 at most ${seconds(Math.max(0, ...waits))} (${waits.length} pods)`;
  });
  const failures = [...unadmitted, ...policies.failures];
  return [...lines, `admissions: ${pods.length} pods and ${policies.judged} policies, of which ${failures.length} failed${failures.length === 0 ? '' : `, first ${failures[0]!.why}`}`];
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
