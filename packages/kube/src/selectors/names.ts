/**
 * The rules for names of apimachinery pkg/util/validation/validation.go. Each function returns undefined when the text is
 * valid, and otherwise one sentence that says what is wrong.
 */
const QUALIFIED_PART = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** A label key, annotation key or extended resource name: `name` or `prefix/name`. */
export function qualifiedNameProblem(text: string): string | undefined {
  const parts = text.split('/');
  if (parts.length > 2) return `"${text}" has more than one "/": a name is NAME or PREFIX/NAME`;
  const name = parts.at(-1)!;
  if (parts.length === 2) {
    const prefix = dnsSubdomainProblem(parts[0]!);
    if (prefix !== undefined) return `prefix part ${prefix}`;
  }
  if (name === '') return `name part of "${text}" must not be empty`;
  if (name.length > 63) return `name part "${name}" is longer than 63 characters`;
  if (!QUALIFIED_PART.test(name)) return `name part "${name}" must consist of letters, digits, "-", "_" or ".", and begin and end with a letter or digit`;
  return undefined;
}

/** A label value: empty, or up to 63 characters that begin and end with a letter or digit. */
export function labelValueProblem(text: string): string | undefined {
  if (text.length > 63) return `label value "${text}" is longer than 63 characters`;
  if (text !== '' && !QUALIFIED_PART.test(text)) return `label value "${text}" must be empty or consist of letters, digits, "-", "_" or ".", and begin and end with a letter or digit`;
  return undefined;
}

/** RFC 1123 label: names of namespaces and services. */
export function dnsLabelProblem(text: string): string | undefined {
  if (text.length > 63) return `"${text}" is longer than 63 characters`;
  return DNS_LABEL.test(text) ? undefined : `"${text}" must consist of lower case letters, digits or "-", and begin and end with a letter or digit`;
}

/** RFC 1123 subdomain: names of most objects. */
export function dnsSubdomainProblem(text: string): string | undefined {
  if (text.length > 253) return `"${text}" is longer than 253 characters`;
  return DNS_SUBDOMAIN.test(text) ? undefined : `"${text}" must consist of lower case letters, digits, "-" or ".", and each part must begin and end with a letter or digit`;
}
