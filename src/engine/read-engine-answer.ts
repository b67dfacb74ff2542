import type { IncomingMessage } from 'node:http'
import { DockerToolsError } from '#errors'

/** What an engine said about a load. */
export interface EngineAnswer {
  /** Names or, for an image without one, `sha256:…`. */
  readonly images: readonly string[]
}

/** All that an engine may say about one load. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024

/**
 * Reads the answer to `POST /images/load`: one JSON value a line. An error may
 * come under status 200, since the work begins after the headers are sent.
 *
 * @param engine Names it in errors, such as `docker at unix:///var/run/docker.sock`.
 * @throws {DockerToolsError} `ENGINE_FAILED` where the engine says so, or does not say that it has loaded an image.
 */
export async function readEngineAnswer(answer: IncomingMessage, engine: string): Promise<EngineAnswer> {
  const text = await readText(answer, engine)
  const status = answer.statusCode ?? 0
  const images: string[] = []
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '') continue
    const said = parseLine(line)
    if (said === undefined) {
      if (status === 200) throw failed(engine, `it answered "${shortened(line)}", it should answer in JSON`)
      throw failed(engine, `it answered ${status}: ${shortened(text)}`)
    }
    const problem = messageOf(said)
    if (problem !== undefined) throw failed(engine, problem)
    images.push(...imagesIn(said))
  }
  if (status !== 200) throw failed(engine, `it answered ${status}`)
  if (images.length === 0) throw failed(engine, 'it did not say that an image was loaded')
  return { images }
}

async function readText(answer: IncomingMessage, engine: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of answer as AsyncIterable<Uint8Array>) {
      bytes += chunk.length
      if (bytes > MAX_ANSWER_BYTES) {
        throw new DockerToolsError(
          'LIMIT_EXCEEDED',
          `Cannot load the image: ${engine} answers with more than ${MAX_ANSWER_BYTES} bytes`,
        )
      }
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof DockerToolsError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw failed(engine, `its answer broke off (${reason})`, error)
  }
  return Buffer.concat(chunks).toString('utf8')
}

type Said = Readonly<Record<string, unknown>>

function parseLine(line: string): Said | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Said) : undefined
  } catch {
    return undefined
  }
}

/** `errorDetail` and `error` of a stream, `message` of an answer that is an error as a whole. */
function messageOf(said: Said): string | undefined {
  const detail = said['errorDetail']
  const inDetail = typeof detail === 'object' && detail !== null ? (detail as Said)['message'] : undefined
  const found = [inDetail, said['error'], said['message']].find((value) => typeof value === 'string' && value !== '')
  return typeof found === 'string' ? found : undefined
}

/** Docker says `Loaded image: NAME` or `Loaded image ID: sha256:…` of each, podman one line of names with commas. */
function imagesIn(said: Said): readonly string[] {
  const { stream } = said
  if (typeof stream !== 'string') return []
  return stream
    .split('\n')
    .flatMap((line) => /^Loaded image(?:\(s\)| ID)?: (.+)$/.exec(line.trim())?.[1]?.split(/,\s*/) ?? [])
}

function failed(engine: string, reason: string, cause?: unknown): DockerToolsError {
  return new DockerToolsError('ENGINE_FAILED', `Cannot load the image: ${engine} refused it: ${shortened(reason)}`, {
    cause,
  })
}

function shortened(text: string): string {
  const flat = text.trim()
  return flat.length > 2000 ? `${flat.slice(0, 2000)}…` : flat
}
