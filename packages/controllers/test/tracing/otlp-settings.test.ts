// Goal: the variables of OpenTelemetry mean what its specification says, and what cannot be followed is said. Method: cases from the specification;
// drawn environments.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { otlpSettings } from '../../src/tracing/otlp-settings.ts';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
const read = (environment: Record<string, string>) => otlpSettings(environment, 'vfleet-operator');

describe('nothing is traced', () => {
  test.each([[{}], [{ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }], [{ ...ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }], [{ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }], [{ OTEL_SERVICE_NAME: 'x' }]] as const)('%o', (environment) => {
    expect(read(environment)).toEqual({ ok: true, value: undefined });
  });
});

describe('where to', () => {
  test.each([
    [ENDPOINT, 'http://collector:4318/v1/traces'], [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c/prefix/' }, 'https://c/prefix/v1/traces'],
    [{ ...ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://other/exact' }, 'http://other/exact'],
  ] as const)('%o', (environment, url) => {
    expect(read(environment)).toMatchObject({ ok: true, value: { url } });
  });

  test('everything else has the standard\'s value, or the one that is given', () => {
    expect(read(ENDPOINT)).toEqual({ ok: true, value: { url: 'http://collector:4318/v1/traces', headers: {}, timeoutMs: 10_000, everyMs: 5_000, batchMax: 512, queueMax: 2_048, ratio: 1, resource: { 'service.name': 'vfleet-operator' } } });
    expect(read({
      ...ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20x, tenant=a=b,', OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '500', OTEL_RESOURCE_ATTRIBUTES: 'service.name=mine,k8s.cluster.name=one%2Ctwo', OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25', OTEL_BSP_SCHEDULE_DELAY: '100', OTEL_BSP_MAX_QUEUE_SIZE: '10',
    })).toEqual({ ok: true, value: { url: 'http://collector:4318/v1/traces', headers: { authorization: 'Bearer x', tenant: 'a=b' }, timeoutMs: 500, everyMs: 100, batchMax: 10, queueMax: 10, ratio: 0.25, resource: { 'service.name': 'mine', 'k8s.cluster.name': 'one,two' } } });
    expect(read({ ...ENDPOINT, OTEL_SERVICE_NAME: 'named', OTEL_RESOURCE_ATTRIBUTES: 'service.name=mine' })).toMatchObject({ value: { resource: { 'service.name': 'named' } } });
  });
});

describe('refused in words', () => {
  test.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, /no http or https URL/], [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, /http\/json only/], [{ OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf' }, /http\/json only/],
    [{ OTEL_TRACES_SAMPLER: 'constructor' }, /OTEL_TRACES_SAMPLER is constructor/], [{ OTEL_TRACES_SAMPLER_ARG: 'half' }, /from 0 to 1/], [{ OTEL_TRACES_SAMPLER_ARG: '2' }, /from 0 to 1/],
    [{ OTEL_EXPORTER_OTLP_TIMEOUT: '0' }, /TIMEOUT is no whole number/], [{ OTEL_BSP_MAX_QUEUE_SIZE: '-1' }, /OTEL_BSP_MAX_QUEUE_SIZE/], [{ OTEL_EXPORTER_OTLP_HEADERS: 'no pair' }, /HEADERS is no list/],
    [{ OTEL_EXPORTER_OTLP_HEADERS: 'a=%' }, /HEADERS is no list/], [{ OTEL_EXPORTER_OTLP_HEADERS: 'a=x%0d%0ay: z' }, /no HTTP header may have/], [{ OTEL_EXPORTER_OTLP_HEADERS: 'a b=x' }, /no HTTP header may have/],
  ] as const)('%o', (environment, says) => {
    expect(read({ ...ENDPOINT, ...environment })).toMatchObject({ ok: false, error: expect.stringMatching(says) });
  });
});

test('whatever the environment holds, reading it gives a value', () => {
  const names = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_TIMEOUT', 'OTEL_EXPORTER_OTLP_PROTOCOL', 'OTEL_RESOURCE_ATTRIBUTES', 'OTEL_TRACES_SAMPLER', 'OTEL_TRACES_SAMPLER_ARG', 'OTEL_BSP_MAX_QUEUE_SIZE', 'OTEL_SDK_DISABLED', '__proto__'];
  const values = fc.oneof(fc.string(), fc.constantFrom('http://c', 'a=b', '1', 'true', '%', '__proto__=x', 'always_off'));
  fc.assert(fc.property(fc.dictionary(fc.constantFrom(...names), values), (environment) => typeof read(environment).ok === 'boolean'), { numRuns: 500 });
});
