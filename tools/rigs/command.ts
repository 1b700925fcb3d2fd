import { spawn } from "node:child_process";

/** What a finished command left behind. */
export interface CommandResult {
  /** The exit status, or null when a signal ended the command. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Ends the command with SIGTERM. */
  readonly signal?: AbortSignal;
  /** The command is killed after this long. */
  readonly timeoutMs?: number;
  /** Called with each line of stderr as it comes. Lines handed over here are not kept in the result. */
  readonly onStderrLine?: (line: string) => void;
}

/**
 * Runs a program to its end and collects what it printed. There is no shell between: arguments arrive as they are.
 * Rejects only when the program cannot be started or is aborted; an exit status is a result, whatever it is.
 */
export function runCommand(
  file: string,
  commandArguments: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, commandArguments, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ["ignore", "pipe", "pipe"],
      signal: options.signal,
      timeout: options.timeoutMs,
      killSignal: "SIGTERM",
    });
    let stdout = "";
    let stderr = "";
    let partialLine = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      if (options.onStderrLine === undefined) {
        stderr += text;
        return;
      }
      const lines = (partialLine + text).split("\n");
      partialLine = lines.pop() ?? "";
      for (const line of lines) options.onStderrLine(line);
    });
    child.once("error", reject);
    child.once("close", (exitCode) => {
      if (partialLine !== "") options.onStderrLine?.(partialLine);
      resolve({ exitCode, stdout, stderr });
    });
  });
}
