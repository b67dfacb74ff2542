import { DockerToolsError } from '#errors'
import { type CommandInput, type CommandOption, textOption, textOptions } from './command.ts'

/** Options of every command that opens images from elsewhere. */
export const IMAGE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  platform: {
    type: 'string',
    valueName: 'OS/ARCH',
    description: 'Which of several platforms; default: the only one, or this machine’s',
  },
  limit: {
    type: 'string',
    multiple: true,
    valueName: 'NAME=N',
    description: 'Move a limit that an error named, repeatable',
  },
}

/** What these options say. @throws {DockerToolsError} `USAGE`. */
export function imageOptions(input: CommandInput): {
  readonly platform?: string
  readonly limits: Readonly<Record<string, number>>
} {
  const platform = textOption(input, 'platform')
  const limits = textOptions(input, 'limit').map((text) => {
    const match = /^(\w+)=(\d{1,15})$/.exec(text)
    if (match === null) {
      throw new DockerToolsError('USAGE', `Cannot use "${text}" as --limit: it should be NAME=N, with a whole number`)
    }
    return [match[1], Number(match[2])] as const
  })
  return {
    ...(platform === undefined ? {} : { platform }),
    limits: Object.fromEntries(limits) as Record<string, number>,
  }
}
