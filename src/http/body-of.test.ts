import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import type { DockerToolsError } from '#errors'
import type { HttpOptions } from './http-options.ts'
import { openUrl } from './open-url.ts'

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void

/** Quick, and without chance. */
const patience = { attempts: 3, stallMs: 2000, firstDelayMs: 1, maxDelayMs: 50, random: () => 0 }
const env = {}

interface TestServer extends AsyncDisposable {
  readonly url: string
  readonly requests: IncomingMessage[]
}

async function serve(handler: Handler): Promise<TestServer> {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    handler(request, response, requests.length)
  })
  return { ...(await listening(server)), requests }
}

async function listening(server: Server): Promise<AsyncDisposable & { url: string }> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve())
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}

async function read(url: string, options: HttpOptions = {}): Promise<Buffer> {
  await using response = await openUrl(url, { patience, env, ...options })
  const chunks: Uint8Array[] = []
  for await (const chunk of response.body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function failsWith(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.equal((error as DockerToolsError).code, code, String(error))
    assert.match((error as Error).message, message)
    return true
  }
}

/** Bytes that differ everywhere, so that a wrong offset shows. */
const PAYLOAD = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7 + (index >> 8) * 13) & 0xff))

function sendRange(request: IncomingMessage, response: ServerResponse, headers: Record<string, string> = {}): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
  response.writeHead(start === 0 ? 200 : 206, {
    'content-length': PAYLOAD.length - start,
    ...(start === 0 ? {} : { 'content-range': `bytes ${start}-${PAYLOAD.length - 1}/${PAYLOAD.length}` }),
    ...headers,
  })
  response.end(PAYLOAD.subarray(start))
}

/** Sends `count` bytes of a body that is announced whole, then resets the connection. */
function sendAndBreak(
  response: ServerResponse,
  start: number,
  count: number,
  headers: Record<string, string> = {},
): void {
  response.writeHead(start === 0 ? 200 : 206, {
    'content-length': PAYLOAD.length - start,
    ...(start === 0 ? {} : { 'content-range': `bytes ${start}-${PAYLOAD.length - 1}/${PAYLOAD.length}` }),
    ...headers,
  })
  response.flushHeaders()
  response.write(PAYLOAD.subarray(start, start + count), () => response.socket?.destroy())
}

describe('bodyOf() when a body breaks', () => {
  for (const offset of [0, 1, 1000, 65_535, 65_536, 131_072, PAYLOAD.length - 1]) {
    test(`a reset after ${offset} bytes is read on`, async () => {
      await using server = await serve((request, response, count) => {
        if (count === 1) sendAndBreak(response, 0, offset, { etag: '"v1"' })
        else sendRange(request, response, { etag: '"v1"' })
      })
      assert.ok((await read(server.url)).equals(PAYLOAD))
      assert.equal(server.requests.length, 2)
      const [, second] = server.requests
      // The reset may overtake bytes that were sent before it.
      const start = Number(/^bytes=(\d+)-$/.exec(second?.headers.range ?? 'bytes=0-')?.[1])
      assert.ok(start <= offset)
      assert.equal(second?.headers['if-range'], start === 0 ? undefined : '"v1"')
    })
  }

  test('goes on for as long as there is progress', async () => {
    const step = 70_000
    await using server = await serve((request, response) => {
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
      if (PAYLOAD.length - start > step) sendAndBreak(response, start, step)
      else sendRange(request, response)
    })
    // 2 tries in a row; the transfer breaks 4 times.
    assert.ok((await read(server.url, { patience: { ...patience, attempts: 2 } })).equals(PAYLOAD))
    assert.equal(server.requests.length, 5)
  })

  test('a body that always ends early is truncated', async () => {
    await using server = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '100', connection: 'close' })
      response.flushHeaders()
      response.socket?.end('short')
    })
    await assert.rejects(read(server.url), failsWith('TRUNCATED', /the body ended before it was complete/))
  })

  test('a chunked body without its end is truncated', async () => {
    await using server = await serve((_, response) => {
      response.flushHeaders()
      response.write('part', () => response.socket?.destroy())
    })
    await assert.rejects(read(server.url), (error: DockerToolsError) =>
      ['TRUNCATED', 'TRANSFER_FAILED'].includes(error.code),
    )
  })

  test('a server that starts over is an error, not a mixture', async () => {
    await using server = await serve((_, response, count) => {
      if (count === 1) sendAndBreak(response, 0, 1000)
      else response.end(PAYLOAD)
    })
    await assert.rejects(read(server.url), failsWith('TRUNCATED', /does not send the rest/))
  })

  test('another body under the same name is an error', async () => {
    await using server = await serve((request, response, count) => {
      if (count === 1) sendAndBreak(response, 0, 1000, { etag: '"v1"' })
      else sendRange(request, response, { etag: '"v2"' })
    })
    await assert.rejects(read(server.url), failsWith('TRANSFER_FAILED', /another one now/))
  })

  test('a lying Content-Range is an error', async () => {
    await using server = await serve((_, response, count) => {
      if (count === 1) sendAndBreak(response, 0, 1000)
      else response.writeHead(206, { 'content-range': `bytes 999-1001/${PAYLOAD.length}` }).end('abc')
    })
    await assert.rejects(read(server.url), failsWith('TRANSFER_FAILED', /sent others/))
  })

  test('a body that stalls is read on, then given up', async () => {
    await using server = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '10' })
      response.write('abc')
    })
    await assert.rejects(
      read(server.url, { patience: { ...patience, stallMs: 20, attempts: 1 } }),
      failsWith('TRANSFER_FAILED', /no byte for 20 ms/),
    )
  })

  test('a reader who takes his time is not a stall', async () => {
    await using server = await serve((request, response) => sendRange(request, response))
    await using response = await openUrl(server.url, { env, patience: { ...patience, stallMs: 30, attempts: 1 } })
    let bytes = 0
    let isFirst = true
    for await (const chunk of response.body) {
      bytes += chunk.length
      if (isFirst) await new Promise((resolve) => setTimeout(resolve, 100))
      isFirst = false
    }
    assert.equal(bytes, PAYLOAD.length)
  })
})

