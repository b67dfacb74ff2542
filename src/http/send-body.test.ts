import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import type { HttpOptions, RequestBody } from './http-options.ts'
import { openUrl } from './open-url.ts'

const patience = { attempts: 3, stallMs: 2000, firstDelayMs: 1, maxDelayMs: 50, random: () => 0 }

/** A server that tells what it was sent. */
async function serve(listener: RequestListener) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve())
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** A body of `count` times `part`, and how often it was opened. */
function bodyOfParts(part: Buffer, count: number, size: number | undefined = part.length * count) {
  const opened: number[] = []
  const body: RequestBody = {
    size,
    async *open() {
      opened.push(0)
      const turn = opened.length - 1
      for (let index = 0; index < count; index++) {
        opened[turn]! += part.length
        yield part
      }
    },
  }
  return { body, opened }
}

async function send(url: string, body: RequestBody, options: HttpOptions = {}): Promise<string> {
  await using response = await openUrl(url, { method: 'PUT', patience, env: {}, body, ...options })
  let text = ''
  for await (const chunk of response.body) text += Buffer.from(chunk).toString()
  return text
}

describe('bodies that are sent', () => {
  const PART = Buffer.alloc(64 * 1024, 'x')

  test('come as they were, from a source that fills one buffer again and again, to a server that is slow', async () => {
    await using server = await serve((request, response) => {
      request.pause()
      setTimeout(() => {
        void bodyOf(request).then((bytes) => response.end(createHash('sha256').update(bytes).digest('hex')))
      }, 200)
    })
    for (const partBytes of [100, 8192, 60_000, 130_000, 300_000]) {
      const count = Math.ceil(8_000_000 / partBytes)
      const expected = createHash('sha256')
      for (let index = 0; index < count; index++) expected.update(Buffer.alloc(partBytes, index))
      const part = Buffer.alloc(partBytes)
      const body = {
        size: undefined,
        async *open() {
          for (let index = 0; index < count; index++) yield part.fill(index)
        },
      }
      assert.equal(await send(server.url, body), expected.digest('hex'), `${partBytes}`)
    }
  })

  test('come whole, with their length or in chunks', async () => {
    await using server = await serve((request, response) => {
      void bodyOf(request).then((bytes) =>
        response.end(
          `${request.method} ${bytes.length} ${request.headers['content-length']} ${request.headers['transfer-encoding']}`,
        ),
      )
    })
    assert.equal(await send(server.url, bodyOfParts(PART, 100).body), 'PUT 6553600 6553600 undefined')
    const { body } = bodyOfParts(PART, 3)
    assert.equal(await send(server.url, { ...body, size: undefined }), 'PUT 196608 undefined chunked')
    assert.equal(await send(server.url, bodyOfParts(PART, 0).body, { method: 'PATCH' }), 'PATCH 0 0 undefined')
  })

  test('are opened anew for each try, and after a redirect', async () => {
    let count = 0
    await using server = await serve((request, response) => {
      count++
      if (count === 1) return void request.once('data', () => request.socket.destroy())
      void bodyOf(request).then((bytes) => {
        if (count === 2) response.writeHead(503).end()
        else if (count === 3) response.writeHead(307, { location: '/other' }).end()
        else response.end(`${request.url} ${bytes.length}`)
      })
    })
    const { body, opened } = bodyOfParts(PART, 20)
    assert.equal(await send(server.url, body), `/other ${20 * PART.length}`)
    assert.equal(opened.length, 4)
  })

  test('are not sent to their end where the answer comes before', async () => {
    await using server = await serve((request, response) => {
      request.once('data', () => response.writeHead(413).end('too much'))
    })
    const { body, opened } = bodyOfParts(PART, 10_000)
    assert.equal(await send(server.url, body, { allowStatus: [413] }), 'too much')
    assert.ok(opened[0]! < 10_000 * PART.length)
  })

  test('that are shorter or longer than they say are an error of ours', async () => {
    await using server = await serve((request) => void request.resume())
    await assert.rejects(send(server.url, bodyOfParts(PART, 2, PART.length * 3).body), { code: 'FILE_CHANGED' })
    await assert.rejects(send(server.url, bodyOfParts(PART, 3, PART.length * 2).body), { code: 'FILE_CHANGED' })
  })

  test('whose source fails give that failure, without another try', async () => {
    await using server = await serve((request) => void request.resume())
    let opened = 0
    const body: RequestBody = {
      size: 100,
      async *open() {
        opened++
        yield Buffer.from('x')
        throw new Error('the disk is gone')
      },
    }
    await assert.rejects(send(server.url, body), /the disk is gone/)
    assert.equal(opened, 1)
  })

  test('that a server does not read are given up', async () => {
    await using server = await serve(() => undefined)
    await assert.rejects(
      send(server.url, bodyOfParts(PART, 10_000).body, { patience: { ...patience, attempts: 1, stallMs: 50 } }),
      { code: 'TRANSFER_FAILED', message: /no answer for 50 ms/ },
    )
  })

  test('of a slow source are no stall', async () => {
    await using server = await serve((request, response) => void bodyOf(request).then(() => response.end('fine')))
    const body: RequestBody = {
      size: 2,
      async *open() {
        yield Buffer.from('a')
        await new Promise((resolve) => setTimeout(resolve, 150))
        yield Buffer.from('b')
      },
    }
    assert.equal(await send(server.url, body, { patience: { ...patience, attempts: 1, stallMs: 60 } }), 'fine')
  })
})
