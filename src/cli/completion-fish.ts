import type { CompletedCommand, CompletedOption, Words } from './completion-table.ts'

/** A script for fish, 3.1 or later: to be sourced, or a file `dockertools.fish` in a folder of completions. */
export function fishCompletion(commands: readonly CompletedCommand[]): string {
  const verbs = commands.flatMap((command) => command.verbs.map((verb) => verb.name.slice(command.name.length + 1)))
  return `# Completion of dockertools for fish: dockertools completion fish | source
function __dockertools_at
    # The command, and the first verb behind it where it has verbs.
    set -l words (commandline -opc)
    set -l at $words[2]
    if contains -- "$at" ${commands
      .filter((command) => command.verbs.length > 0)
      .map(({ name }) => name)
      .join(' ')}
        for word in $words[3..-1]
            if contains -- $word ${verbs.join(' ')}
                set at "$at $word"
                break
            end
        end
    end
    test "$at" = "$argv[1]"
end
complete -c dockertools -e
complete -c dockertools -n '__dockertools_at ""' -f -a help -d 'Show help'
${commands
  .flatMap((command) => [
    `complete -c dockertools -n '__dockertools_at ""' -f -a ${command.name} -d ${quote(command.summary)}`,
    `complete -c dockertools -n '__dockertools_at help' -f -a ${command.name} -d ${quote(command.summary)}`,
    ...[command, ...command.verbs].flatMap(commandLines),
  ])
  .join('\n')}
`
}

function commandLines({ name, options, positional, verbs }: CompletedCommand): string[] {
  const start = `complete -c dockertools -n ${quote(`__dockertools_at "${name}"`)}`
  const own =
    verbs.length > 0
      ? verbs.map((verb) => `${start} -f -a ${verb.name.slice(name.length + 1)} -d ${quote(verb.summary)}`)
      : positional === 'files'
        ? [`${start} -F`]
        : [`${start} -f${positional === 'anything' ? '' : ` -a ${quote(positional.join(' '))}`}`]
  return [...own, ...options.map((option) => `${start} ${optionFlags(option)}`)]
}

function optionFlags({ name, short, description, value }: CompletedOption): string {
  const names = `-l ${name}${short === undefined ? '' : ` -s ${short}`}`
  return `${names}${value === undefined ? '' : ` ${valueFlags(value)}`} -d ${quote(description)}`
}

function valueFlags(words: Words): string {
  if (words === 'files') return '-r -F'
  return words === 'anything' ? '-x' : `-x -a ${quote(words.join(' '))}`
}

function quote(text: string): string {
  return `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`
}
