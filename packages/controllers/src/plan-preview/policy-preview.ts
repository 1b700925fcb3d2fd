import type { PolicyPreview } from '@vfleet/core';
import { PREVIEWED_NODES_MAX } from '@vfleet/core';
import { changes, interruption } from './node-planner.ts';
import type { NodePlan, PoolPlan } from './node-planner.ts';

/** A status is read by people and watched by all: texts and lists of a node end somewhere. */
const TEXT_MAX = 500;
const PODS_MAX = 20;

/** Counts what a policy would do, node by node, and writes it as its status. */
export class PreviewTally {
  readonly #nodes: PolicyPreview['nodes'][number][] = [];
  readonly #pods = new Set<string>();
  #changed = 0;
  #unchanged = 0;
  #undiscovered = 0;
  #vfs = 0;
  #drains = 0;
  #reboots = 0;

  add(planned: NodePlan | 'undiscovered'): void {
    if (planned === 'undiscovered') this.#undiscovered++;
    else if (planned.preview.isSettled) this.#unchanged++;
    else this.#change(planned);
  }

  #change({ node: name, preview }: NodePlan): void {
    const { affectedVfs, pods, plan, reboot } = preview;
    this.#changed++;
    this.#vfs += affectedVfs;
    for (const pod of pods) this.#pods.add(pod);
    if (plan.drain.needed) this.#drains++;
    if (reboot !== 'no') this.#reboots++;
    const needs = interruption(preview);
    this.#nodes.push({ name, changes: changes(preview).slice(0, TEXT_MAX), ...(affectedVfs === 0 ? {} : { vfsCut: affectedVfs }), ...(pods.length === 0 ? {} : { pods: pods.slice(0, PODS_MAX) }), ...(needs === '' ? {} : { needs }) });
    if (this.#nodes.length > 2 * PREVIEWED_NODES_MAX) this.#keepFirst();
  }

  #keepFirst(): void {
    this.#nodes.sort((a, b) => (a.name < b.name ? -1 : 1));
    this.#nodes.length = Math.min(this.#nodes.length, PREVIEWED_NODES_MAX);
  }

  preview(observedGeneration: number, pools: readonly PoolPlan[]): PolicyPreview {
    this.#keepFirst();
    // Pools take turns side by side: the longest one counts.
    const rounds = pools.every((pool) => pool.rounds !== undefined) ? pools.reduce((most, pool) => Math.max(most, pool.rounds ?? 0), 0) : undefined;
    return {
      observedGeneration, nodesChanged: this.#changed, nodesUnchanged: this.#unchanged, nodesUndiscovered: this.#undiscovered, vfsCut: this.#vfs, podsEvicted: this.#drains === 0 ? 0 : this.#pods.size,
      drains: this.#drains, reboots: this.#reboots, ...(rounds === undefined ? {} : { rounds }), nodes: [...this.#nodes],
    };
  }
}

/** In a sentence, for the condition. */
export function previewText({ nodesChanged, nodesUnchanged, nodesUndiscovered, vfsCut, podsEvicted, drains, reboots, rounds }: PolicyPreview): string {
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;
  const parts = [
    `not applied, because it is annotated for a dry run: it would change ${nodesChanged} of ${count(nodesChanged + nodesUnchanged, 'node')}`,
    ...(vfsCut === 0 ? [] : [`cut ${count(vfsCut, 'VF')}`]), ...(podsEvicted === 0 ? [] : [`evict ${count(podsEvicted, 'pod')}`]),
    ...(drains === 0 ? [] : [`drain ${count(drains, 'node')} in ${rounds === undefined ? 'turns that a pool does not allow' : count(rounds, 'round')}`]), ...(reboots === 0 ? [] : [`reboot ${count(reboots, 'node')}`]),
  ];
  return `${parts.join(', ')}${nodesUndiscovered === 0 ? '' : `; the NICs of ${count(nodesUndiscovered, 'node')} are not known yet`}`;
}
