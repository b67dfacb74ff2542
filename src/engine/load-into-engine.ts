import { DockerToolsError } from '#errors'
import type { EngineName } from './engine-name.ts'
import { requestEngine } from './engine-request.ts'
import { type FoundEngine, interrupted } from './find-engine.ts'
import { importWithCtr } from './import-with-ctr.ts'
import { readEngineAnswer } from './read-engine-answer.ts'

/** What an engine has taken. */
export interface LoadedImages {
  readonly engine: EngineName
  /** As the engine calls them; an image without a name by its ID. */
  readonly images: readonly string[]
}

/** Unpacking is silent: an engine may take long over a large layer on a slow disk. */
const SILENCE_MS = 15 * 60 * 1000

/**
 * Gives a docker-archive to an engine, as fast as the engine takes it.
 *
 * @param archive Uncompressed. A chunk is valid until the next one is asked for. When reading it fails, the
 *   engine sees a broken stream, and the failure comes out here.
 * @throws {DockerToolsError} `ENGINE_FAILED` if the engine refuses it or goes away, `PROGRAM_MISSING` without `ctr`,
 *   `INTERRUPTED`.
 */
export async function loadIntoEngine(
  archive: AsyncIterable<Uint8Array>,
  engine: FoundEngine,
  env: Readonly<Record<string, string | undefined>>,
  signal?: AbortSignal,
): Promise<LoadedImages> {
  if (engine.name === 'containerd') return { engine: engine.name, images: await importWithCtr(archive, env, signal) }
  const shown = `${engine.name} at ${engine.endpoint.shown}`
  // Without the progress of each layer, which nobody would see here.
  const request = {
    method: 'POST',
    path: '/images/load?quiet=1',
    body: archive,
    signal,
    silenceMs: SILENCE_MS,
  } as const
  try {
    const answer = await requestEngine(engine.endpoint, request)
    const { images } = await readEngineAnswer(answer, shown)
    return { engine: engine.name, images }
  } catch (error) {
    if (signal?.aborted === true) throw interrupted(signal)
    if (error instanceof DockerToolsError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new DockerToolsError('ENGINE_FAILED', `Cannot load the image: the connection to ${shown} broke (${reason})`, {
      cause: error,
    })
  }
}
