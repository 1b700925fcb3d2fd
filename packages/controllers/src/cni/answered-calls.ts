import type { AttachFailure, Log, Result } from '@vfleet/core';
import type { JsonObject } from '../json/fields.ts';
import { cniCodes } from './failure.ts';
import { parseCall } from './spec/call.ts';
import type { CniCall, RawCall } from './spec/call.ts';
import { NEWEST_VERSION, isCniVersion } from './spec/versions.ts';
import type { CniVersion } from './spec/versions.ts';

/** What a plugin's process says: its exit status and what it prints. */
export interface CniAnswer {
  readonly status: 0 | 1;
  readonly output: string;
}

/** An answer, and how to take back what was done when nobody is there any more to hear it. */
export interface CniReply extends CniAnswer {
  readonly undo?: () => Promise<void>;
}

/** A plugin's own part: what a call means. */
export interface CniWork {
  /** What to print; undefined for commands that print nothing. */
  carryOut(call: CniCall): Promise<Result<JsonObject | undefined, AttachFailure>>;
  /** Takes back an ADD whose answer nobody has heard. */
  takeBack(add: Extract<CniCall, { command: 'ADD' }>): Promise<Result<void, AttachFailure>>;
}

/** Calls as they come over a wire, read, carried out and answered in the words of the CNI specification. */
export class AnsweredCalls {
  readonly #log: Log;
  readonly #work: CniWork;
  /** The newest ADD of each owner: an older one that nobody waits for must not take back what the newer one has answered. */
  readonly #newest = new Map<string, { readonly call: RawCall; over: boolean }>();

  constructor(log: Log, work: CniWork) {
    this.#log = log;
    this.#work = work;
  }

  async handle(raw: RawCall): Promise<CniReply> {
    const parsed = parseCall(raw);
    if (!parsed.ok) return errorAnswer(parsed.error, versionIn(raw.input));
    const call = parsed.value;
    const { version } = call;
    const key = 'containerId' in call ? `${call.containerId}/${call.ifname}` : '';
    const add = call.command === 'ADD' ? { call: raw, over: false } : undefined;
    if (add !== undefined) this.#newest.set(key, add);
    const done = await this.#work.carryOut(call);
    if (add !== undefined) add.over = true;
    // A DEL that overtakes an ADD has found nothing yet: that ADD is still to be taken back when it is done.
    const forgotten = call.command === 'DEL' ? this.#newest.get(key)?.over === true : add !== undefined && !done.ok && this.#newest.get(key) === add;
    if (forgotten) this.#newest.delete(key);
    if (!done.ok) {
      this.#log.warn('A CNI call failed.', { command: call.command, ...done.error });
      return errorAnswer(done.error, version);
    }
    const reply: CniReply = { status: 0, output: done.value === undefined ? '' : JSON.stringify(done.value) };
    if (call.command !== 'ADD') return reply;
    return { ...reply, undo: async () => (this.#newest.get(key) === add ? this.#takeBack(call) : undefined) };
  }

  async #takeBack(add: Extract<CniCall, { command: 'ADD' }>): Promise<void> {
    const owner = { containerId: add.containerId, ifname: add.ifname };
    this.#log.warn('Nobody waits for the answer of an attachment any more: it is taken back.', owner);
    const undone = await this.#work.takeBack(add);
    if (!undone.ok) this.#log.warn('It could not be taken back yet.', { ...owner, ...undone.error });
  }
}

/** The answer to a call that failed (CNI specification §"Error"). */
export function errorAnswer({ code, cause, remedy }: AttachFailure, version: CniVersion = NEWEST_VERSION): CniAnswer {
  return { status: 1, output: JSON.stringify({ cniVersion: version, code, msg: cause, details: remedy }) };
}

/** The version in which an error can be told although the call could not be read as a whole. */
function versionIn(input: string): CniVersion {
  const version = /"cniVersion"\s*:\s*"([0-9.]{1,10})"/.exec(input.slice(0, 65_536))?.[1];
  return version !== undefined && isCniVersion(version) ? version : NEWEST_VERSION;
}

/** Answers to a call whose work has to be done by a daemon that does not run: the runtime tries again, and holds pods back meanwhile. */
export function noDaemonAnswer({ environment, input }: RawCall): CniAnswer {
  const code = environment['CNI_COMMAND'] === 'STATUS' ? cniCodes.notAvailable : cniCodes.tryAgain;
  return errorAnswer({ code, cause: 'the node\'s daemon does not run', remedy: 'Start `vfleet node`; the runtime tries again.' }, versionIn(input));
}
