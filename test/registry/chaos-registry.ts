import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { type Holdings, serveHoldings, startServer, type TestServer } from '../support/fake-registry.ts'

/** A whole number from 0 to below `limit`. */
export type Dice = (limit: number) => number

/** The same numbers for the same seed. */
export function makeDice(seed: number): Dice {
  let state = seed * 2_654_435_761 + 1
  return (limit) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0
    const mixed = Math.imul(state ^ (state >>> 12), 0x297a2d39)
    return ((mixed ^ (mixed >>> 15)) >>> 0) % limit
  }
}

/** A registry whose answers break in all ways, and who was told what. */
export interface ChaosRegistry extends AsyncDisposable {
  readonly registry: TestServer
  /** Another host that it sends clients to. */
  readonly stranger: TestServer
  /** Gives tokens, and breaks too. */
  readonly tokens: TestServer
  /** What was done wrong, in order. */
  readonly faults: readonly string[]
}

type Fault = (context: {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly bytes: Buffer
  readonly dice: Dice
  readonly stranger: string
}) => void

/** What may happen to an answer that would be good. */
const FAULTS: Readonly<Record<string, Fault>> = {
  'reset before the answer': ({ request }) => request.socket.destroy(),
  'reset in the body': ({ response, bytes, dice }) => {
    response.writeHead(200, { 'content-length': bytes.length })
    response.write(bytes.subarray(0, dice(bytes.length + 1)), () => response.socket?.destroy())
  },
  'body that ends early': ({ response, bytes, dice }) => {
    response.writeHead(200, { 'content-length': bytes.length, connection: 'close' })
    response.flushHeaders()
    response.socket?.end(bytes.subarray(0, dice(bytes.length + 1)))
  },
  'chunked body that ends early': ({ response, bytes, dice }) => {
    response.write(bytes.subarray(0, dice(bytes.length + 1)), () => response.socket?.destroy())
  },
  'stall before the answer': () => undefined,
  'stall in the body': ({ response, bytes, dice }) => {
    response.writeHead(200, { 'content-length': bytes.length })
    response.write(bytes.subarray(0, dice(bytes.length)))
  },
  'too many requests': ({ response, dice }) => response.writeHead(429, { 'retry-after': String(dice(2)) }).end(),
  'too many requests, for long': ({ response }) => response.writeHead(429, { 'retry-after': '86400' }).end(),
  'server error': ({ response, dice }) => response.writeHead([500, 502, 503, 504][dice(4)]!).end('<html>'),
  'wrong length': ({ response, bytes, dice }) => {
    response.writeHead(200, { 'content-length': dice(bytes.length + 1) })
    response.socket?.write(bytes)
    response.socket?.end()
  },
  'wrong byte': ({ response, bytes, dice }) => {
    const wrong = Buffer.from(bytes)
    wrong[dice(wrong.length)]! ^= 1 << dice(8)
    response.end(wrong)
  },
  'more than there is': ({ response, bytes }) => response.end(Buffer.concat([bytes, Buffer.from('more')])),
  'something else': ({ response }) => response.end('<html>an error page</html>'),
  'endless body': ({ response }) => {
    const timer = setInterval(() => response.write(Buffer.alloc(1024 * 1024)), 1)
    response.once('close', () => clearInterval(timer))
  },
  'huge length': ({ response }) => response.writeHead(200, { 'content-length': 1e15 }).write('x'),
  'redirect to another host': ({ request, response, stranger }) =>
    response.writeHead(307, { location: `${stranger}${request.url}` }).end(),
  'redirect in a circle': ({ request, response }) => response.writeHead(302, { location: request.url ?? '' }).end(),
  'redirect to nowhere': ({ response }) => response.writeHead(302, { location: 'gopher://x' }).end(),
  'token is not taken': ({ response }) =>
    response.writeHead(401, { 'www-authenticate': 'Bearer realm="http://127.0.0.1:1/none"' }).end(),
  'no challenge': ({ response }) => response.writeHead(401).end('{}'),
  'not for you': ({ response }) => response.writeHead(403).end('{"errors":[{"code":"DENIED","message":"no"}]}'),
  'not here': ({ response }) => response.writeHead(404).end('{"errors":[]}'),
  'compressed on the way': ({ response, bytes }) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(bytes)),
  'wrong digest in the header': ({ response, bytes }) =>
    response.writeHead(200, { 'docker-content-digest': `sha256:${'0'.repeat(64)}` }).end(bytes),
  'schema 1': ({ response }) => response.end('{"schemaVersion":1,"fsLayers":[]}'),
  'lying range': ({ response, bytes }) =>
    response.writeHead(206, { 'content-range': `bytes 7-9/${bytes.length}` }).end('abc'),
  'no HTTP': ({ response }) => response.socket?.end('SSH-2.0-OpenSSH\r\n\r\n'),
  'endless headers': ({ response }) => {
    response.socket?.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(200_000)}`)
  },
}

/** Starts one. `oneIn` answers, one is broken. */
export async function startChaosRegistry(holdings: Holdings, dice: Dice, oneIn: number): Promise<ChaosRegistry> {
  const stack = new AsyncDisposableStack()
  const faults: string[] = []
  const names = Object.keys(FAULTS)
  const stranger = stack.use(await startServer((request, response) => serveHoldings(holdings, request, response)))
  let given = 0
  const disturbed = (request: IncomingMessage, response: ServerResponse, bytes: Buffer, good: () => void): void => {
    if (dice(oneIn) !== 0) return good()
    const name = names[dice(names.length)]!
    faults.push(`${request.method} ${request.url}: ${name}`)
    FAULTS[name]!({ request, response, bytes, dice, stranger: stranger.origin })
  }
  const tokens = stack.use(
    await startServer((request, response) => {
      const body = JSON.stringify({ token: `token-s3cret-${++given}`, expires_in: 300 })
      disturbed(request, response, Buffer.from(body), () => response.end(body))
    }),
  )
  const registry = stack.use(
    await startServer((request, response) => {
      const challenge = `Basic realm="other", Bearer realm="${tokens.origin}/token",service="chaos"`
      const isTaken = /^Bearer token-s3cret-\d+$/.test(request.headers.authorization ?? '')
      // Tokens end when they like.
      if (!isTaken || dice(8) === 0) {
        response.writeHead(401, { 'www-authenticate': challenge }).end('{"errors":[{"code":"UNAUTHORIZED"}]}')
        return
      }
      const name = (request.url ?? '').split('/').at(-1) ?? ''
      const held = holdings.manifests.get(name) ?? holdings.blobs.get(name) ?? Buffer.from('{}')
      disturbed(request, response, Buffer.from(held), () => serveHoldings(holdings, request, response))
    }),
  )
  return { registry, stranger, tokens, faults, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}
