import type { Clock, Kube, KubeObject, Log, Random } from '@vfleet/core';
import { isKubeError, rfc3339 } from '@vfleet/core';
import type { CoreEvent } from '../api/resources.ts';
import { events } from '../api/resources.ts';
import { EventNames } from './event-names.ts';

export type EventType = 'Normal' | 'Warning';

/** What an Event is about. Cached objects serve; only identity is read. */
export type EventSubject = Pick<KubeObject, 'apiVersion' | 'kind' | 'metadata'>;

/** Tells people, by Kubernetes Events, what was done or went wrong. Never fails and never waits: Events are a courtesy. */
export interface EventRecorder {
  /** `reason` is one word for machines, `message` a sentence for people. */
  record(type: EventType, about: EventSubject, reason: string, message: string): void;
}

export const noEvents: EventRecorder = { record() {} };

export interface EventLimits {
  /** From so many different messages of one reason about one object on, they are counted on a collective Event (client-go EventAggregator: 10 within 10 minutes). */
  readonly similarMax: number;
  readonly similarWindowMs: number;
  /** New Events and counts of one process: a fleet-wide change must not double the load on the API server. */
  readonly perSecond: number;
  readonly burst: number;
  /** Distinct Events remembered for counting. */
  readonly remembered: number;
}

export const eventLimitsDefault: EventLimits = { similarMax: 10, similarWindowMs: 600_000, perSecond: 10, burst: 200, remembered: 4096 };

interface Recorded {
  readonly name: string;
  readonly namespace: string;
  count: number;
  /** Settles when the last write of this Event has; false: forget it. */
  written: Promise<boolean>;
}

/** Who speaks in an Event. */
export interface EventSource {
  /** The controller: `sriov-operator`, `kubelet`. */
  readonly component: string;
  /** The process: a pod or node name. Default: the host, or nothing. */
  readonly instance?: string;
  /** The node, in Events of a node's own parts. */
  readonly host?: string;
  /** Shared by recorders whose Events about one object shall sort in the order in which they happened. */
  readonly names?: EventNames;
}

/** Writes Events through the API, counting repeats on the first one (client-go tools/record: EventCorrelator). */
export class ApiEvents implements EventRecorder {
  readonly #ports: { readonly kube: Kube; readonly clock: Clock; readonly random: Random; readonly log: Log };
  readonly #source: EventSource;
  readonly #names: EventNames;
  readonly #limits: EventLimits;
  #allowance: number;
  #allowanceAtMs: number;
  readonly #recorded = new Map<string, Recorded>();
  readonly #similar = new Map<string, { sinceMs: number; readonly messages: Set<string> }>();

  constructor(ports: { readonly kube: Kube; readonly clock: Clock; readonly random: Random; readonly log: Log }, source: EventSource, limits = eventLimitsDefault) {
    this.#ports = ports;
    this.#source = source;
    this.#names = source.names ?? new EventNames(ports.clock, ports.random.next());
    this.#limits = limits;
    this.#allowance = limits.burst;
    this.#allowanceAtMs = ports.clock.monotonicMs();
  }

  record(type: EventType, about: EventSubject, reason: string, message: string): void {
    const subject = `${about.metadata.uid ?? `${about.kind}/${about.metadata.namespace ?? ''}/${about.metadata.name}`}\n${type}\n${reason}`;
    const collective = this.#isCrowded(subject, message);
    const identity = collective ? subject : `${subject}\n${message}`;
    if (!this.#take()) {
      this.#ports.log.debug('an event is dropped: too many in a short time', { reason, about: about.metadata.name });
      return;
    }
    const text = collective ? `(combined from similar events): ${message}` : message;
    const known = this.#recorded.get(identity);
    if (known !== undefined) {
      known.count++;
      known.written = this.#repeat(known, identity, text);
      return;
    }
    const event = this.#build(type, about, reason, text);
    const { name, namespace } = event.metadata;
    this.#recorded.set(identity, { name, namespace: namespace!, count: 1, written: this.#create(event, identity) });
    if (this.#recorded.size > this.#limits.remembered) this.#recorded.delete(this.#recorded.keys().next().value!);
  }

  #take(): boolean {
    const now = this.#ports.clock.monotonicMs();
    this.#allowance = Math.min(this.#limits.burst, this.#allowance + ((now - this.#allowanceAtMs) * this.#limits.perSecond) / 1000);
    this.#allowanceAtMs = now;
    if (this.#allowance < 1) return false;
    this.#allowance--;
    return true;
  }

  /** Whether the subject has had so many different messages lately that they are counted together. */
  #isCrowded(subject: string, message: string): boolean {
    const now = this.#ports.clock.monotonicMs();
    let group = this.#similar.get(subject);
    if (group === undefined || now - group.sinceMs > this.#limits.similarWindowMs) {
      group = { sinceMs: now, messages: new Set() };
      this.#similar.delete(subject);
      this.#similar.set(subject, group);
      if (this.#similar.size > this.#limits.remembered) this.#similar.delete(this.#similar.keys().next().value!);
    }
    group.messages.add(message);
    return group.messages.size >= this.#limits.similarMax;
  }

  async #create(event: CoreEvent, identity: string): Promise<boolean> {
    try {
      await this.#ports.kube.create(events, event);
      return true;
    } catch (error) {
      this.#failed(error, identity);
      return false;
    }
  }

  async #repeat(known: Recorded, identity: string, message: string): Promise<boolean> {
    if (!(await known.written)) return false;
    const patch = { count: known.count, message, lastTimestamp: rfc3339(this.#ports.clock.now()) };
    try {
      await this.#ports.kube.patch(events, { name: known.name, namespace: known.namespace }, { type: 'merge', patch });
      return true;
    } catch (error) {
      this.#failed(error, identity);
      return false;
    }
  }

  /** Events expire after an hour, and a namespace that is going away takes no new ones; the next occurrence starts a new Event. */
  #failed(error: unknown, identity: string): void {
    this.#recorded.delete(identity);
    const level = isKubeError(error) ? 'debug' : 'error';
    this.#ports.log[level]('an event could not be recorded', { error: String(error) });
  }

  #build(type: EventType, about: EventSubject, reason: string, message: string): CoreEvent {
    const { name, namespace, uid, resourceVersion } = about.metadata;
    const time = rfc3339(this.#ports.clock.now());
    const eventNamespace = namespace ?? 'default';
    const { component, host, instance } = this.#source;
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: this.#names.next(name), namespace: eventNamespace },
      involvedObject: {
        apiVersion: about.apiVersion, kind: about.kind, name,
        ...(namespace === undefined ? {} : { namespace }), ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
      type, reason, message, count: 1, firstTimestamp: time, lastTimestamp: time,
      source: { component, ...(host === undefined ? {} : { host }) },
      reportingComponent: component,
      reportingInstance: instance ?? host ?? '',
    };
  }
}
