import type { Files, FilesError, Log, NodeMachineState, Result } from '@vfleet/core';
import { isJsonObject, nodeMachine, ok, parseJson, startMachine } from '@vfleet/core';

/** Keeps the node machine's state on disk, so that a restart goes on where the process was, and reboots stay counted. */
export class NodeRecord {
  readonly #files: Files;
  readonly #path: string;
  readonly #log: Log;
  #saved = '';

  constructor(files: Files, stateFolder: string, log: Log) {
    this.#files = files;
    this.#path = `${stateFolder}/node.json`;
    this.#log = log;
  }

  /** The saved state, or the machine's first one when there is none or it cannot be understood. */
  async load(): Promise<Result<NodeMachineState, FilesError>> {
    const first = startMachine(nodeMachine, undefined).state;
    const text = await this.#files.read(this.#path);
    if (!text.ok) return text.error.code === 'notFound' ? ok(first) : text;
    const state = parseState(text.value, first);
    if (state === undefined) this.#log.error('The saved state of the node cannot be read; it is begun anew.', { path: this.#path });
    this.#saved = text.value;
    return ok(state ?? first);
  }

  /** Writes only what differs from what is there. */
  async save(state: NodeMachineState): Promise<Result<void, FilesError>> {
    const text = `${JSON.stringify(state)}\n`;
    if (text === this.#saved) return ok(undefined);
    const written = await this.#files.replace(this.#path, text, { mode: 0o600 });
    if (written.ok) this.#saved = text;
    return written;
  }
}

function parseState(text: string, first: NodeMachineState): NodeMachineState | undefined {
  const parsed = parseJson(text);
  if (!parsed.ok || !isJsonObject(parsed.value)) return undefined;
  const { value, context } = parsed.value;
  if (typeof value !== 'string' || !(value in nodeMachine.root.states) || context === undefined || !isJsonObject(context)) return undefined;
  const count = (field: string) => {
    const number = context[field];
    return typeof number === 'number' && Number.isInteger(number) && number >= 0 ? number : 0;
  };
  const { bootId, cause, deadlineAtMs } = context;
  return {
    value: value as NodeMachineState['value'],
    context: {
      ...first.context,
      attempts: count('attempts'),
      rounds: count('rounds'),
      rebootAttempts: count('rebootAttempts'),
      ...(typeof bootId === 'string' ? { bootId } : {}),
      ...(typeof cause === 'string' ? { cause } : {}),
      ...(typeof deadlineAtMs === 'number' ? { deadlineAtMs } : {}),
    },
  };
}
