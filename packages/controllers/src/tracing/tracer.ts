/** What a span says of what it is about; undefined values are left out. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** How a span's work ended. Without `error` it is neither said to be good nor bad, as OpenTelemetry has it. */
export interface SpanOutcome {
  readonly error?: string;
  readonly attributes?: SpanAttributes;
}

/**
 * What work is, in OpenTelemetry's words (specification, SpanKind): `server` answers a request of another process, `client` makes one, `internal` is
 * neither.
 */
export type SpanKind = 'internal' | 'server' | 'client';

/** Where work is told of in spans. Code that is not traced has none of these: nothing is loaded and nothing is called. */
export interface Tracer {
  /** Does the work in a span, which is a part of the span that it is called in, and gives what the work gives. `outcome` reads the result; work that throws has failed. */
  span<Value>(kind: SpanKind, name: string, attributes: SpanAttributes, work: () => Promise<Value>, outcome?: (value: Value) => SpanOutcome): Promise<Value>;
  /** Work that has just ended, after `tookMs`, as a part of the span that this is called in. */
  note(kind: SpanKind, name: string, attributes: SpanAttributes, tookMs: number, outcome?: SpanOutcome): void;
}
