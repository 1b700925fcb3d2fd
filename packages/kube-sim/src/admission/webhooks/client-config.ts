import { invalid, required } from '../../errors/field-error.ts';
import type { FieldError } from '../../errors/field-error.ts';
import { dnsSubdomainProblems } from '../../values/names.ts';
import type { WebhookSpec } from './configuration.ts';

/** Go keeps no null where a pointer may be. */
export function isAbsent<Value>(value: Value | null | undefined): value is null | undefined {
  return value === undefined || value === null;
}

const URL_FORM = '; desired format: https://host[/path]';

/** Where a webhook is called, by an admission configuration or by a definition's conversion (apiserver pkg/util/webhook/validation.go). */
export function validateClient({ url, service }: WebhookSpec['clientConfig'], field: string): readonly FieldError[] {
  if (isAbsent(url) === isAbsent(service)) return [required(field, 'exactly one of url or service is required')];
  return isAbsent(url) ? validateService(service!, `${field}.service`) : validateUrl(url, `${field}.url`);
}

function validateUrl(url: string, field: string): readonly FieldError[] {
  const [, scheme = '', authority = '', , query = '', fragment = ''] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/.exec(url) ?? [];
  const at = authority.lastIndexOf('@');
  return [
    ...(scheme.toLowerCase() === 'https' ? [] : [invalid(field, scheme, `'https' is the only allowed URL scheme${URL_FORM}`)]),
    ...(authority.slice(at + 1) === '' ? [invalid(field, '', `host must be specified${URL_FORM}`)] : []),
    ...(at < 0 ? [] : [invalid(field, authority.slice(0, at), 'user information is not permitted in the URL')]),
    ...(fragment === '' ? [] : [invalid(field, fragment, 'fragments are not permitted in the URL')]),
    ...(query === '' ? [] : [invalid(field, query, 'query parameters are not permitted in the URL')]),
  ];
}

function validateService({ namespace, name, port = 443, path = '' }: NonNullable<WebhookSpec['clientConfig']['service']>, field: string): readonly FieldError[] {
  return [
    // The real server has these two the other way round.
    ...(namespace === '' ? [required(`${field}.name`)] : []),
    ...(name === '' ? [required(`${field}.namespace`)] : []),
    ...(port < 1 || port > 65535 ? [invalid(`${field}.port`, port, 'port is not valid: must be between 1 and 65535, inclusive')] : []),
    ...validatePath(path, `${field}.path`),
  ];
}

function validatePath(path: string, field: string): readonly FieldError[] {
  if (path === '' || path === '/') return [];
  if (path === '//') return [invalid(field, path, 'segment[0] may not be empty')];
  const steps = path.slice(1).replace(/\/$/, '').split('/');
  return [
    ...(path.startsWith('/') ? [] : [invalid(field, path, "must start with a '/'")]),
    ...steps.flatMap((step, index) => (step === '' ? [invalid(field, path, `segment[${index}] may not be empty`)] : dnsSubdomainProblems(step).map((problem) => invalid(field, path, `segment[${index}]: ${problem}`)))),
  ];
}
