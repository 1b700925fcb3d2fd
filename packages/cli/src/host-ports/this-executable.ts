import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

/** The words that start this program once more. */
export function thisExecutable(): readonly string[] {
  return [process.execPath, '--disable-warning=ExperimentalWarning', MAIN];
}
