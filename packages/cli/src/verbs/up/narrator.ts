import type { Clock, Kube, KubeObject, Log, Random, Resource, Subscription } from '@vfleet/core';
import { Informer, networkAttachmentDefinitions, nodeStates, nodes, pods } from '@vfleet/kube';
import type { Terminal } from '../../output/terminal.ts';
import { paint } from '../../output/terminal.ts';
import { printable } from '../../output/table.ts';
import type { Happening } from './narration.ts';
import { narrateNetwork, narrateNode, narrateNodeState, narratePod } from './narration.ts';

const COLOURS = { failed: 'red', evicted: 'yellow', draining: 'yellow', drained: 'yellow', attached: 'green', done: 'green' } as const;

/** Above this many nodes each line would be one of thousands: only failures, networks and pods are told. */
const MOST_NODES_TOLD = 10;

export interface NarratorPorts {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Tells what happens in the loop, a line each with the seconds since the start, until stopped. Driven by watches. */
export function startNarrator(ports: NarratorPorts, terminal: Terminal, nodeCount: number): Subscription {
  const startMs = ports.clock.monotonicMs();
  const tell = (happening: Happening) => {
    if (nodeCount > MOST_NODES_TOLD && !['failed', 'network', 'attached', 'evicted'].includes(happening.stage)) return;
    const seconds = ((ports.clock.monotonicMs() - startMs) / 1000).toFixed(1).padStart(5);
    const colour = happening.stage in COLOURS ? COLOURS[happening.stage as keyof typeof COLOURS] : 'cyan';
    terminal.err(`${paint(terminal, 'dim', `${seconds}s`)}  ${paint(terminal, colour, happening.stage.padEnd(10))}  ${printable(`${happening.where}: ${happening.what}`)}\n`);
  };
  const follow = <Type extends KubeObject>(resource: Resource<Type>, narrate: (before: Type | undefined, after: Type) => readonly Happening[]) => {
    const informer = new Informer<Type>(ports, resource);
    informer.subscribe({
      added: (object) => narrate(undefined, object).forEach(tell),
      updated: (before, after) => narrate(before, after).forEach(tell),
    });
    informer.start();
    return informer;
  };
  const informers = [follow(nodeStates, narrateNodeState), follow(nodes, narrateNode), follow(networkAttachmentDefinitions, narrateNetwork), follow(pods, narratePod)];
  return { stop: () => informers.forEach((informer) => informer.stop()) };
}
