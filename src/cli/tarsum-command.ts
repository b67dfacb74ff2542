import { tarSumOf } from '#archive'
import { DockerToolsError, systemErrorCode } from '#errors'
import type { Command, CommandInput } from './command.ts'
import { OUTPUT_OPTIONS } from './common-options.ts'
import { openInput } from './open-input.ts'
import { printOut } from './print-out.ts'

export const tarsumCommand: Command = {
  name: 'tarsum',
  usage: '[FILE]',
  summary: 'Print the checksum of a tar that its order and times do not move',
  description:
    'Prints Docker’s TarSum (version 1) of a tar archive, as upstream’s program tarsum does. Without FILE, or with -, the archive is read from standard input.',
  positionals: [0, 1],
  options: { ...OUTPUT_OPTIONS },
  examples: [
    ['dockertools tarsum layer.tar', 'Checksum of a layer'],
    ['tar -c folder | dockertools tarsum', 'Checksum of what comes in'],
  ],
  run: runTarsum,
}

async function runTarsum(input: CommandInput): Promise<void> {
  const [file = '-'] = input.positionals
  const source = file === '-' ? process.stdin : openInput(file)
  try {
    printOut(`${await tarSumOf(source)}\n`)
  } catch (error) {
    const code = systemErrorCode(error)
    if (error instanceof DockerToolsError || code === undefined) throw error
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : code
    throw new DockerToolsError('FILE_UNREADABLE', `Cannot read "${file}": ${reason}`, { cause: error })
  }
}
