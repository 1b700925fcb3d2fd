/** Executes CNI plugins that others have installed on the node (CNI specification §4 "Plugin delegation"). */
export interface PluginRunner {
  /** Whether the node has an executable for this plugin type. */
  has(type: string): boolean;
  /** Runs the plugin to its end; a plugin that is not there, hangs or prints without end is a failure with a sentence. */
  run(call: PluginExecution): Promise<PluginOutcome>;
}

export interface PluginExecution {
  readonly type: string;
  /** CNI_* variables, CNI_PATH excepted, which the runner adds. */
  readonly environment: Readonly<Record<string, string>>;
  readonly input: string;
}

export type PluginOutcome = { readonly kind: 'ended'; readonly status: number; readonly output: string } | { readonly kind: 'failed'; readonly cause: string };
