import { otlpSettings } from '@vfleet/controllers/tracing/otlp-settings.ts';
import type { Tracer } from '@vfleet/controllers/tracing/tracer.ts';
import type { Clock, Log, Random } from '@vfleet/core';
import type { CliContext } from './context.ts';
import { CliFailure } from './failure.ts';

export interface Tracing extends Tracer, AsyncDisposable {}

/** Spans of this process go where the variables of OpenTelemetry say; undefined, and nothing is loaded, where they say nothing. */
export async function startTracing(service: string, { environment }: CliContext, ports: { readonly clock: Clock; readonly random: Random; readonly log: Log }): Promise<Tracing | undefined> {
  const settings = otlpSettings(environment, service);
  if (!settings.ok) throw new CliFailure(settings.error, 'Correct the variable; without OTEL_EXPORTER_OTLP_ENDPOINT nothing is traced.');
  if (settings.value === undefined) return undefined;
  const { OtlpTracer } = await import('@vfleet/controllers/tracing/edge/otlp-tracer.ts');
  const tracer = new OtlpTracer(ports, settings.value);
  ports.log.info('traces are sent', { to: settings.value.url, ratio: settings.value.ratio });
  return { span: (...words) => tracer.span(...words), note: (...words) => tracer.note(...words), [Symbol.asyncDispose]: () => tracer.close() };
}
