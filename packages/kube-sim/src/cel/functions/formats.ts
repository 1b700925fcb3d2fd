import { dns1035LabelProblems, dnsLabelProblems, dnsSubdomainProblems, labelValueProblems, maskTrailingDash, qualifiedNameProblems } from '../../values/names.ts';
import { hasFormat } from '../../schema/formats.ts';
import type { CelLibrary, Environment } from '../library.ts';

class NamedFormat {
  readonly problems: (text: string) => readonly string[];
  constructor(problems: (text: string) => readonly string[]) {
    this.problems = problems;
  }
  equals(other: unknown): boolean {
    return other instanceof NamedFormat && other.problems === this.problems;
  }
}

const ofFormat = (format: string, sentence: string) => new NamedFormat((text) => (hasFormat(text, format) ? [] : [sentence]));

const FORMATS: Readonly<Record<string, NamedFormat>> = {
  dns1123Label: new NamedFormat(dnsLabelProblems),
  dns1123Subdomain: new NamedFormat(dnsSubdomainProblems),
  dns1035Label: new NamedFormat(dns1035LabelProblems),
  qualifiedName: new NamedFormat(qualifiedNameProblems),
  dns1123LabelPrefix: new NamedFormat((text) => dnsLabelProblems(maskTrailingDash(text))),
  dns1123SubdomainPrefix: new NamedFormat((text) => dnsSubdomainProblems(maskTrailingDash(text))),
  dns1035LabelPrefix: new NamedFormat((text) => dns1035LabelProblems(maskTrailingDash(text))),
  labelValue: new NamedFormat(labelValueProblems),
  uri: ofFormat('uri', 'invalid URI for request'),
  uuid: ofFormat('uuid', 'does not match the UUID format'),
  byte: ofFormat('byte', 'invalid base64'),
  date: ofFormat('date', 'invalid date'),
  datetime: ofFormat('datetime', 'invalid datetime'),
};

/** Formats by name (apiserver pkg/cel/library/format.go): `!format.dns1123Label().validate(self.name).hasValue()`. */
export function registerFormats(environment: Environment, { Optional }: CelLibrary): void {
  const type = 'kubernetes.NamedFormat';
  class FormatNamespace {
    readonly name = 'format';
  }
  environment.registerType(type, NamedFormat).registerType('FormatNamespace', FormatNamespace).registerConstant('format', 'FormatNamespace', new FormatNamespace());
  environment.registerOperator(`${type} == ${type}`, (a: NamedFormat, b: NamedFormat) => a.equals(b));
  for (const [name, format] of Object.entries(FORMATS)) environment.registerFunction(`FormatNamespace.${name}(): ${type}`, () => format);
  environment.registerFunction(`FormatNamespace.named(string): optional<${type}>`, (_format: unknown, name: string) => (Object.hasOwn(FORMATS, name) ? Optional.of(FORMATS[name]) : Optional.none()));
  environment.registerFunction(`${type}.validate(string): optional<list<string>>`, (format: NamedFormat, text: string) => {
    const problems = format.problems(text);
    return problems.length === 0 ? Optional.none() : Optional.of(problems);
  });
}
