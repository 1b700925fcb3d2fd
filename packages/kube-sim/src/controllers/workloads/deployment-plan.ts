import type { Deployment, ReplicaSet } from '@vfleet/kube';
import { resolveIntOrPercent } from '../int-or-percent.ts';
import { canonical } from './template-hash.ts';

export const HASH_LABEL = 'pod-template-hash';
export const REVISION = 'deployment.kubernetes.io/revision';

export const wantedOf = (of: Deployment | ReplicaSet): number => of.spec?.replicas ?? 1;
export const availableOf = (replicaSet: ReplicaSet): number => replicaSet.status?.availableReplicas ?? 0;
export const revisionOf = ({ metadata }: ReplicaSet | Deployment): number => Number(metadata.annotations?.[REVISION] ?? 0);

export function total(replicaSets: readonly ReplicaSet[], count: (replicaSet: ReplicaSet) => number): number {
  return replicaSets.reduce((sum, replicaSet) => sum + count(replicaSet), 0);
}

/** How far a roll-out may go above and below the wanted number (deployment_util.go, ResolveFenceposts). */
export function fenceposts(deployment: Deployment): { readonly maxSurge: number; readonly maxUnavailable: number } {
  const wanted = wantedOf(deployment);
  const { type, rollingUpdate } = deployment.spec?.strategy ?? {};
  if (type === 'Recreate') return { maxSurge: 0, maxUnavailable: 0 };
  const maxSurge = resolveIntOrPercent(rollingUpdate?.maxSurge ?? '25%', wanted, 'up');
  const maxUnavailable = resolveIntOrPercent(rollingUpdate?.maxUnavailable ?? '25%', wanted, 'down');
  // Rounding must not make both 0, or nothing could ever move.
  return { maxSurge, maxUnavailable: maxSurge === 0 && maxUnavailable === 0 ? 1 : Math.min(maxUnavailable, wanted) };
}

/** Whether a ReplicaSet has the deployment's template, the label aside that tells ReplicaSets apart. */
export function hasTemplate(replicaSet: ReplicaSet, template: unknown): boolean {
  return canonical(withoutHash(replicaSet.spec?.template)) === canonical(withoutHash(template));
}

function withoutHash(template: unknown): unknown {
  if (typeof template !== 'object' || template === null || !('metadata' in template)) return template;
  const metadata = template.metadata as { readonly labels?: Readonly<Record<string, string>> } | undefined;
  const { [HASH_LABEL]: _hash, ...labels } = metadata?.labels ?? {};
  return { ...template, metadata: { ...metadata, labels } };
}

export interface Scaling {
  readonly replicaSet: ReplicaSet;
  readonly replicas: number;
}

/**
 * The next step of a roll-out: first the new ReplicaSet up as far as the surge allows, else old ones down as far as availability
 * allows, unhealthy pods first (deployment/rolling.go, recreate.go). Empty when there is nothing to do now. `old` is sorted by age.
 */
export function nextScalings(deployment: Deployment, current: ReplicaSet, old: readonly ReplicaSet[]): readonly Scaling[] {
  const wanted = wantedOf(deployment);
  if (wantedOf(current) > wanted) return [{ replicaSet: current, replicas: wanted }];
  if (deployment.spec?.strategy?.type === 'Recreate') {
    const running = old.filter((replicaSet) => wantedOf(replicaSet) > 0);
    if (running.length > 0) return running.map((replicaSet) => ({ replicaSet, replicas: 0 }));
    const stillThere = total(old, ({ status }) => status?.replicas ?? 0) > 0;
    return stillThere || wantedOf(current) === wanted ? [] : [{ replicaSet: current, replicas: wanted }];
  }
  const { maxSurge, maxUnavailable } = fenceposts(deployment);
  const all = [...old, current];
  const room = wanted + maxSurge - total(all, wantedOf);
  if (room > 0 && wantedOf(current) < wanted) return [{ replicaSet: current, replicas: Math.min(wanted, wantedOf(current) + room) }];
  return scaleDownOld(wanted - maxUnavailable, current, old);
}

function scaleDownOld(minAvailable: number, current: ReplicaSet, old: readonly ReplicaSet[]): readonly Scaling[] {
  const all = [...old, current];
  let budget = total(all, wantedOf) - minAvailable - (wantedOf(current) - availableOf(current));
  if (budget <= 0) return [];
  const left = new Map(old.map((replicaSet) => [replicaSet, wantedOf(replicaSet)]));
  for (const replicaSet of old) {
    const unhealthy = Math.min(budget, Math.max(0, wantedOf(replicaSet) - availableOf(replicaSet)));
    left.set(replicaSet, wantedOf(replicaSet) - unhealthy);
    budget -= unhealthy;
  }
  let spare = Math.max(0, total(all, availableOf) - minAvailable);
  for (const replicaSet of old) {
    const down = Math.min(left.get(replicaSet)!, spare);
    left.set(replicaSet, left.get(replicaSet)! - down);
    spare -= down;
  }
  return [...left].filter(([replicaSet, replicas]) => replicas !== wantedOf(replicaSet)).map(([replicaSet, replicas]) => ({ replicaSet, replicas }));
}
