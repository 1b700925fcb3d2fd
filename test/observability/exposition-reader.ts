/** A family as a scrape shows it. */
export interface ScrapedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ScrapedSample[];
}

export interface ScrapedSample {
  /** With `_bucket`, `_sum` or `_count` of a histogram. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const SUFFIXES: Readonly<Record<string, readonly string[]>> = { counter: [''], gauge: [''], histogram: ['_bucket', '_sum', '_count'] };

/**
 * Reads Prometheus' text format 0.0.4 as strictly as its documentation states it (prometheus.io/docs/instrumenting/exposition_formats):
 * throws at the first line that is not of it, at samples of no family, and at a series that is there twice.
 */
export function readExposition(text: string): ReadonlyMap<string, ScrapedFamily> {
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, { name: string; type: string; help: string; samples: ScrapedSample[] }>();
  const seen = new Set<string>();
  let current: { name: string; type: string; help: string; samples: ScrapedSample[] } | undefined;
  for (const line of text.split('\n').slice(0, -1)) {
    const help = /^# HELP (\S+) (.*)$/.exec(line);
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
    if (help !== null) {
      if (families.has(help[1]!)) throw new Error(`${help[1]} is there twice`);
      current = { name: help[1]!, type: '', help: help[2]!.replaceAll('\\n', '\n').replaceAll('\\\\', '\\'), samples: [] };
      families.set(current.name, current);
    } else if (type !== null) {
      if (current?.name !== type[1]) throw new Error(`the type of ${type[1]} does not follow its help`);
      current!.type = type[2]!;
    } else {
      const sample = readSample(line);
      if (current === undefined || !(SUFFIXES[current.type] ?? []).some((suffix) => sample.name === current!.name + suffix)) throw new Error(`a sample of no family: ${line}`);
      const series = `${sample.name}${JSON.stringify(Object.entries(sample.labels).sort())}`;
      if (seen.has(series)) throw new Error(`a series that is there twice: ${line}`);
      seen.add(series);
      current.samples.push(sample);
    }
  }
  return families;
}

function readSample(line: string): ScrapedSample {
  const name = NAME.exec(line)?.[0];
  if (name === undefined) throw new Error(`no sample: ${line}`);
  const labels: Record<string, string> = {};
  let at = name.length;
  if (line[at] === '{') {
    const pair = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|\})/y;
    pair.lastIndex = at + 1;
    for (;;) {
      const match = pair.exec(line);
      if (match === null) throw new Error(`labels that cannot be read: ${line}`);
      if (Object.hasOwn(labels, match[1]!)) throw new Error(`a label that is there twice: ${line}`);
      labels[match[1]!] = match[2]!.replace(/\\(["\\n])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
      at = pair.lastIndex;
      if (match[3] === '}') break;
    }
  }
  const value = /^ (NaN|[+-]Inf|[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)$/i.exec(line.slice(at))?.[1];
  if (value === undefined) throw new Error(`no value: ${line}`);
  return { name, labels, value: value === '+Inf' ? Infinity : value === '-Inf' ? -Infinity : Number(value) };
}
