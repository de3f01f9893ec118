import type { Command, Option } from 'commander';

const WRITERS: Readonly<Record<'bash' | 'zsh' | 'fish', (root: Command) => string>> = { bash, zsh, fish };

/** Returns the script by which a shell completes the commands of a program, and their options, as they are defined. */
export function completionScript(root: Command, shell: 'bash' | 'zsh' | 'fish'): string {
  return WRITERS[shell](root);
}

function optionsOf(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command);
}

function longOf(command: Command): readonly string[] {
  return optionsOf(command).flatMap(({ long }) => long ?? []);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** File names come by way of `-o default`: where the function finds nothing, bash does what it always does. */
function bash(root: Command): string {
  const cases = root.commands.map(
    (command) => `    ${command.name()}) words=${quoted(longOf(command).join(' '))} ;;`,
  );
  const names = root.commands.map((command) => command.name());
  return `# bash completion of tablecast: source <(tablecast completion bash)
_tablecast() {
  local current=\${COMP_WORDS[COMP_CWORD]} words=''
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 ]]; then
    words=${quoted([...names, ...longOf(root)].join(' '))}
  elif [[ $current == -* ]]; then
    case \${COMP_WORDS[1]} in
${cases.map((line) => `  ${line}`).join('\n')}
    esac
  fi
  [[ -n $words ]] && COMPREPLY=($(compgen -W "$words" -- "$current"))
  return 0
}
complete -o default -F _tablecast tablecast
`;
}

/** Returns names with their descriptions, as zsh describes them: a colon divides the two. */
function described(entries: readonly (readonly [name: string, description: string])[]): string {
  return entries.map(([name, text]) => quoted(`${name.replaceAll(':', String.raw`\:`)}:${text}`)).join(' ');
}

function zsh(root: Command): string {
  const commands = root.commands.map((command) => [command.name(), command.description()] as const);
  const cases = root.commands.map((command) => {
    const options = optionsOf(command).flatMap(({ long, description }) =>
      long === undefined ? [] : [[long, description] as const],
    );
    return `    ${command.name()}) options=(${described(options)}) ;;`;
  });
  return `#compdef tablecast
_tablecast() {
  local -a commands options
  commands=(${described(commands)})
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case $words[2] in
${cases.join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then
    _describe -o option options
  else
    _files
  fi
}
compdef _tablecast tablecast
`;
}

function fish(root: Command): string {
  const lines = root.commands.flatMap((command) => {
    const name = command.name();
    const options = optionsOf(command).flatMap(({ long, description, required }) =>
      long === undefined
        ? []
        : `complete -c tablecast -n ${quoted(`__fish_seen_subcommand_from ${name}`)} -l ${long.slice(2)}${required ? ' -r' : ''} -d ${quoted(description)}`,
    );
    const itself = `complete -c tablecast -n __fish_use_subcommand -a ${name} -d ${quoted(command.description())}`;
    return [itself, ...options];
  });
  return `# fish completion of tablecast: tablecast completion fish > ~/.config/fish/completions/tablecast.fish\n${lines.join('\n')}\n`;
}