describe('bodyOf() limits', () => {
  test('a length over maxBytes is refused before the body', async () => {
    await using server = await serve((request, response) => sendRange(request, response))
    await assert.rejects(
      openUrl(server.url, { env, maxBytes: 299_999 }),
      failsWith('LIMIT_EXCEEDED', /299999 bytes, the limit "maxBytes"/),
    )
    assert.equal((await read(server.url, { maxBytes: 300_000 })).length, 300_000)
  })

  test('a body without a length is stopped at maxBytes', async () => {
    await using server = await serve((_, response) => {
      const timer = setInterval(() => response.write('x'.repeat(1000)), 1)
      response.on('close', () => clearInterval(timer))
    })
    await assert.rejects(read(server.url, { maxBytes: 5000 }), failsWith('LIMIT_EXCEEDED', /maxBytes/))
  })

  test('offset leaves out the start', async () => {
    await using server = await serve((request, response) => sendRange(request, response))
    assert.ok((await read(server.url, { offset: 1234 })).equals(PAYLOAD.subarray(1234)))
  })

  test('offset is read on from the right place after a break', async () => {
    await using server = await serve((request, response, count) => {
      if (count === 1) sendAndBreak(response, 1000, 500)
      else sendRange(request, response)
    })
    assert.ok((await read(server.url, { offset: 1000 })).equals(PAYLOAD.subarray(1000)))
    assert.equal(server.requests[1]?.headers.range, 'bytes=1500-')
  })

  test('a server that ignores offset is an error', async () => {
    await using server = await serve((_, response) => response.end(PAYLOAD))
    await assert.rejects(read(server.url, { offset: 5 }), failsWith('TRANSFER_FAILED', /bytes from 5 on/))
  })

  test('a signal stops waiting for the answer, the body, and the next try', async () => {
    await using silent = await serve(() => {})
    await assert.rejects(read(silent.url, { signal: AbortSignal.timeout(10) }), failsWith('INTERRUPTED', /stopped/))
    await assert.rejects(read(silent.url, { signal: AbortSignal.abort() }), failsWith('INTERRUPTED', /stopped/))
    await using stuck = await serve((_, response) => response.write('abc'))
    await assert.rejects(read(stuck.url, { signal: AbortSignal.timeout(10) }), failsWith('INTERRUPTED', /stopped/))
    await using failing = await serve((_, response) => response.writeHead(500).end())
    const slow = { ...patience, firstDelayMs: 60_000, maxDelayMs: 60_000 }
    await assert.rejects(
      read(failing.url, { signal: AbortSignal.timeout(30), patience: slow }),
      failsWith('INTERRUPTED', /stopped/),
    )
  })

  test('a reader who stops, or never starts, closes the connection', async () => {
    await using server = await serve((_, response) => response.write('abc'))
    for await (const _ of (await openUrl(server.url, { env })).body) break
    await (await openUrl(server.url, { env }))[Symbol.asyncDispose]()
    for (const { socket } of server.requests) {
      if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve))
    }
  })

  test('a body read to its end leaves the connection for the next request', async () => {
    await using server = await serve((_, response) => response.end('x'))
    const own = {}
    await read(server.url, { env: own })
    await read(server.url, { env: own })
    assert.equal(server.requests[0]?.socket.remotePort, server.requests[1]?.socket.remotePort)
  })
})

describe('bodyOf() against a server that never gets to the end', () => {
  test('a server that sends every try short, with ranges, is truncated', async () => {
    await using server = await serve((request, response) => {
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
      sendAndBreak(response, start, 3)
    })
    await assert.rejects(
      read(server.url),
      failsWith('TRUNCATED', /^Cannot fetch .*9 bytes came, and more were announced$/),
    )
    assert.equal(server.requests.length, 3)
  })
})
