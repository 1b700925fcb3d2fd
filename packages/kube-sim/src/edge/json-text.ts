/** What can be said of a JSON text before it is parsed. */
export interface JsonScan {
  /** Paths of keys that an object has twice: `metadata.name`. */
  readonly duplicates: readonly string[];
  readonly depth: number;
}

interface Frame {
  readonly isObject: boolean;
  readonly keys: string[];
  key: string;
  index: number;
  expectsKey: boolean;
}

/** Above this many keys an object's keys are looked up in a set. */
const LINEAR_KEYS_MAX = 16;

/**
 * Finds duplicate keys and the depth of a JSON text that is otherwise well formed; JSON.parse keeps the last of duplicates
 * and says nothing. One pass, no recursion. Texts that are not well formed give any answer: parsing refuses them.
 */
export function scanJson(text: string): JsonScan {
  const frames: Frame[] = [];
  const sets = new Map<Frame, Set<string>>();
  const duplicates: string[] = [];
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const frame = frames[frames.length - 1];
    if (code === 0x22) {
      const end = endOfString(text, at);
      if (frame?.expectsKey === true) {
        frame.key = keyText(text, at, end);
        if (isRepeated(frame, sets)) duplicates.push(pathOf(frames));
        frame.expectsKey = false;
      }
      at = end;
    } else if (code === 0x7b || code === 0x5b) {
      frames.push({ isObject: code === 0x7b, keys: [], key: '', index: 0, expectsKey: code === 0x7b });
      depth = Math.max(depth, frames.length);
    } else if (code === 0x7d || code === 0x5d) {
      if (frame !== undefined) sets.delete(frame);
      frames.pop();
    } else if (code === 0x2c && frame !== undefined) {
      if (frame.isObject) frame.expectsKey = true;
      else frame.index++;
    }
  }
  return { duplicates, depth };
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return text.length;
    let backslashes = 0;
    for (let back = quote - 1; back > start && text.charCodeAt(back) === 0x5c; back--) backslashes++;
    if (backslashes % 2 === 0) return quote;
    at = quote + 1;
  }
}

function keyText(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end);
  if (!raw.includes('\\')) return raw;
  try {
    return String(JSON.parse(`"${raw}"`));
  } catch {
    return raw;
  }
}

function isRepeated(frame: Frame, sets: Map<Frame, Set<string>>): boolean {
  const set = sets.get(frame);
  const repeated = set === undefined ? frame.keys.includes(frame.key) : set.has(frame.key);
  if (repeated) return true;
  if (set !== undefined) set.add(frame.key);
  else {
    frame.keys.push(frame.key);
    if (frame.keys.length > LINEAR_KEYS_MAX) sets.set(frame, new Set(frame.keys));
  }
  return false;
}

function pathOf(frames: readonly Frame[]): string {
  return frames.map((frame, index) => (frame.isObject ? `${index === 0 ? '' : '.'}${frame.key}` : `[${frame.index}]`)).join('');
}
