import { createServer } from 'node:http'
import { join } from 'node:path'

/** An engine of ours. */
export interface FakeEngine extends AsyncDisposable {
  readonly env: Readonly<Record<'DOCKER_HOST' | 'CONTAINER_HOST', string>>
}

/**
 * Starts an engine on a socket in a folder. It reads what it is given to the end, and takes what begins like a tar.
 *
 * @param image What it says it has loaded.
 * @returns The variables that name it.
 */
export async function startEngine(folder: string, image: string): Promise<FakeEngine> {
  const socketPath = join(folder, 'engine.sock')
  const server = createServer((request, response) => {
    if (request.url === '/_ping') return void response.end('OK')
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const isTar = Buffer.concat(chunks).subarray(257, 262).toString() === 'ustar'
      const answer = isTar ? { stream: `Loaded image: ${image}\n` } : { error: 'it is no tar' }
      response.end(`${JSON.stringify(answer)}\n`)
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(socketPath, () => resolve())
  })
  return {
    env: { DOCKER_HOST: `unix://${socketPath}`, CONTAINER_HOST: `unix://${socketPath}` },
    async [Symbol.asyncDispose](): Promise<void> {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}
