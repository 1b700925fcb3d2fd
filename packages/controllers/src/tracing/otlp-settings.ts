import type { Result } from '@vfleet/core';
import { fail, ok } from '@vfleet/core';

/** Where spans go, and how. */
export interface OtlpSettings {
  /** Of the traces themselves: `http://collector:4318/v1/traces`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Attributes of the process: `service.name` is one of them. */
  readonly resource: Readonly<Record<string, string>>;
  /** The share of traces that are kept, 0 to 1. */
  readonly ratio: number;
  /** How often what has come together is sent, and how many spans at once and at most are kept. */
  readonly everyMs: number;
  readonly batchMax: number;
  readonly queueMax: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

const RATIOS: Readonly<Record<string, 'all' | 'none' | 'argument'>> = {
  always_on: 'all', always_off: 'none', traceidratio: 'argument', parentbased_always_on: 'all', parentbased_always_off: 'none', parentbased_traceidratio: 'argument',
};

/**
 * The variables of OpenTelemetry (its specification: "Environment Variable Specification", and of the OTLP exporter). Undefined: no endpoint is
 * named, or all is switched off, and nothing is traced. What cannot be followed is refused in words, so that nobody waits for spans that never come.
 */
export function otlpSettings(environment: Environment, service: string): Result<OtlpSettings | undefined, string> {
  // An empty variable counts as an unset one.
  const of = (name: string): string | undefined => (Object.hasOwn(environment, name) ? environment[name]?.trim() : undefined) || undefined;
  const own = (name: string) => of(`OTEL_EXPORTER_OTLP_TRACES_${name}`) ?? of(`OTEL_EXPORTER_OTLP_${name}`);
  if (of('OTEL_SDK_DISABLED')?.toLowerCase() === 'true' || of('OTEL_TRACES_EXPORTER') === 'none') return ok(undefined);
  const [base, exact] = [of('OTEL_EXPORTER_OTLP_ENDPOINT'), of('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')];
  const endpoint = exact ?? base;
  if (endpoint === undefined) return ok(undefined);
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) return fail(`the endpoint for traces is no http or https URL: ${endpoint}`);
  const protocol = own('PROTOCOL');
  if (protocol !== undefined && protocol !== 'http/json') return fail(`OTEL_EXPORTER_OTLP_PROTOCOL is ${protocol}; spans are sent as http/json only, which collectors take on the port of OTLP over HTTP, 4318`);
  const sampler = of('OTEL_TRACES_SAMPLER') ?? 'parentbased_always_on';
  const sampling = Object.hasOwn(RATIOS, sampler) ? RATIOS[sampler] : undefined;
  if (sampling === undefined) return fail(`OTEL_TRACES_SAMPLER is ${sampler}; it may be ${Object.keys(RATIOS).join(', ')}`);
  const ratio = Number(of('OTEL_TRACES_SAMPLER_ARG') ?? '1');
  if (!(ratio >= 0 && ratio <= 1)) return fail('OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1');
  const numbers = [['TIMEOUT', own('TIMEOUT'), 10_000], ['OTEL_BSP_SCHEDULE_DELAY', of('OTEL_BSP_SCHEDULE_DELAY'), 5_000], ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE', of('OTEL_BSP_MAX_EXPORT_BATCH_SIZE'), 512], ['OTEL_BSP_MAX_QUEUE_SIZE', of('OTEL_BSP_MAX_QUEUE_SIZE'), 2_048]] as const;
  const read = numbers.map(([, text, standard]) => (text === undefined ? standard : /^\d{1,9}$/.test(text) && Number(text) > 0 ? Number(text) : undefined));
  const bad = read.indexOf(undefined);
  if (bad >= 0) return fail(`${numbers[bad]![0]} is no whole number above 0`);
  const [timeoutMs, everyMs, batchMax, queueMax] = read as [number, number, number, number];
  const [headers, attributes] = [pairs(own('HEADERS')), pairs(of('OTEL_RESOURCE_ATTRIBUTES'))];
  if (headers === undefined || attributes === undefined) return fail(`${headers === undefined ? 'OTEL_EXPORTER_OTLP_HEADERS' : 'OTEL_RESOURCE_ATTRIBUTES'} is no list of name=value, separated by commas`);
  if (Object.entries(headers).some(([name, value]) => !/^[!#$%&'*+.^_`|~\w-]+$/.test(name) || /[^\t\x20-\x7e]/.test(value))) return fail('OTEL_EXPORTER_OTLP_HEADERS has a name or a value that no HTTP header may have');
  return ok({
    // The general endpoint is a base, the one for traces is used as it is.
    url: exact ?? `${endpoint.replace(/\/+$/, '')}/v1/traces`, headers, timeoutMs, everyMs, batchMax: Math.min(batchMax, queueMax), queueMax,
    resource: { ...attributes, 'service.name': of('OTEL_SERVICE_NAME') ?? attributes['service.name'] ?? service },
    ratio: sampling === 'all' ? 1 : sampling === 'none' ? 0 : ratio,
  });
}

/** `name=value,name=value`, values percent-encoded (W3C Baggage); undefined when it is something else. */
function pairs(text: string | undefined): Readonly<Record<string, string>> | undefined {
  const found: (readonly [string, string])[] = [];
  for (const entry of (text ?? '').split(',')) {
    if (entry.trim() === '') continue;
    const at = entry.indexOf('=');
    const name = entry.slice(0, Math.max(at, 0)).trim();
    if (name === '') return undefined;
    try {
      found.push([name, decodeURIComponent(entry.slice(at + 1).trim())]);
    } catch {
      return undefined;
    }
  }
  return Object.fromEntries(found);
}
