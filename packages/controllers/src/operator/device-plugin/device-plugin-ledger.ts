/** A node's device plugin configuration and label, as rendered. */
export interface NodeDevicePlugin {
  readonly json: string;
  readonly label: 'Enabled' | 'Disabled';
}

/** What the ConfigMap `device-plugin-config` shall say of each node, and what it is known to say. */
export class DevicePluginLedger {
  readonly #wanted = new Map<string, NodeDevicePlugin>();
  readonly #changed: () => void;
  #published: Readonly<Record<string, string>> = {};
  /** Why the ConfigMap could not be written; undefined when it could. */
  problem: string | undefined;
  /** How much of what a ConfigMap may hold is used, 0 to 1. */
  fill = 0;

  /** `changed` is called when a node's configuration differs from what was wanted before. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  set(node: string, wanted: NodeDevicePlugin): void {
    const before = this.#wanted.get(node);
    if (before?.json === wanted.json) return;
    this.#wanted.set(node, wanted);
    if (this.#published[node] !== wanted.json) this.#changed();
  }

  forget(node: string): void {
    if (this.#wanted.delete(node) || this.#published[node] !== undefined) this.#changed();
  }

  /** What the ConfigMap says. Returns the nodes of which it says something else than before. */
  publish(data: Readonly<Record<string, string>>): readonly string[] {
    const before = this.#published;
    this.#published = data;
    const changed = Object.keys(data).filter((node) => data[node] !== before[node]);
    for (const node in before) if (data[node] === undefined) changed.push(node);
    return changed;
  }

  /** The label of a node whose configuration is published; undefined until it is. */
  labelToWrite(node: string): 'Enabled' | 'Disabled' | undefined {
    const wanted = this.#wanted.get(node);
    return wanted !== undefined && this.#published[node] === wanted.json ? wanted.label : undefined;
  }

  wanted(): ReadonlyMap<string, NodeDevicePlugin> {
    return this.#wanted;
  }
}
