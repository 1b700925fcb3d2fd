/**
 * Rules for names with the sentences that the API server says (apimachinery pkg/util/validation/validation.go). Each function
 * returns what is wrong, one sentence each; nothing when all is well.
 */
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const QUALIFIED = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

const LABEL_TEXT = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035_TEXT = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_TEXT = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED_TEXT = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE_TEXT = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

function problems(text: string, maxLength: number, pattern: RegExp, sentence: string): string[] {
  const found: string[] = [];
  if (text.length > maxLength) found.push(`must be no more than ${maxLength} characters`);
  if (!pattern.test(text)) found.push(sentence);
  return found;
}

export function dnsLabelProblems(text: string): readonly string[] {
  return problems(text, 63, LABEL, SUBDOMAIN.test(text) ? 'must not contain dots' : LABEL_TEXT);
}

export function dns1035LabelProblems(text: string): readonly string[] {
  return problems(text, 63, LABEL_1035, LABEL_1035_TEXT);
}

export function dnsSubdomainProblems(text: string): readonly string[] {
  return problems(text, 253, SUBDOMAIN, SUBDOMAIN_TEXT);
}

/** A generateName prefix may end with a dash, since letters follow. */
export function maskTrailingDash(text: string): string {
  return text.length > 1 && text.endsWith('-') ? `${text.slice(0, -2)}a` : text;
}

/** Names that stand in a path of the API: no slash, no percent sign, no dots alone. */
export function pathSegmentProblems(text: string, isPrefix: boolean): readonly string[] {
  if (!isPrefix && (text === '.' || text === '..')) return [`may not be '${text}'`];
  return ['/', '%'].filter((character) => text.includes(character)).map((character) => `may not contain '${character}'`);
}

/** Label keys, annotation keys (in lower case) and finalizers. */
export function qualifiedNameProblems(text: string): readonly string[] {
  const parts = text.split('/');
  if (parts.length > 2) {
    return ["a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"];
  }
  const found: string[] = [];
  const name = parts.at(-1)!;
  if (parts.length === 2) {
    if (parts[0] === '') found.push('prefix part must be non-empty');
    else found.push(...dnsSubdomainProblems(parts[0]!).map((problem) => `prefix part ${problem}`));
  }
  if (name === '') found.push('name part must be non-empty');
  else if (name.length > 63) found.push('name part must be no more than 63 characters');
  if (!QUALIFIED.test(name)) found.push(QUALIFIED_TEXT);
  return found;
}

export function labelValueProblems(text: string): readonly string[] {
  const found: string[] = [];
  if (text.length > 63) found.push('must be no more than 63 characters');
  if (text !== '' && !QUALIFIED.test(text)) found.push(LABEL_VALUE_TEXT);
  return found;
}

const CONFIG_KEY_TEXT = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/** Keys of ConfigMaps and Secrets: file names. */
export function configKeyProblems(text: string): readonly string[] {
  return [...problems(text, 253, /^[-._a-zA-Z0-9]+$/, CONFIG_KEY_TEXT), ...parentFolderProblems(text)];
}

function parentFolderProblems(text: string): readonly string[] {
  if (text === '.') return ["must not be '.'"];
  if (text === '..') return ["must not be '..'"];
  return text.startsWith('..') ? ["must not start with '..'"] : [];
}

/** Names of container ports (RFC 6335, in lower case). */
export function portNameProblems(text: string): readonly string[] {
  const found: string[] = [];
  if (text.length > 15) found.push('must be no more than 15 characters');
  if (!/^[-a-z0-9]+$/.test(text)) found.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(text)) found.push('must contain at least one letter (a-z)');
  if (text.includes('--')) found.push('must not contain consecutive hyphens');
  if (text.startsWith('-') || text.endsWith('-')) found.push('must not begin or end with a hyphen');
  return found;
}

/** Names of environment variables: printable ASCII but for the equals sign. */
export function environmentNameProblems(text: string): readonly string[] {
  if (text === '') return ['environment variable name must be non-empty'];
  return /^[ -<>-~]+$/.test(text) ? [] : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}
