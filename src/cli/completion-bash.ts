import type { CompletedCommand, Words } from './completion-table.ts'

/** A script for bash, 4.4 or later, that needs nothing else. */
export function bashCompletion(commands: readonly CompletedCommand[]): string {
  const all = commands.flatMap((command) => [command, ...command.verbs])
  const verbs = commands.filter((command) => command.verbs.length > 0)
  return `# Completion of dockertools for bash: source <(dockertools completion bash)
_dockertools() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command=\${COMP_WORDS[1]} words='' word
  COMPREPLY=()
  # Bash takes --option=value for three words.
  if [[ $current == '=' ]]; then
    current=''
  elif [[ $previous == '=' ]]; then
    previous=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '${['help', ...commands.map(({ name }) => name)].join(' ')}' -- "$current"))
    return
  fi
  case $command in
${verbs.map(verbLines).join('')}  help)
    COMPREPLY=($(compgen -W '${commands.map(({ name }) => name).join(' ')}' -- "$current"))
    return
    ;;
  esac
  case "$command $previous" in
${all.flatMap(valueLines).join('')}  esac
  case $command in
${all.map(commandLines).join('')}  esac
  [[ -z $words ]] || COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _dockertools dockertools
`
}

/** The verb is the first word that is one; what stands before it may be an option. */
function verbLines({ name, verbs }: CompletedCommand): string {
  const names = verbs.map((verb) => verb.name.slice(name.length + 1)).join('|')
  return `  ${name})
    for word in "\${COMP_WORDS[@]:2:COMP_CWORD-2}"; do
      case $word in ${names}) command="${name} $word" && break ;; esac
    done
    ;;
`
}

function valueLines({ name, options }: CompletedCommand): string[] {
  return options.flatMap(({ name: option, short, value }) => {
    if (value === undefined) return []
    const names = [`--${option}`, ...(short === undefined ? [] : [`-${short}`])]
    return [`  ${names.map((one) => `'${name} ${one}'`).join(' | ')})\n${wordLines(value)}    return\n    ;;\n`]
  })
}

function wordLines(words: Words): string {
  if (words === 'anything') return ''
  // Readline itself completes names of files, with all their quotes.
  if (words === 'files') return '    compopt -o default 2>/dev/null\n'
  return `    COMPREPLY=($(compgen -W '${words.join(' ')}' -- "$current"))\n`
}

function commandLines({ name, options, positional, verbs }: CompletedCommand): string {
  const names = options.flatMap((option) => [
    `--${option.name}`,
    ...(option.short === undefined ? [] : [`-${option.short}`]),
  ])
  const own = verbs.length > 0 ? verbs.map((verb) => verb.name.slice(name.length + 1)) : positional
  const files =
    own === 'files' ? 'compopt -o default 2>/dev/null' : typeof own === 'string' ? ':' : `words='${own.join(' ')}'`
  return `  '${name}') if [[ $current == -* ]]; then words='${names.join(' ')}'; else ${files}; fi ;;\n`
}
