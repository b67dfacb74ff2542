import { type ByteString, bytesToByteString, toByteString } from '#util'
import type { BinaryFile } from './binary-file.ts'
import { fileNameOf } from './normalize-path.ts'

/** What the kernel reads of a script's first line. */
const MAX_LINE_BYTES = 255
/** Where `env` looks in a container whose image says nothing else. */
const SEARCH_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** What runs a script. */
export interface Interpreters {
  /** The program that its first line names. */
  readonly interpreter: ByteString
  /** Paths at which the program may be that `env` is to start; the first that is there counts. */
  readonly byEnv: readonly ByteString[] | undefined
}

/**
 * Reads the first line of a script.
 *
 * @returns Undefined where the file is no script.
 * @throws {DockerToolsError} `FORMAT_INVALID` for a line that no kernel takes.
 */
export function readShebang(file: BinaryFile): Interpreters | undefined {
  const start = bytesToByteString(file.readUpTo(0, MAX_LINE_BYTES))
  if (!start.startsWith('#!')) return undefined
  const end = start.indexOf('\n')
  if (end === -1 && file.size > MAX_LINE_BYTES) {
    throw file.error('FORMAT_INVALID', `its first line is longer than ${MAX_LINE_BYTES} bytes`, 'it should be shorter')
  }
  const line = start.slice(2, end === -1 ? undefined : end).trim()
  const [, interpreter = '', argument = ''] = /^(\S*)\s*(.*)$/s.exec(line) ?? []
  if (!interpreter.startsWith('/') || interpreter.includes('\0')) {
    throw file.error(
      'FORMAT_INVALID',
      `its first line names ${JSON.stringify(interpreter)}`,
      'it should name an absolute path',
    )
  }
  const isEnv = fileNameOf(interpreter as ByteString) === 'env'
  const program = isEnv ? programOfEnv(argument) : undefined
  if (program === undefined) return { interpreter: interpreter as ByteString, byEnv: undefined }
  const places = program.includes('/') ? [program] : SEARCH_FOLDERS.map((folder) => `${folder}/${program}`)
  return { interpreter: interpreter as ByteString, byEnv: places.map((place) => place as ByteString) }
}

/** The program among the words of `env [-S] [OPTION…] [NAME=VALUE…] PROGRAM …`. */
function programOfEnv(argument: string): string | undefined {
  const splits = /^(?:-\w*S|--split-string[= ])\s*/.exec(argument)
  // Without -S the kernel hands over all words as one.
  if (splits === null) return argument === '' || argument.startsWith('-') ? undefined : argument
  const words = argument.slice(splits[0].length).split(/\s+/)
  return words.find((word) => word !== '' && !word.startsWith('-') && !word.includes('='))
}

/** What is said of a program that `env` should start and does not find. */
export const SEARCH_PATH: ByteString = toByteString(SEARCH_FOLDERS.join(':'))
