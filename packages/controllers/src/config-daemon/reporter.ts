import type { NodeMachineState, OvsBridge, Plan } from '@vfleet/core';
import { describePlan, toInterfaceStatus } from '@vfleet/core';
import type { ConditionUpdate } from '@vfleet/kube';
import type { EventRecorder } from '@vfleet/kube';
import type { BootCondition } from './boot-configuration.ts';
import type { StatusWriter } from './status-writer.ts';
import type { Survey } from './survey.ts';

const MESSAGE_LENGTH_MAX = 2_000;

/** What the daemon says about its node, in status, conditions and Events. Only wishes: the status writer writes them. */
export class Reporter {
  readonly #status: StatusWriter;
  readonly #events: EventRecorder;

  constructor(status: StatusWriter, events: EventRecorder) {
    this.#status = status;
    this.#events = events;
  }

  publish({ inventory, holders }: Survey): void {
    const external = (this.#status.current()?.spec.interfaces ?? []).filter((entry) => entry.externallyManaged).map((entry) => entry.pciAddress.toLowerCase());
    const interfaces = toInterfaceStatus(inventory, { externallyManaged: new Set(external), ...(holders === undefined ? {} : { holders }) });
    this.#status.wish({ interfaces, system: { rdmaMode: inventory.rdmaMode } });
  }

  /** What became of the configuration at boot; `null`: there is none. */
  publishBoot(condition: BootCondition): void {
    const before = this.#status.current()?.status?.conditions?.find(({ type }) => type === condition?.type);
    this.#status.wish({ boot: condition === null ? null : { ...condition, message: shorten(condition.message) } });
    if (condition?.status === 'False' && before?.message !== shorten(condition.message)) this.say('Warning', 'BootConfigurationFailed', condition.message);
  }

  publishBridges(bridges: readonly OvsBridge[]): void {
    this.#status.wish({ bridges });
  }

  report(syncStatus: 'InProgress' | 'Succeeded' | 'Failed', cause: string | undefined, machine: NodeMachineState, plan: Plan, plannedGeneration: number | undefined): void {
    const before = this.#status.current()?.status;
    // A node that fails and tries again stays Failed until it succeeds, instead of changing to and fro.
    if (syncStatus === 'InProgress' && before?.syncStatus === 'Failed' && machine.context.attempts > 0) return;
    const condition = this.#condition(syncStatus, cause, machine.value, plan, plannedGeneration);
    this.#status.wish({ syncStatus, lastSyncError: syncStatus === 'Failed' ? (cause ?? 'unknown') : null, condition });
    const isNews = before?.syncStatus !== syncStatus || (before.lastSyncError ?? '') !== (cause ?? '');
    if (isNews && syncStatus === 'Failed') this.say('Warning', 'ConfigurationFailed', condition.message);
    if (isNews && syncStatus === 'Succeeded' && before?.syncStatus !== undefined) this.say('Normal', 'Configured', condition.message);
  }

  say(type: 'Normal' | 'Warning', reason: string, message: string): void {
    const state = this.#status.current();
    if (state !== undefined) this.#events.record(type, state, reason, shorten(message));
  }

  #condition(syncStatus: 'InProgress' | 'Succeeded' | 'Failed', cause: string | undefined, at: NodeMachineState['value'], plan: Plan, plannedGeneration: number | undefined): ConditionUpdate {
    // A spec that came in since has not been looked at.
    const generation = plannedGeneration ?? this.#status.current()?.metadata.generation;
    const common = { type: 'Ready', ...(generation === undefined ? {} : { observedGeneration: generation }) };
    if (syncStatus === 'Succeeded') return { ...common, status: 'True', reason: 'Configured', message: shorten(summary(plan)) };
    if (syncStatus === 'Failed') return { ...common, status: 'False', reason: 'ConfigurationFailed', message: shorten(cause ?? 'unknown') };
    const reason = at === 'drainRequested' ? 'WaitingForDrain' : at === 'rebooting' ? 'Rebooting' : 'Applying';
    return { ...common, status: 'False', reason, message: shorten(describePlan(plan).join('\n')) };
  }
}

function summary(plan: Plan): string {
  const configured = plan.pfs.filter((pf) => pf.action === 'configure');
  const what = configured.length === 0 ? 'no NIC is to be configured' : `configured: ${configured.map((pf) => pf.name).join(', ')}`;
  return [what, ...plan.problems.map((problem) => `${problem.cause}; ${problem.remedy}`)].join('; ');
}

function shorten(text: string): string {
  return text.length <= MESSAGE_LENGTH_MAX ? text : `${text.slice(0, MESSAGE_LENGTH_MAX - 1)}…`;
}
