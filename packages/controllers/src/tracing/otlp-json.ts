import type { SpanAttributes, SpanKind } from './tracer.ts';

/** A span that has ended. */
export interface EndedSpan {
  /** 32 and 16 digits, hexadecimal. */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: SpanKind;
  /** Epoch milliseconds, with fractions. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: SpanAttributes;
  readonly error?: string;
}

/** SpanKind and StatusCode of opentelemetry/proto/trace/v1/trace.proto, as numbers: OTLP/JSON allows no names. */
const KINDS: Readonly<Record<SpanKind, number>> = { internal: 1, server: 2, client: 3 };
const STATUS_ERROR = 2;
/** A value is for people; a key may be as long as an object's name. */
const TEXT_MAX = 1_024;
const SCOPE = 'vfleet';

/** An ExportTraceServiceRequest (opentelemetry/proto/collector/trace/v1) as OTLP/JSON: ids in hexadecimal, 64-bit integers as text. */
export function exportRequest(spans: readonly EndedSpan[], resource: Readonly<Record<string, string>>): string {
  return JSON.stringify({ resourceSpans: [{ resource: { attributes: attributesOf(resource) }, scopeSpans: [{ scope: { name: SCOPE }, spans: spans.map(spanOf) }] }] });
}

function spanOf({ traceId, spanId, parentSpanId, name, kind, startMs, endMs, attributes, error }: EndedSpan): object {
  return {
    traceId, spanId, ...(parentSpanId === undefined ? {} : { parentSpanId }), name, kind: KINDS[kind], startTimeUnixNano: nanos(startMs), endTimeUnixNano: nanos(Math.max(startMs, endMs)),
    attributes: attributesOf(attributes), ...(error === undefined ? {} : { status: { code: STATUS_ERROR, message: error.slice(0, TEXT_MAX) } }),
  };
}

/** Microseconds are what a clock of fractional milliseconds is good for. */
function nanos(ms: number): string {
  return `${Math.round(ms * 1_000)}000`;
}

function attributesOf(attributes: SpanAttributes): readonly object[] {
  return Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value: valueOf(value) }]));
}

function valueOf(value: string | number | boolean): object {
  if (typeof value === 'string') return { stringValue: value.slice(0, TEXT_MAX) };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
