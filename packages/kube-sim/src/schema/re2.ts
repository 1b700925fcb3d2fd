/**
 * Whether a text is a pattern of RE2, and if not, why, in the words of Go's regexp/syntax: what a definition's validation says.
 * RE2 has no look-around and no back references, which JavaScript would take.
 */
export function patternProblem(pattern: string): string | undefined {
  const reader = new Reader(pattern);
  const fault = readAlternatives(reader, 0);
  if (fault !== undefined) return said(fault);
  return reader.isAtEnd ? undefined : said({ code: 'unexpected )', text: pattern });
}

interface Fault {
  readonly code: string;
  readonly text: string;
}

const DEPTH_MAX = 1000;
const REPEAT_MAX = 1000;
const CLASSES: ReadonlySet<string> = new Set(['alnum', 'alpha', 'ascii', 'blank', 'cntrl', 'digit', 'graph', 'lower', 'print', 'punct', 'space', 'upper', 'word', 'xdigit']);

function said({ code, text }: Fault): string {
  return `error parsing regexp: ${code}: \`${text}\``;
}

class Reader {
  readonly source: string;
  at = 0;

  constructor(source: string) {
    this.source = source;
  }

  get isAtEnd(): boolean {
    return this.at >= this.source.length;
  }

  get rest(): string {
    return this.source.slice(this.at);
  }

  take(expression: RegExp): RegExpExecArray | null {
    const sticky = new RegExp(expression.source, `${expression.flags}y`);
    sticky.lastIndex = this.at;
    const found = sticky.exec(this.source);
    if (found !== null) this.at += found[0].length;
    return found;
  }
}

/** Up to the closing parenthesis, which is left, or the end. */
function readAlternatives(reader: Reader, depth: number): Fault | undefined {
  if (depth > DEPTH_MAX) return { code: 'expression nests too deeply', text: reader.source };
  let canRepeat = false;
  let repeated = '';
  while (!reader.isAtEnd && !reader.rest.startsWith(')')) {
    const start = reader.at;
    const repeat = reader.take(/[*+?]\??/) ?? reader.take(/\{(\d+)(?:,(\d*))?\}\??/);
    if (repeat !== null) {
      const [text, least, most] = repeat;
      if (!canRepeat) return { code: 'missing argument to repetition operator', text };
      if (Number(least ?? 0) > REPEAT_MAX || Number(most ?? 0) > REPEAT_MAX || (most !== undefined && most !== '' && Number(most) < Number(least))) return { code: 'invalid repeat count', text };
      if (repeated !== '') return { code: 'invalid nested repetition operator', text: repeated + text };
      repeated = text;
      continue;
    }
    repeated = '';
    canRepeat = true;
    if (reader.take(/\|/) !== null) canRepeat = false;
    else {
      const fault = readAtom(reader, start, depth);
      if (fault !== undefined) return fault;
    }
  }
  return undefined;
}

function readAtom(reader: Reader, start: number, depth: number): Fault | undefined {
  if (reader.rest.startsWith('(')) return readGroup(reader, start, depth);
  if (reader.rest.startsWith('[')) return readClass(reader, start);
  if (reader.rest.startsWith('\\')) return readEscape(reader, false);
  reader.take(/[^]/u);
  return undefined;
}

function readGroup(reader: Reader, start: number, depth: number): Fault | undefined {
  if (reader.take(/\(\?P?</) !== null) {
    const name = reader.take(/([^>]*)>/);
    if (name === null) return { code: 'invalid named capture', text: reader.source.slice(start) };
    if (!/^\w+$/.test(name[1]!)) return { code: 'invalid named capture', text: reader.source.slice(start, reader.at) };
  } else {
    if (reader.take(/\(\?/) === null) reader.take(/\(/);
    else {
      if (reader.take(/[imsU]*(?:-[imsU]+)?\)/) !== null) return undefined;
      if (reader.take(/[imsU]*(?:-[imsU]+)?:/) === null) {
        return { code: 'invalid or unsupported Perl syntax', text: /^\(\?[imsU-]*.?/su.exec(reader.source.slice(start))![0] };
      }
    }
  }
  const fault = readAlternatives(reader, depth + 1);
  if (fault !== undefined) return fault;
  return reader.take(/\)/) === null ? { code: 'missing closing )', text: reader.source } : undefined;
}

function readClass(reader: Reader, start: number): Fault | undefined {
  reader.take(/\[\^?/);
  for (let isFirst = true; isFirst || !reader.rest.startsWith(']'); isFirst = false) {
    if (reader.isAtEnd) return { code: 'missing closing ]', text: reader.source.slice(start) };
    const named = reader.take(/\[:\^?(\w*):\]/);
    if (named !== null) {
      if (!CLASSES.has(named[1]!)) return { code: 'invalid character class range', text: named[0] };
      continue;
    }
    const from = reader.at;
    const low = readMember(reader);
    if (typeof low === 'object') return low;
    if (!/^-[^\]]/s.test(reader.rest)) continue;
    reader.take(/-/);
    if (/^\\[dDsSwW]/.test(reader.rest)) return { code: 'invalid escape sequence', text: reader.rest.slice(0, 2) };
    const high = readMember(reader);
    if (typeof high === 'object') return high;
    if (low > high) return { code: 'invalid character class range', text: reader.source.slice(from, reader.at) };
  }
  reader.take(/\]/);
  return undefined;
}

/** The code of one member of a class; a class within it counts as lower than all. */
function readMember(reader: Reader): number | Fault {
  const start = reader.at;
  if (reader.rest.startsWith('\\')) {
    const fault = readEscape(reader, true);
    if (fault !== undefined) return fault;
    const text = reader.source.slice(start, reader.at);
    const hex = /^\\x\{?([0-9A-Fa-f]+)/.exec(text);
    if (hex !== null) return Number.parseInt(hex[1]!, 16);
    return text.length === 2 && !/[\w]/.test(text[1]!) ? text.codePointAt(1)! : -1;
  }
  return reader.take(/[^]/u)![0].codePointAt(0)!;
}

function readEscape(reader: Reader, isInClass: boolean): Fault | undefined {
  const start = reader.at;
  if (reader.rest === '\\') return { code: 'trailing backslash at end of expression', text: '' };
  if (!isInClass && reader.take(/\\Q(?:(?!\\E)[^])*(?:\\E)?/) !== null) return undefined;
  const unicode = reader.take(/\\[pP](?:\{(\^?)([^}]*)\}|(\{.*|[^]|$))/su);
  if (unicode !== null) {
    return isUnicodeClass(unicode[2] ?? unicode[3]!.toUpperCase()) ? undefined : { code: 'invalid character class range', text: unicode[0] };
  }
  const isKnown = reader.take(/\\(?:x[0-9A-Fa-f]{2}|x\{[0-9A-Fa-f]{1,6}\}|0[0-7]{0,2}|[1-7][0-7]{1,2}|[adDsSwWfnrtv]|[!-/:-@[-`{-~])/) !== null || (!isInClass && reader.take(/\\[AbBzC]/) !== null);
  if (isKnown) return undefined;
  return { code: 'invalid escape sequence', text: /^\\[^]/u.exec(reader.source.slice(start))?.[0] ?? '\\' };
}

function isUnicodeClass(name: string): boolean {
  if (!/^\w+$/.test(name)) return false;
  if (name === 'Any') return true;
  try {
    return new RegExp(`[\\p{${name}}]`, 'u').source !== '' || true;
  } catch {
    try {
      return new RegExp(`[\\p{Script=${name}}]`, 'u').source !== '';
    } catch {
      return false;
    }
  }
}
