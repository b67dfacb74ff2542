import { DockerToolsError, systemErrorCode } from '#errors'
import { openInput } from './open-input.ts'

/** Definitions, confs and graphs are texts: a larger one is a mistake. */
const MAX_TEXT_BYTES = 64 * 1024 * 1024

/**
 * Reads a text file named on the command line.
 *
 * @throws {DockerToolsError} `USAGE` where there is none; `FILE_UNREADABLE`; `LIMIT_EXCEEDED`.
 */
export async function readTextFile(path: string, shown: string): Promise<string> {
  try {
    return await readText(openInput(path), `"${shown}"`)
  } catch (error) {
    const code = systemErrorCode(error)
    if (error instanceof DockerToolsError || code === undefined) throw error
    if (code === 'ENOENT') {
      throw new DockerToolsError('USAGE', `Cannot read "${shown}": there is no such file`, { cause: error })
    }
    const reason = code === 'EISDIR' ? 'it is a folder, it should be a file' : code
    throw new DockerToolsError('FILE_UNREADABLE', `Cannot read "${shown}": ${reason}`, { cause: error })
  }
}

/** The whole of standard input. */
export async function readStdin(): Promise<string> {
  return await readText(process.stdin, 'standard input')
}

async function readText(source: AsyncIterable<Buffer>, what: string): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of source) {
    size += part.length
    if (size > MAX_TEXT_BYTES) {
      throw new DockerToolsError('LIMIT_EXCEEDED', `Cannot read ${what}: it has more than ${MAX_TEXT_BYTES} bytes`)
    }
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}
