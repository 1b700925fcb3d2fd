import type { Command } from 'commander';

export type Shell = 'bash' | 'zsh' | 'fish';

/** The words that may follow a path of commands, from the program itself, so that the script can't go stale. */
export interface CompletionNode {
  readonly path: string;
  readonly words: readonly string[];
  /** What may follow an option that takes a value; nothing listed means a file name or a number: the shell's own business. */
  readonly values: readonly { readonly options: readonly string[]; readonly choices: readonly string[] }[];
}

export function completionNodes(program: Command, path = program.name()): readonly CompletionNode[] {
  const options = program.options.flatMap((option) => [option.long, option.short].filter((word) => word !== undefined && word !== null));
  const choices = program.registeredArguments.flatMap((argument) => argument.argChoices ?? []);
  const commands = program.commands.map((command) => command.name());
  const values = program.options.filter((option) => option.required || option.optional).map((option) => ({
    options: [option.long, option.short].filter((word) => word !== undefined && word !== null), choices: option.argChoices ?? [],
  }));
  const own = { path, words: [...new Set([...commands, ...choices, ...options, '--help'])].sort(), values };
  return [own, ...program.commands.flatMap((command) => completionNodes(command, `${path} ${command.name()}`))];
}

export function completionScript(shell: Shell, program: Command): string {
  const nodes = completionNodes(program);
  if (shell === 'fish') return fishScript(program.name(), nodes);
  const cases = nodes.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`).join('\n');
  const values = nodes.flatMap(({ path, values: ofPath }) => ofPath.map(({ options, choices }) => `    ${options.map((option) => `'${path} ${option}'`).join('|')}) valued=1; words='${choices.join(' ')}' ;;`)).join('\n');
  const body = `_vfleet_value() {
  valued=''; words=''
  case "$1" in
${values}
  esac
}
_vfleet() {
  local current path word words='' valued='' previous=''
  current="\${COMP_WORDS[COMP_CWORD]}"
  path='${program.name()}'
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    _vfleet_value "$path $previous"
    previous="$word"
    [ -n "$valued" ] || case "$path $word" in ${nodes.slice(1).map(({ path }) => `'${path}'`).join('|')}) path="$path $word" ;; esac
  done
  _vfleet_value "$path $previous"
  if [ -n "$valued" ]; then
    COMPREPLY=($([ -z "$words" ] && compgen -f -- "$current" || compgen -W "$words" -- "$current"))
    return
  fi
  case "$path" in
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _vfleet ${program.name()}
`;
  return shell === 'bash' ? body : `#compdef ${program.name()}\nautoload -U +X bashcompinit && bashcompinit\n${body}`;
}

function fishScript(name: string, nodes: readonly CompletionNode[]): string {
  const lines = nodes.flatMap(({ path, words }) => {
    const seen = path.split(' ').slice(1);
    const condition = seen.length === 0 ? '__fish_use_subcommand' : seen.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
    return words.map((word) => (word.startsWith('--') ? `complete -c ${name} -n '${condition}' -l ${word.slice(2)}` : word.startsWith('-') ? `complete -c ${name} -n '${condition}' -s ${word.slice(1)}` : `complete -c ${name} -n '${condition}' -f -a ${word}`));
  });
  return `${lines.join('\n')}\n`;
}
