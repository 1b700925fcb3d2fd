import type { ParsedConfig, ResourceConfig } from './config.ts';
import { parseDevicePluginConfig } from './config.ts';
import type { ConfigProblem } from './problems.ts';

export interface InForce {
  readonly resources: readonly ResourceConfig[];
  /** Of the newest text, also where an earlier one stays in force. */
  readonly problems: readonly ConfigProblem[];
}

/**
 * One source of configuration over time: a text that cannot be understood leaves the last good one in force, and a resource that
 * cannot be understood leaves its own last good version in force.
 */
export class ConfigInForce {
  readonly #prefix: string;
  #resources: readonly ResourceConfig[] = [];
  #useCdi = false;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  get resources(): readonly ResourceConfig[] {
    return this.#resources;
  }

  get useCdi(): boolean {
    return this.#useCdi;
  }

  /** `text` is undefined when the source has none: then nothing is in force. `taken` are names that others use. */
  update(text: string | undefined, taken: ReadonlySet<string>): InForce {
    if (text === undefined) {
      this.#resources = [];
      this.#useCdi = false;
      return { resources: [], problems: [] };
    }
    const parsed = parseDevicePluginConfig(text, this.#prefix, taken);
    this.#resources = this.#merged(parsed, taken);
    if (parsed.entries !== undefined) this.#useCdi = parsed.useCdi;
    return { resources: this.#resources, problems: parsed.problems };
  }

  #merged({ entries }: ParsedConfig, taken: ReadonlySet<string>): readonly ResourceConfig[] {
    if (entries === undefined) return this.#resources.filter(({ fullName }) => !taken.has(fullName));
    const before = new Map(this.#resources.map((resource) => [resource.fullName, resource]));
    return entries.flatMap((entry) => {
      if (entry.usable) return [entry.resource];
      const lastGood = entry.fullName === undefined ? undefined : before.get(entry.fullName);
      return lastGood === undefined ? [] : [lastGood];
    });
  }
}
