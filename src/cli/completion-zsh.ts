import type { CompletedCommand, CompletedOption, Words } from './completion-table.ts'

/** A script for zsh: to be sourced behind `compinit`, or a file `_dockertools` in a folder of `fpath`. */
export function zshCompletion(commands: readonly CompletedCommand[]): string {
  const all = commands.flatMap((command) => [command, ...command.verbs])
  const verbs = commands.filter((command) => command.verbs.length > 0)
  return `#compdef dockertools
# Completion of dockertools for zsh: source <(dockertools completion zsh)
_dockertools() {
  local command=$words[2] previous=$words[CURRENT-1] word
  local -a items
  if ((CURRENT == 2)); then
    items=('help:Show help'${commands.map(item).join('')})
    _describe command items
    return
  fi
  case $command in
${verbs.map(verbLines).join('')}  help)
    items=(${commands.map(item).join('').trimStart()})
    _describe command items
    return
    ;;
  esac
  # --option=value is one word here.
  if [[ $PREFIX == --*=* ]]; then
    previous=\${PREFIX%%=*}
    compset -P '*='
  fi
  case "$command $previous" in
${all.flatMap(valueLines).join('')}  esac
  case $command in
${all.map(commandLines).join('')}  esac
}
if [[ $funcstack[1] == _dockertools ]]; then _dockertools "$@"; else compdef _dockertools dockertools; fi
`
}

function verbLines({ name, verbs }: CompletedCommand): string {
  const names = verbs.map((verb) => verb.name.slice(name.length + 1)).join('|')
  return `  ${name})
    for word in $words[3,CURRENT-1]; do
      case $word in ${names}) command="${name} $word" && break ;; esac
    done
    ;;
`
}

function valueLines({ name, options }: CompletedCommand): string[] {
  return options.flatMap(({ name: option, short, value }) => {
    if (value === undefined) return []
    const names = [`--${option}`, ...(short === undefined ? [] : [`-${short}`])]
    return [`  ${names.map((one) => quote(`${name} ${one}`)).join(' | ')}) ${wordsCommand(value)} ;;\n`]
  })
}

/** With no matches it says so and stops, since what comes is no option. */
function wordsCommand(words: Words): string {
  if (words === 'anything') return 'return 1'
  return `${words === 'files' ? '_files' : `compadd -- ${words.join(' ')}`}; return`
}

function commandLines({ name, options, positional, verbs }: CompletedCommand): string {
  const own =
    verbs.length > 0
      ? `items=(${verbs
          .map((verb) => item({ ...verb, name: verb.name.slice(name.length + 1) }))
          .join('')
          .trimStart()}); _describe verb items`
      : positional === 'anything'
        ? 'return 1'
        : positional === 'files'
          ? '_files'
          : `compadd -- ${positional.join(' ')}`
  return `  ${quote(name)})
    if [[ $PREFIX == -* ]]; then
      items=(${options.flatMap(optionItems).join(' ')})
      _describe -o option items
    else
      ${own}
    fi
    ;;
`
}

function item({ name, summary }: Pick<CompletedCommand, 'name' | 'summary'>): string {
  return ` ${quote(`${name}:${summary}`)}`
}

function optionItems({ name, short, description }: CompletedOption): string[] {
  return [`--${name}`, ...(short === undefined ? [] : [`-${short}`])].map((one) => quote(`${one}:${description}`))
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
