import type { Command } from 'commander';
import { buildProgram } from '../../packages/cli/src/program.ts';
import type { Generator } from './generator.ts';

const INTRODUCTION = `<!-- Written by \`npm run generate\` from packages/cli/src/verbs: change it there. -->
# Command line

From a checkout, \`npm run --silent vfleet -- WORDS\`. Exit status: 0 done, 1 failed with the reason on standard error, 2 the words were not understood.
`;

/** docs/reference/cli.md: every verb with its options, as \`--help\` has them. */
export const cliReference: Generator = {
  name: 'command line reference',
  outputs: () => {
    const program = buildProgram({ environment: {}, terminal: { out: () => {}, err: () => {}, colours: false } }, () => {});
    const verbs = program.commands.flatMap((command) => withInner(command, 'vfleet'));
    const contents = ['| command | what |', '|---|---|', ...verbs.map(({ command, name }) => `| [\`${name}\`](#${name.replaceAll(' ', '-')}) | ${cell(command.summary() || command.description())} |`)].join('\n');
    return new Map([['docs/reference/cli.md', [INTRODUCTION, `${contents}\n`, ...verbs.map(section)].join('\n')]]);
  },
};

interface Verb {
  readonly command: Command;
  /** With the words before it. */
  readonly name: string;
}

function withInner(command: Command, before: string): readonly Verb[] {
  const name = `${before} ${command.name()}`;
  return [{ command, name }, ...command.commands.flatMap((inner) => withInner(inner, name))];
}

function section({ command, name }: Verb): string {
  const options = command.options.filter(({ hidden }) => !hidden);
  const rows = options.map(({ flags, description, argChoices, defaultValue }) => {
    const more = [argChoices === undefined ? '' : `one of ${argChoices.map((choice) => `\`${choice}\``).join(', ')}`, defaultValue === undefined || defaultValue === true ? '' : `default \`${String(defaultValue)}\``].filter((text) => text !== '').join('; ');
    return `| \`${flags.replaceAll('|', '\\|')}\` | ${cell(description)}${more === '' ? '' : ` (${more})`} |`;
  });
  const places = command.registeredArguments.map((argument) => `\`${argument.name()}\`: ${cell(argument.description)}\n`);
  return [
    `## ${name}\n`,
    `${text(command.description())}\n`,
    `\`${name} ${command.usage()}\`\n`,
    ...places,
    ...(rows.length === 0 ? [] : [['| option | what |', '|---|---|', ...rows, ''].join('\n')]),
  ].join('\n');
}

function cell(words: string): string {
  return text(words).replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function text(words: string): string {
  return words.replaceAll('<', '&lt;');
}
