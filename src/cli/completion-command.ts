import { DockerToolsError } from '#errors'
import type { Command, CommandInput } from './command.ts'
import { OUTPUT_OPTIONS } from './common-options.ts'
import { bashCompletion } from './completion-bash.ts'
import { fishCompletion } from './completion-fish.ts'
import { type CompletedCommand, completedCommand } from './completion-table.ts'
import { zshCompletion } from './completion-zsh.ts'
import { printText } from './print-out.ts'

const SHELLS: Readonly<Record<string, (commands: readonly CompletedCommand[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
}

/**
 * The command that prints completion scripts.
 *
 * @param loadCommands Gives all commands, this one included.
 */
export const completionCommand = (loadCommands: () => Promise<readonly Command[]>): Command => ({
  name: 'completion',
  usage: Object.keys(SHELLS).join('|'),
  summary: 'Print a script that completes command lines in bash, zsh or fish',
  description:
    'Prints a script for a shell that completes commands, options, what options may be, and files.\n' +
    'It is made from what --help tells, so it has to be made again for another version.',
  positionals: [1, 1],
  options: { ...OUTPUT_OPTIONS },
  examples: [
    ['source <(dockertools completion bash)', 'In ~/.bashrc'],
    ['source <(dockertools completion zsh)', 'In ~/.zshrc, behind compinit'],
    ['dockertools completion fish > ~/.config/fish/completions/dockertools.fish', 'Once, for fish'],
  ],
  run: (input) => runCompletion(input, loadCommands),
})

async function runCompletion(input: CommandInput, loadCommands: () => Promise<readonly Command[]>): Promise<void> {
  const [shell = ''] = input.positionals
  const encode = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined
  if (encode === undefined) {
    throw new DockerToolsError('USAGE', `Cannot complete in "${shell}": it should be ${Object.keys(SHELLS).join(', ')}`)
  }
  printText(encode((await loadCommands()).map(completedCommand)))
}
